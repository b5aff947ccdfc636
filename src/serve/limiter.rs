//! Limits the connections of a listener, and decides which one is closed when there are more.
//!
//! Connections cost an attacker nothing, so a new connection must not wait for an old one to end. At the limit, the
//! connection with the least progress is closed: the one that is furthest behind a minimum rate, counted since its
//! present phase began. This covers slow heads, slow bodies, slow readers, stalled handshakes and idle connections
//! alike. While a handler works on a request, its connection is protected. The number of protected connections is
//! limited to a share that depends on the request, so that probes and scrapes always find room.
//!
//! Each phase begins with a head start during which the connection is not closed. Otherwise, attackers who reconnect
//! immediately could push out a good client before it has sent its request.

mod connection;
mod precedence;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(super) use connection::{Connection, ConnectionGuard};
pub(super) use precedence::Precedence;
pub(super) use request::ActiveRequest;

/// Rate below which a client is slow, in bytes per second. A modem of 56 kbit/s transfers 7,000, GPRS some 3,000.
pub(super) const MIN_RATE: u64 = 1024;

/// Interval at which the limiter searches again while no connection may be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long a measured lateness counts.
const LATENESS_COUNTS_FOR: Duration = Duration::from_secs(5);

/// One in this many connections is closed at once, so that a flood of new connections needs few searches.
const BATCH: usize = 64;

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    free: Arc<Semaphore>,
    shared: Arc<LimiterState>,
}

#[derive(Debug, Default)]
struct LimiterState {
    limit: usize,
    /// Number of protected requests, on all connections.
    protected: AtomicUsize,
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// The longest recent lateness, with its time of measurement.
    lateness: Mutex<Option<(Duration, Instant)>>,
}

impl ConnectionLimiter {
    pub fn new(limit: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limit)),
            shared: Arc::new(LimiterState {
                limit,
                ..LimiterState::default()
            }),
        }
    }

    /// Admits a new connection. At the limit, closes the slowest connections with this `reason`.
    pub async fn admit(&self, reason: &'static str) -> ConnectionGuard {
        loop {
            // The semaphore counts the free places: a closed connection returns its permit only when its task has
            // ended, so the limit holds even while closed connections are still being torn down.
            let waiting = match Arc::clone(&self.free).try_acquire_owned() {
                Ok(permit) => return ConnectionGuard::open(&self.shared, permit),
                Err(_) => Arc::clone(&self.free).acquire_owned(),
            };
            self.close_slowest(reason);
            let looked = Instant::now();
            let waited = tokio::time::timeout(LOOK_AGAIN, waiting).await;
            let lateness = looked.elapsed().saturating_sub(LOOK_AGAIN);
            self.shared.note_lateness(lateness, Instant::now());
            if let Ok(Ok(permit)) = waited {
                return ConnectionGuard::open(&self.shared, permit);
            }
        }
    }

    fn close_slowest(&self, reason: &'static str) {
        let now = Instant::now();
        let lateness = self.shared.lateness(now);
        // Lock order: the open connections, then the activity of each (in `rank`).
        let open = lock(&self.shared.open);
        let ranked = open
            .values()
            .filter_map(|it| Some((it.rank(now, lateness)?, it)));
        let mut ranked: Vec<_> = ranked.collect();
        let count = (self.shared.limit / BATCH).max(1).min(ranked.len());
        if count == 0 {
            return;
        }
        ranked.select_nth_unstable_by(count - 1, |one, other| other.0.cmp(&one.0));
        for (_, connection) in &ranked[..count] {
            connection.close(reason);
        }
    }
}

impl LimiterState {
    fn note_lateness(&self, lateness: Duration, now: Instant) {
        let mut longest = lock(&self.lateness);
        let is_longer = longest.is_none_or(|(known, at)| {
            known <= lateness || now.saturating_duration_since(at) >= LATENESS_COUNTS_FOR
        });
        if is_longer {
            *longest = Some((lateness, now));
        }
    }

    fn lateness(&self, now: Instant) -> Duration {
        let counts = |at: Instant| now.saturating_duration_since(at) < LATENESS_COUNTS_FOR;
        let longest = lock(&self.lateness).filter(|(_, at)| counts(*at));
        longest.map_or(Duration::ZERO, |(lateness, _)| lateness)
    }

    /// Protects one more request. Returns `false` if its precedence has used up its share.
    fn protect(&self, precedence: Precedence) -> bool {
        let share = precedence.share(self.limit);
        let protected = &self.protected;
        let more = |now: usize| (now < share).then_some(now + 1);
        protected
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

/// Locks a mutex even if it is poisoned: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
