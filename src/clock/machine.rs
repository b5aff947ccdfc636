//! Reads the machine's clocks. No other module does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Both clocks are read within this time, unless the thread is suspended in between.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Number of readings, of which the shortest counts.
const ATTEMPTS: usize = 5;

/// One reading of both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockReading {
    /// The machine's Unix time, which can be set to any value.
    pub wall: i64,
    /// Time since boot, suspend included. It cannot be set.
    pub boot: i64,
}

impl ClockReading {
    /// Reads both clocks, again if the thread was suspended in between: the clocks would seem to differ.
    pub fn now() -> Self {
        let mut shortest = Self::read_once();
        for _ in 1..ATTEMPTS {
            if shortest.1 <= AT_ONCE {
                break;
            }
            let next = Self::read_once();
            if next.1 < shortest.1 {
                shortest = next;
            }
        }
        shortest.0
    }

    fn read_once() -> (Self, Duration) {
        let began = since_boot();
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let boot = since_boot();
        let reading = Self {
            wall: millis(since_epoch),
            boot: millis(boot),
        };
        (reading, boot.saturating_sub(began))
    }

    /// The machine's Unix time minus the time since boot.
    pub fn offset(self) -> i64 {
        self.wall.saturating_sub(self.boot)
    }
}

/// `CLOCK_MONOTONIC`, which [`std::time::Instant`] reads, stops while the machine is suspended.
#[cfg(target_os = "linux")]
pub(super) fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Identifies this boot of the machine, because times since boot are comparable only within one boot. `None` if the
/// system does not provide it.
pub(super) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
