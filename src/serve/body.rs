//! Reads the bodies of requests within limits of size, time, rate and memory.
//!
//! Meta's deliveries may have 3 MB and mostly have 1 KB. A body takes memory from a budget that all bodies share, as
//! its bytes arrive, so a stalled body holds hardly more than it has sent. When the budget is used up, bodies that
//! stall or fall behind a minimum rate are dropped. If there are none, bodies wait, and one of them may exceed the
//! budget, so that they do not wait for each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::limiter::MIN_RATE;

/// Time before the minimum rate applies to a body. A lost packet is retransmitted within 3 s.
const GRACE: Duration = Duration::from_secs(5);

/// Timeout of a body, whatever its rate. Meta gives up after some 10 s and retries.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Bytes of each body that do not count against the budget.
const SMALL: usize = 4 * 1024;

/// Minimum number of bytes taken from the budget at a time. Later steps double what a body has, so that a large body
/// does not wait for each of its packets.
const STEP: usize = 16 * 1024;

/// Budget of all bodies together, in bytes: thirty of Meta's largest.
const ROOM: usize = 96 * 1024 * 1024;

/// Rate below which a body is dropped while others need its memory, in bytes per second.
const RATE_UNDER_PRESSURE: u64 = 64 * 1024;

/// Silence after which a body is dropped while others need its memory. A lost packet is retransmitted sooner.
const SILENCE_UNDER_PRESSURE: Duration = Duration::from_millis(500);

/// Interval at which a waiting body searches again for a slow one.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Time and bytes for which a refused body is read on and discarded. Without it, the client would get a
/// reset connection instead of the response.
const LINGER: Duration = Duration::from_secs(3);
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// The memory that bodies share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BodyBudget(Arc<BodyBudgetState>);

#[derive(Debug)]
struct BodyBudgetState {
    free: Arc<Semaphore>,
    /// Held by the one body that may exceed the budget.
    exception: Arc<tokio::sync::Mutex<()>>,
    next: AtomicU64,
    incomplete: Mutex<BTreeMap<u64, Arc<BodyProgress>>>,
}

/// Progress of a body that is being read.
#[derive(Debug)]
struct BodyProgress {
    since: Instant,
    bytes: AtomicU64,
    /// Milliseconds from `since` to the last bytes.
    last: AtomicU64,
    /// Whether it waits for memory, and for how many milliseconds it has waited. The client does not cause this
    /// delay.
    waits: AtomicBool,
    waited: AtomicU64,
    dropped: CancellationToken,
}

/// A complete body. It holds its part of the budget until it is dropped.
#[derive(Debug)]
pub(super) struct Whole {
    pub bytes: Bytes,
    _memory: Memory,
}

/// A part of the budget.
#[derive(Debug, Default)]
struct Memory {
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    exception: Option<OwnedMutexGuard<()>>,
}

/// Registers an incomplete body until this is dropped.
struct Incomplete<'a> {
    shared: &'a BodyBudgetState,
    number: u64,
    progress: Arc<BodyProgress>,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Larger than the limit.
    TooLarge,
    /// The client closed the connection before the end.
    Disconnected,
    /// Over the time limit, below the minimum rate, or the slowest body when memory was used up.
    TooSlow,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self::with_bytes(ROOM)
    }
}

impl BodyBudget {
    fn with_bytes(bytes: usize) -> Self {
        Self(Arc::new(BodyBudgetState {
            free: Arc::new(Semaphore::new(bytes)),
            exception: Arc::default(),
            next: AtomicU64::new(0),
            incomplete: Mutex::default(),
        }))
    }

    /// Reads a body of at most `limit` bytes. A body whose headers declare a greater length is not read.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<Whole, BodyError> {
        if content_length(headers).is_some_and(|length| length > limit as u64) {
            discard(headers, body);
            return Err(BodyError::TooLarge);
        }
        let incomplete = self.0.begin();
        let dropped = incomplete.progress.dropped.clone();
        let reading = self.read_at_rate(body, limit, &incomplete);
        let reading = timeout(MOST_TIME, dropped.run_until_cancelled(reading));
        let whole = reading.await.ok().flatten();
        whole.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn read_at_rate(
        &self,
        mut body: Body,
        limit: usize,
        incomplete: &Incomplete<'_>,
    ) -> Result<Whole, BodyError> {
        let (mut bytes, mut memory) = (BytesMut::new(), Memory::default());
        let progress = &incomplete.progress;
        loop {
            let due = progress.since + progress.waited() + time_for(bytes.len());
            let data = timeout_at(due, next(&mut body)).await;
            let Some(data) = data.map_err(|_| BodyError::TooSlow)?? else {
                let bytes = bytes.freeze();
                return Ok(Whole {
                    bytes,
                    _memory: memory,
                });
            };
            let length = bytes.len() + data.len();
            if length > limit {
                linger(body);
                return Err(BodyError::TooLarge);
            }
            let most = most(&body, length, limit);
            self.0.grow(&mut memory, length, most, progress).await;
            bytes.extend_from_slice(&data);
            progress.note(length);
        }
    }
}

/// Maximum size that the body can reach, according to its remaining length.
fn most(body: &Body, so_far: usize, limit: usize) -> usize {
    let left = body.size_hint().upper();
    let left = left.and_then(|left| usize::try_from(left).ok());
    left.map_or(limit, |left| so_far.saturating_add(left).min(limit))
}

/// Time in which a client at the minimum rate sends the byte after the first `bytes`.
fn time_for(bytes: usize) -> Duration {
    GRACE + Duration::from_secs_f64(bytes as f64 / MIN_RATE as f64)
}

impl BodyBudgetState {
    fn begin(&self) -> Incomplete<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(BodyProgress {
            since: Instant::now(),
            bytes: AtomicU64::new(0),
            last: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            waited: AtomicU64::new(0),
            dropped: CancellationToken::new(),
        });
        self.incomplete().insert(number, Arc::clone(&progress));
        Incomplete {
            shared: self,
            number,
            progress,
        }
    }

    /// Takes memory for `length` bytes of a body that has at most `most` bytes in the end.
    async fn grow(&self, memory: &mut Memory, length: usize, most: usize, progress: &BodyProgress) {
        let missing = length.saturating_sub(memory.bytes + SMALL);
        if missing == 0 {
            return;
        }
        // Takes all that these bytes need at once: a body that waits while holding a part would make others wait.
        let step = missing.max(memory.bytes).max(STEP);
        let step = step.min(most.saturating_sub(memory.bytes)).max(missing);
        let permits = u32::try_from(step).expect("bodies are limited to megabytes");
        let permit = match Arc::clone(&self.free).try_acquire_many_owned(permits) {
            Ok(permit) => Some(permit),
            Err(_) if memory.exception.is_some() => None,
            Err(_) => self.wait(memory, permits, progress).await,
        };
        memory.bytes += step;
        match (&mut memory.permit, permit) {
            (Some(held), Some(more)) => held.merge(more),
            (held @ None, more) => *held = more,
            (Some(_), None) => {}
        }
    }

    /// Waits for a step of memory, or for the right to exceed the budget.
    async fn wait(
        &self,
        memory: &mut Memory,
        permits: u32,
        progress: &BodyProgress,
    ) -> Option<OwnedSemaphorePermit> {
        let began = Instant::now();
        progress.waits.store(true, Ordering::Relaxed);
        let step = Arc::clone(&self.free).acquire_many_owned(permits);
        let (mut step, exception) = (
            std::pin::pin!(step),
            Arc::clone(&self.exception).lock_owned(),
        );
        let mut exception = std::pin::pin!(exception);
        let permit = loop {
            self.drop_slow();
            tokio::select! {
                biased;
                permit = &mut step => break Some(permit.expect("the semaphore is never closed")),
                exception = &mut exception => {
                    memory.exception = Some(exception);
                    break None;
                }
                () = sleep(LOOK_AGAIN) => {}
            }
        };
        let waited = began.elapsed().as_millis() as u64;
        progress.waited.fetch_add(waited, Ordering::Relaxed);
        // Resets the silence before it counts again: while the body waited, the exporter did not read it.
        progress.touch();
        progress.waits.store(false, Ordering::Release);
        permit
    }

    /// Drops the bodies that stall or fall behind.
    fn drop_slow(&self) {
        let now = Instant::now();
        let incomplete = self.incomplete();
        let slow = incomplete.values().filter(|progress| progress.is_slow(now));
        slow.for_each(|progress| progress.dropped.cancel());
    }

    fn incomplete(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<BodyProgress>>> {
        self.incomplete
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyProgress {
    fn waited(&self) -> Duration {
        Duration::from_millis(self.waited.load(Ordering::Relaxed))
    }

    fn note(&self, bytes: usize) {
        self.bytes.store(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        let last = self.since.elapsed().as_millis() as u64;
        self.last.store(last, Ordering::Relaxed);
    }

    /// Whether it holds memory and is too slow. A body that waits is not slow.
    fn is_slow(&self, now: Instant) -> bool {
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

impl Drop for Incomplete<'_> {
    fn drop(&mut self) {
        self.shared.incomplete().remove(&self.number);
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Disconnected)?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Reads the rest of a refused request's body in the background, as [`linger`] does. If the client waits for `100
/// Continue`, it has sent no body, so nothing is read.
pub(super) fn discard(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        linger(body);
    }
}

/// Reads and discards a body, so that a client that is still sending gets the response.
fn linger(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(LINGER, async move {
        let mut discarded = 0;
        while let Ok(Some(data)) = next(&mut body).await {
            discarded += data.len();
            if discarded > MAX_DISCARDED {
                break;
            }
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: usize) -> Body {
        Body::from(vec![b'x'; length])
    }

    async fn read(budget: &BodyBudget, body: Body, limit: usize) -> Result<usize, BodyError> {
        let whole = budget.read(&HeaderMap::new(), body, limit).await;
        whole.map(|whole| whole.bytes.len())
    }

    /// A body of `times` chunks of `bytes`, one after every `pause`.
    fn trickle(bytes: usize, pause: Duration, times: usize) -> Body {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            for time in 0..times {
                if time > 0 {
                    sleep(pause).await;
                }
                if sender.send(Bytes::from(vec![b'x'; bytes])).await.is_err() {
                    return;
                }
            }
        });
        Body::new(Received(receiver))
    }

    struct Received(tokio::sync::mpsc::Receiver<Bytes>);

    impl HttpBody for Received {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            let data = self.0.poll_recv(context);
            data.map(|data| data.map(|data| Ok(hyper::body::Frame::data(data))))
        }
    }

    #[tokio::test]
    async fn bodies_have_a_limit() {
        let budget = BodyBudget::default();
        assert_eq!(read(&budget, of_length(10), 10).await, Ok(10));
        assert_eq!(
            read(&budget, of_length(11), 10).await,
            Err(BodyError::TooLarge)
        );
        assert_eq!(read(&budget, Body::empty(), 0).await, Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_declared_length_over_the_limit_is_refused_before_reading() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, 11.into())]);
        let never = trickle(1, Duration::from_secs(1_000), 11);
        let began = Instant::now();
        let refused = BodyBudget::default().read(&headers, never, 10).await;
        assert_eq!(refused.err(), Some(BodyError::TooLarge));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_senders_pass_and_stalled_or_dripping_ones_do_not() {
        let budget = BodyBudget::default();
        // A modem of 56 kbit/s, with 7 KB each second; and a client that is silent for 4 s at first.
        for (bytes, pause, times) in [(7_000, 1_000, 20), (500, 4_000, 2), (1_200, 1_000, 50)] {
            let body = trickle(bytes, Duration::from_millis(pause), times);
            assert_eq!(read(&budget, body, 1 << 20).await, Ok(bytes * times));
        }
        for (bytes, pause, most) in [(10, 1_000_000, 6), (1, 100, 6), (900, 1_000, 60)] {
            let began = Instant::now();
            let body = trickle(bytes, Duration::from_millis(pause), 10_000);
            assert_eq!(read(&budget, body, 1 << 20).await, Err(BodyError::TooSlow));
            assert!(began.elapsed() <= Duration::from_secs(most));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_body_takes_longer_than_a_minute() {
        let body = trickle(2_000, Duration::from_secs(1), 1_000);
        let began = Instant::now();
        let outcome = read(&BodyBudget::default(), body, 1 << 22).await;
        assert_eq!(outcome, Err(BodyError::TooSlow));
        assert_eq!(began.elapsed(), MOST_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_bodies_lose_their_memory_to_others() {
        let budget = BodyBudget::with_bytes(1 << 20);
        let stalled: Vec<_> = (0..100)
            .map(|_| {
                let (budget, body) = (budget.clone(), trickle(70_000, Duration::from_secs(100), 2));
                tokio::spawn(async move { read(&budget, body, 1 << 22).await })
            })
            .collect();
        sleep(Duration::from_secs(3)).await;
        let began = Instant::now();
        let large = trickle(16 * 1024, Duration::from_millis(10), 128);
        assert_eq!(read(&budget, large, 1 << 22).await, Ok(2 << 20));
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "{:?}",
            began.elapsed()
        );
        for reader in stalled {
            assert_eq!(reader.await.expect("no panic"), Err(BodyError::TooSlow));
        }
        assert_eq!(budget.0.free.available_permits(), 1 << 20);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_all_make_progress_take_turns_and_all_end() {
        let budget = BodyBudget::with_bytes(1 << 20);
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let body = trickle(64 * 1024, Duration::from_millis(100), 12);
                let budget = budget.clone();
                tokio::spawn(async move { read(&budget, body, 1 << 20).await })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.await.expect("no panic"), Ok(12 * 64 * 1024));
        }
        assert_eq!(budget.0.free.available_permits(), 1 << 20);
    }
}
