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

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Rate below which a client is slow, in bytes per second. A modem of 56 kbit/s transfers 7,000, GPRS some 3,000.
pub(super) const MIN_RATE: u64 = 1024;

/// Time in each phase before the connection may be closed: for the handshake and head of a new connection, for the
/// body of a delivery, for the first bytes of a response. Meta needs some 300 ms. During a flood, a new connection
/// waits at most about this long for a place, so a longer time would delay it. Bodies without a plausible signature
/// have no head start.
const HEAD_START: Duration = Duration::from_millis(500);

/// Interval at which the limiter searches again while no connection may be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Maximum extension of the head start by the lateness of this process: on a busy machine, received data may wait to
/// be read, which does not make the client slow. With a longer extension, a flood of idle connections would delay new
/// ones beyond the timeout of probes.
const MOST_LATENESS: Duration = Duration::from_millis(250);

/// How long a measured lateness counts.
const LATENESS_COUNTS_FOR: Duration = Duration::from_secs(5);

/// One in this many connections is closed at once, so that a flood of new connections needs few searches.
const BATCH: usize = 64;

/// Precedence of a request, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precedence {
    /// Pages, APIs and unknown paths.
    Ordinary,
    /// Deliveries with a signature header of the right form and a length within the limit.
    Delivery,
    /// `/metrics`.
    Scrape,
    /// Health and readiness.
    Probe,
}

impl Precedence {
    /// Number of connections, of `limit`, that working handlers can protect from being closed.
    fn share(self, limit: usize) -> usize {
        match self {
            Self::Ordinary => limit / 2,
            Self::Delivery => limit * 3 / 4,
            Self::Scrape => limit * 7 / 8,
            Self::Probe => limit * 15 / 16,
        }
    }
}

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

/// An open connection. The limiter counts it until its [`ConnectionGuard`] is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<LimiterState>,
    /// Bytes read and written so far.
    moved: AtomicU64,
    activity: Mutex<Activity>,
    closed: CancellationToken,
    reason: OnceLock<&'static str>,
    client: OnceLock<IpAddr>,
}

/// Releases the connection's place when dropped.
#[derive(Debug)]
pub(super) struct ConnectionGuard {
    number: u64,
    connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

/// Current activity of a connection.
#[derive(Debug)]
struct Activity {
    requests: usize,
    protected: usize,
    /// Start of the present phase, and the bytes moved before it.
    since: Instant,
    moved_before: u64,
    /// Time in which the connection is not closed, and which does not count as delay.
    head_start: Duration,
}

/// Stage of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client sends the body, or the request waits for its turn.
    Waiting,
    /// The handler has the whole request, and its connection is protected.
    Working,
    /// As `Working`, but the share of its precedence is used up: the connection may be closed.
    Unprotected,
    /// The client reads the response. This stage is final: reading and discarding a body must not protect the
    /// connection again.
    Responding,
}

/// An active request. Cheap to clone; the request ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct ActiveRequest(Arc<RequestState>);

#[derive(Debug)]
struct RequestState {
    connection: Arc<Connection>,
    precedence: Precedence,
    stage: Mutex<Stage>,
}

/// A pause in the handler's work, which resumes when this is dropped.
#[derive(Debug)]
pub(super) struct WorkPause(ActiveRequest);

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
                Ok(permit) => return self.shared.open(permit),
                Err(_) => Arc::clone(&self.free).acquire_owned(),
            };
            self.close_slowest(reason);
            let looked = Instant::now();
            let waited = tokio::time::timeout(LOOK_AGAIN, waiting).await;
            let lateness = looked.elapsed().saturating_sub(LOOK_AGAIN);
            self.shared.note_lateness(lateness, Instant::now());
            if let Ok(Ok(permit)) = waited {
                return self.shared.open(permit);
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
    fn open(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> ConnectionGuard {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            shared: Arc::clone(self),
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
        });
        lock(&self.open).insert(number, Arc::clone(&connection));
        ConnectionGuard {
            number,
            connection,
            _permit: permit,
        }
    }

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

impl Connection {
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

    /// Starts a request whose body has not been read yet.
    pub fn begin(self: &Arc<Self>, precedence: Precedence) -> ActiveRequest {
        let mut activity = lock(&self.activity);
        activity.requests += 1;
        // With HTTP/2, a further request must not restart the phase: a client could begin requests to avoid being
        // slow.
        if activity.requests == 1 {
            self.start_phase(&mut activity);
            activity.head_start = match precedence {
                Precedence::Ordinary => Duration::ZERO,
                Precedence::Delivery | Precedence::Scrape | Precedence::Probe => HEAD_START,
            };
        }
        ActiveRequest(Arc::new(RequestState {
            connection: Arc::clone(self),
            precedence,
            stage: Mutex::new(Stage::Waiting),
        }))
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
    fn rank(&self, now: Instant, lateness: Duration) -> Option<(u64, Duration)> {
        let activity = lock(&self.activity);
        if activity.protected > 0 || self.closed.is_cancelled() {
            return None;
        }
        let age = now.duration_since(activity.since);
        let head_start = match activity.head_start {
            Duration::ZERO => Duration::ZERO,
            some => some + lateness.min(MOST_LATENESS),
        };
        if age < head_start {
            return None;
        }
        Some((self.behind(&activity, MIN_RATE, now), age))
    }

    fn start_phase(&self, activity: &mut Activity) {
        activity.since = Instant::now();
        activity.moved_before = self.moved.load(Ordering::Relaxed);
        activity.head_start = Duration::ZERO;
    }
}

impl ConnectionGuard {
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

impl ActiveRequest {
    /// The connection of the request.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    /// Call when the whole request has arrived: its handler works from now on.
    pub fn work(&self) {
        let RequestState {
            connection,
            precedence,
            stage,
        } = &*self.0;
        // Invariant: `Shared::protected` and `Activity::protected` count the requests in `Stage::Working`. Both
        // change under the lock of the stage that enters or leaves it. Lock order: stage, then activity.
        let mut stage = lock(stage);
        if *stage != Stage::Waiting {
            return;
        }
        if !connection.shared.protect(*precedence) {
            *stage = Stage::Unprotected;
            return;
        }
        *stage = Stage::Working;
        lock(&connection.activity).protected += 1;
    }

    /// Call when the request waits for its turn: its connection is not protected meanwhile.
    pub fn wait(&self) {
        self.stop_work(Stage::Waiting);
    }

    /// Call when the response begins, even if the request's body is still being discarded.
    pub fn respond(&self) {
        self.stop_work(Stage::Responding);
    }

    fn stop_work(&self, next: Stage) {
        let connection = &self.0.connection;
        let mut stage = lock(&self.0.stage);
        if *stage == Stage::Responding {
            return;
        }
        let previous = std::mem::replace(&mut *stage, next);
        if previous == Stage::Waiting {
            return;
        }
        let mut activity = lock(&connection.activity);
        if previous == Stage::Working {
            connection.shared.protected.fetch_sub(1, Ordering::Relaxed);
            activity.protected -= 1;
        }
        // The handler's time must not count as the client's delay, whether the request was protected or not.
        if activity.protected == 0 {
            connection.start_phase(&mut activity);
            activity.head_start = HEAD_START;
        }
    }

    /// Makes the request wait until the pause is dropped.
    pub fn pause(&self) -> WorkPause {
        self.wait();
        WorkPause(self.clone())
    }
}

impl Drop for WorkPause {
    fn drop(&mut self) {
        self.0.work();
    }
}

impl Drop for RequestState {
    fn drop(&mut self) {
        let is_working = *lock(&self.stage) == Stage::Working;
        let mut activity = lock(&self.connection.activity);
        if is_working {
            let protected = &self.connection.shared.protected;
            protected.fetch_sub(1, Ordering::Relaxed);
            activity.protected -= 1;
        }
        activity.requests -= 1;
        if activity.requests == 0 {
            self.connection.start_phase(&mut activity);
            // The last bytes of the response may still be on their way to the socket.
            activity.head_start = HEAD_START;
        }
    }
}

/// Locks a mutex even if it is poisoned: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASON: &str = "no_room";

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    fn is_closed(guard: &ConnectionGuard) -> bool {
        guard.connection().closed().is_cancelled()
    }

    async fn fill(limiter: &ConnectionLimiter) -> Vec<ConnectionGuard> {
        let mut guards = Vec::new();
        while limiter.free.available_permits() > 0 {
            guards.push(limiter.admit(REASON).await);
        }
        guards
    }

    /// Admits one more connection, and returns the numbers of the connections that were closed for it.
    async fn closed_for_one_more(
        limiter: ConnectionLimiter,
        guards: &mut [Option<ConnectionGuard>],
    ) -> Vec<usize> {
        let coming = tokio::spawn(async move { limiter.admit(REASON).await });
        loop {
            tokio::task::yield_now().await;
            let closed: Vec<usize> = guards
                .iter()
                .enumerate()
                .filter_map(|(place, guard)| is_closed(guard.as_ref()?).then_some(place))
                .collect();
            if !closed.is_empty() {
                closed.iter().for_each(|place| guards[*place] = None);
                drop(coming.await.expect("no panic"));
                return closed;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_connection_is_closed() {
        let limiter = ConnectionLimiter::new(4);
        let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
        let request = |place: usize, precedence| {
            let guard: &ConnectionGuard = guards[place].as_ref().expect("open");
            guard.connection().begin(precedence)
        };
        let (idle, fast, slow) = (0, 1, 2);
        let requests = [
            request(fast, Precedence::Delivery),
            request(slow, Precedence::Delivery),
        ];
        pass(3_000).await;
        requests[0].connection().count(10_000);
        requests[1].connection().count(10);
        // The idle connection began before both, with the same head start, and has moved no bytes.
        let newest = request(3, Precedence::Ordinary);
        assert_eq!(closed_for_one_more(limiter, &mut guards).await, [idle]);
        drop((requests, newest));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_client_ranks_slower_than_a_new_one() {
        let limiter = ConnectionLimiter::new(2);
        let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
        let dripping = guards[0].as_ref().expect("open").connection().clone();
        let _body = dripping.begin(Precedence::Delivery);
        for _ in 0..20 {
            pass(100).await;
            dripping.count(1);
        }
        let fresh = guards[1].as_ref().expect("open").connection().clone();
        let _request = fresh.begin(Precedence::Delivery);
        assert_eq!(closed_for_one_more(limiter, &mut guards).await, [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_signed_bodies_have_a_head_start() {
        let limiter = ConnectionLimiter::new(2);
        let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
        let begin = |place: usize, precedence| {
            let guard: &ConnectionGuard = guards[place].as_ref().expect("open");
            guard.connection().begin(precedence)
        };
        let _signed = begin(0, Precedence::Delivery);
        pass(400).await;
        let _nameless = begin(1, Precedence::Ordinary);
        assert_eq!(closed_for_one_more(limiter, &mut guards).await, [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_connections_wait_while_all_have_their_head_start() {
        let limiter = ConnectionLimiter::new(2);
        let guards = fill(&limiter).await;
        let coming = tokio::spawn(async move { limiter.admit(REASON).await });
        let first = guards[0].connection().clone();
        let _request = first.begin(Precedence::Delivery);
        pass(300).await;
        assert!(!guards.iter().any(is_closed) && !coming.is_finished());
        pass(300).await;
        tokio::select! {
            () = first.closed().cancelled() => {}
            () = guards[1].connection().closed().cancelled() => {}
        }
        drop(guards);
        drop(coming.await.expect("no panic"));
    }

    #[tokio::test(start_paused = true)]
    async fn working_handlers_keep_their_connection_up_to_their_share() {
        let limiter = ConnectionLimiter::new(16);
        let guards = fill(&limiter).await;
        let begin = |guard: &ConnectionGuard, precedence| {
            let request = guard.connection().begin(precedence);
            request.work();
            request
        };
        let ordinary: Vec<_> = guards[..10]
            .iter()
            .map(|guard| begin(guard, Precedence::Ordinary))
            .collect();
        let deliveries: Vec<_> = guards[10..]
            .iter()
            .map(|guard| begin(guard, Precedence::Delivery))
            .collect();
        pass(1_000).await;
        let protected = |guard: &&ConnectionGuard| {
            guard
                .connection()
                .rank(Instant::now(), Duration::ZERO)
                .is_none()
        };
        assert_eq!(guards[..10].iter().filter(protected).count(), 8);
        assert_eq!(guards[10..].iter().filter(protected).count(), 4);
        // A protected request that waits for its turn loses its protection.
        let pause = deliveries[0].pause();
        pass(1_000).await;
        assert_eq!(guards[10..].iter().filter(protected).count(), 3);
        drop(pause);
        assert_eq!(guards[10..].iter().filter(protected).count(), 4);
        drop((ordinary, deliveries));
        pass(1_000).await;
        assert_eq!(guards.iter().filter(protected).count(), 0);
        assert_eq!(limiter.shared.protected.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn time_of_an_unprotected_handler_does_not_count_as_delay() {
        // A limit of one leaves no share for any precedence.
        let limiter = ConnectionLimiter::new(1);
        let guard = limiter.admit(REASON).await;
        let request = guard.connection().begin(Precedence::Scrape);
        request.work();
        pass(3_000).await;
        assert!(
            guard
                .connection()
                .rank(Instant::now(), Duration::ZERO)
                .is_some()
        );
        request.respond();
        let behind = |rate| guard.connection().bytes_behind(rate, Instant::now());
        assert_eq!(behind(1 << 20), 0);
        assert_eq!(
            guard.connection().rank(Instant::now(), Duration::ZERO),
            None
        );
        pass(1_000).await;
        assert!(
            behind(1 << 20) > 0
                && guard
                    .connection()
                    .rank(Instant::now(), Duration::ZERO)
                    .is_some()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_ends_during_the_response_protects_nothing() {
        let limiter = ConnectionLimiter::new(16);
        let guard = limiter.admit(REASON).await;
        let request = guard.connection().begin(Precedence::Delivery);
        let pause = request.pause();
        request.respond();
        request.work();
        drop(pause);
        request.wait();
        request.work();
        pass(1_000).await;
        assert!(
            guard
                .connection()
                .rank(Instant::now(), Duration::ZERO)
                .is_some()
        );
        assert_eq!(limiter.shared.protected.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn while_all_handlers_work_the_first_to_finish_is_closed() {
        let limiter = ConnectionLimiter::new(1);
        let guard = limiter.admit(REASON).await;
        // A limit of one leaves no share for any precedence, so the test protects the connection itself.
        guard
            .connection()
            .activity
            .lock()
            .expect("unpoisoned")
            .protected = 1;
        let coming = tokio::spawn(async move { limiter.admit(REASON).await });
        pass(200).await;
        assert!(!is_closed(&guard));
        guard
            .connection()
            .activity
            .lock()
            .expect("unpoisoned")
            .protected = 0;
        guard.connection().closed().cancelled().await;
        assert_eq!(guard.connection().reason(), Some(REASON));
        drop(guard);
        drop(coming.await.expect("no panic"));
    }

    #[tokio::test(start_paused = true)]
    async fn lateness_extends_the_head_start() {
        let limiter = ConnectionLimiter::new(1);
        let guard = limiter.admit(REASON).await;
        let late = Duration::from_millis(200);
        limiter.shared.note_lateness(late, Instant::now());
        limiter.shared.note_lateness(Duration::ZERO, Instant::now());
        let rank = |limiter: &ConnectionLimiter| {
            let now = Instant::now();
            guard.connection().rank(now, limiter.shared.lateness(now))
        };
        pass(600).await;
        assert_eq!(rank(&limiter), None, "500 ms and 200 ms");
        pass(101).await;
        assert!(rank(&limiter).is_some());
        limiter.shared.note_lateness(late * 10, Instant::now());
        pass(100).await;
        assert!(rank(&limiter).is_some(), "250 ms at most");
        pass(5_000).await;
        assert_eq!(limiter.shared.lateness(Instant::now()), Duration::ZERO);
    }
}
