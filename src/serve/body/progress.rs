//! The progress of a body that is being read, and when it is too slow to keep its memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SMALL;

/// Rate below which a body is dropped while others need its memory, in bytes per second.
const RATE_UNDER_PRESSURE: u64 = 64 * 1024;

/// Silence after which a body is dropped while others need its memory. A lost packet is retransmitted sooner.
const SILENCE_UNDER_PRESSURE: Duration = Duration::from_millis(500);

/// Progress of a body that is being read.
#[derive(Debug)]
pub(super) struct BodyProgress {
    pub since: Instant,
    bytes: AtomicU64,
    /// Milliseconds from `since` to the last bytes.
    last: AtomicU64,
    /// Whether it waits for memory, and for how many milliseconds it has waited. The client does not cause this
    /// delay.
    pub waits: AtomicBool,
    pub waited: AtomicU64,
    pub dropped: CancellationToken,
}

impl BodyProgress {
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            bytes: AtomicU64::new(0),
            last: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            waited: AtomicU64::new(0),
            dropped: CancellationToken::new(),
        }
    }

    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.waited.load(Ordering::Relaxed))
    }

    pub fn note(&self, bytes: usize) {
        self.bytes.store(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    pub fn touch(&self) {
        let last = self.since.elapsed().as_millis() as u64;
        self.last.store(last, Ordering::Relaxed);
    }

    /// Whether it holds memory and is too slow. A body that waits is not slow.
    pub fn is_slow(&self, now: Instant) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes <= SMALL as u64 || self.waits.load(Ordering::Acquire) {
            return false;
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let took = now.duration_since(self.since);
        let due = took.saturating_sub(self.waited()).as_secs_f64() * RATE_UNDER_PRESSURE as f64;
        let is_behind = (due as u64).saturating_sub(bytes) >= RATE_UNDER_PRESSURE;
        is_behind || took.saturating_sub(last) >= SILENCE_UNDER_PRESSURE
    }
}
