//! An open connection: the bytes it has moved in its present phase, and its rank for closing.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LimiterState, MIN_RATE, lock};

/// Time in each phase before the connection may be closed: for the handshake and head of a new connection, for the
/// body of a delivery, for the first bytes of a response. Meta needs some 300 ms. During a flood, a new connection
/// waits at most about this long for a place, so a longer time would delay it. Bodies without a plausible signature
/// have no head start.
pub(super) const HEAD_START: Duration = Duration::from_millis(500);

/// Maximum extension of the head start by the lateness of this process: on a busy machine, received data may wait to
/// be read, which does not make the client slow. With a longer extension, a flood of idle connections would delay new
/// ones beyond the timeout of probes.
const MAX_LATENESS: Duration = Duration::from_millis(250);

/// An open connection. The limiter counts it until its [`ConnectionGuard`] is dropped.
#[derive(Debug)]
pub(in crate::serve) struct Connection {
    pub(super) shared: Arc<LimiterState>,
    /// Bytes read and written so far.
    moved: AtomicU64,
    pub(super) activity: Mutex<Activity>,
    closed: CancellationToken,
    reason: OnceLock<&'static str>,
    client: OnceLock<IpAddr>,
}

/// Releases the connection's place when dropped.
#[derive(Debug)]
pub(in crate::serve) struct ConnectionGuard {
    number: u64,
    connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

/// Current activity of a connection.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) requests: usize,
    pub(super) protected: usize,
    /// Start of the present phase, and the bytes moved before it.
    since: Instant,
    moved_before: u64,
    /// Time in which the connection is not closed, and which does not count as delay.
    pub(super) head_start: Duration,
}

impl Connection {
    fn new(shared: &Arc<LimiterState>) -> Self {
        Self {
            shared: Arc::clone(shared),
            moved: AtomicU64::new(0),
            activity: Mutex::new(Activity {
                requests: 0,
                protected: 0,
                since: Instant::now(),
                moved_before: 0,
                head_start: HEAD_START,
            }),
            closed: CancellationToken::new(),
            reason: OnceLock::new(),
            client: OnceLock::new(),
        }
    }

    /// Closes the connection. Only the first reason is kept.
    pub fn close(&self, reason: &'static str) {
        let _ = self.reason.set(reason);
        self.closed.cancel();
    }

    /// Cancelled when the connection must be closed.
    pub fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Why the connection was closed. `None` while it is open.
    pub fn reason(&self) -> Option<&'static str> {
        self.reason.get().copied()
    }

    /// Sets the client's address. Only the first call has an effect.
    pub fn set_client(&self, client: IpAddr) {
        let _ = self.client.set(client);
    }

    /// The client's address.
    pub fn client(&self) -> Option<IpAddr> {
        self.client.get().copied()
    }

    /// Counts bytes that the socket has read or written.
    pub fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes by which the client is behind `rate`, counted since the present phase began. 0 while a handler works.
    pub fn bytes_behind(&self, rate: u64, now: Instant) -> u64 {
        let activity = lock(&self.activity);
        if activity.protected > 0 {
            return 0;
        }
        self.behind(&activity, rate, now)
    }

    fn behind(&self, activity: &Activity, rate: u64, now: Instant) -> u64 {
        let late = now.duration_since(activity.since);
        let late = late.saturating_sub(activity.head_start);
        let due = late.as_secs_f64() * rate as f64;
        let moved = self.moved.load(Ordering::Relaxed);
        (due as u64).saturating_sub(moved - activity.moved_before)
    }

    /// Rank for closing: connections with a higher one are closed first, by bytes behind, then by age. `None` if the
    /// connection is protected, has its head start, or is already closed.
    pub(super) fn rank(&self, now: Instant, lateness: Duration) -> Option<(u64, Duration)> {
        let activity = lock(&self.activity);
        if activity.protected > 0 || self.closed.is_cancelled() {
            return None;
        }
        let age = now.duration_since(activity.since);
        let head_start = match activity.head_start {
            Duration::ZERO => Duration::ZERO,
            some => some + lateness.min(MAX_LATENESS),
        };
        if age < head_start {
            return None;
        }
        Some((self.behind(&activity, MIN_RATE, now), age))
    }

    pub(super) fn start_phase(&self, activity: &mut Activity) {
        activity.since = Instant::now();
        activity.moved_before = self.moved.load(Ordering::Relaxed);
        activity.head_start = Duration::ZERO;
    }
}

impl ConnectionGuard {
    /// Registers a new connection in the place of `permit`.
    pub(super) fn open(limiter: &Arc<LimiterState>, permit: OwnedSemaphorePermit) -> Self {
        let number = limiter.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(limiter));
        lock(&limiter.open).insert(number, Arc::clone(&connection));
        Self {
            number,
            connection,
            _permit: permit,
        }
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        lock(&self.connection.shared.open).remove(&self.number);
    }
}
