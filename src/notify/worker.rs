//! Posts the changes to one receiver, one after the other.
//!
//! The receiver's position is committed after its acceptance, so a crash in between repeats a request with the same
//! id.

mod outcome;
mod reading;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::SharedAssignments;
use super::figures::ReceiverMetrics;
use super::message::Message;
use super::receiver::Receiver;
use crate::clock;
use crate::deliver::{LogLimiter, SendError, SendFailure};
use crate::domain::Timestamp;
use crate::store::{SideEffectPermit, Signal, SignalSpan, Store, StoreUnavailable};
use crate::telemetry::Telemetry;

/// Number of accepted changes that triggers a commit of the position.
const COMMIT_EVERY: i64 = 256;

/// Longest time until fewer changes are committed. They are posted again after a crash.
const COMMIT_WITHIN: Duration = Duration::from_secs(1);

/// Wait before a failed read of the store is repeated.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Grace period for the request in flight at a stop, as for the relay.
const GRACE: Duration = Duration::from_secs(5);

/// Time limit of the last commit after that.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

/// A message to post. The position moves to `settles` once it is accepted; `None` if later messages are of the same
/// window.
struct Post {
    message: Message,
    settles: Option<i64>,
}

/// The next thing to do.
enum WorkerStep {
    Send,
    WaitUntil(Instant),
    Idle,
}

pub(super) struct ReceiverWorker {
    receiver: Receiver,
    max_age: Duration,
    assignments: SharedAssignments,
    store: Arc<Store>,
    figures: ReceiverMetrics,
    permit: SideEffectPermit,
    failure: LogLimiter,
    unreadable: LogLimiter,
    /// Time of the first failed read since the last one that succeeded.
    unread_since: Option<Timestamp>,
    /// Number of the last change that was read from the store.
    read: i64,
    /// Number of the last change that needs no further attempt.
    settled: i64,
    /// The settled number that the store has committed.
    committed: i64,
    next_commit: Instant,
    /// Selected changes that were read and are not in a message yet.
    waiting: VecDeque<Signal>,
    posts: VecDeque<Post>,
    /// Failures since the last success.
    failures: u32,
    /// Refusals of the first message.
    refusals: u32,
    not_before: Option<Instant>,
}

impl ReceiverWorker {
    pub fn new(
        receiver: Receiver,
        max_age: Duration,
        assignments: SharedAssignments,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            figures: ReceiverMetrics::new(telemetry, receiver.name.clone()),
            receiver,
            max_age,
            assignments,
            permit: store.side_effect_permit(),
            store,
            failure: LogLimiter::default(),
            unreadable: LogLimiter::default(),
            unread_since: None,
            read: 0,
            settled: 0,
            committed: 0,
            next_commit: Instant::now(),
            waiting: VecDeque::new(),
            posts: VecDeque::new(),
            failures: 0,
            refusals: 0,
            not_before: None,
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        let mut span = self.store.signal_span();
        let known = stop.run_until_cancelled(self.find_position()).await;
        if known.is_some() {
            loop {
                let now = *span.borrow_and_update();
                let step = self.next_step(now).await;
                self.commit_if_due(now).await;
                self.show(now);
                match step {
                    WorkerStep::Send => {
                        let Some(outcome) = self.send(&stop).await else {
                            break;
                        };
                        self.note(outcome);
                        if stop.is_cancelled() {
                            break;
                        }
                    }
                    WorkerStep::WaitUntil(at) => tokio::select! {
                        () = stop.cancelled() => break,
                        () = sleep_until(at.into()) => {}
                        Ok(()) = span.changed() => {}
                    },
                    WorkerStep::Idle => tokio::select! {
                        () = stop.cancelled() => break,
                        () = sleep_until(self.next_commit.into()), if self.has_uncommitted() => {}
                        Ok(()) = span.changed() => {}
                    },
                }
            }
        }
        // The store reports its failures.
        drop(timeout(COMMIT_GRACE, self.commit()).await);
    }

    /// Reads the receiver's position. The store has it before a worker starts.
    async fn find_position(&mut self) {
        loop {
            match self.store.settled_signal(&self.receiver.name).await {
                Ok(settled) => {
                    let newest = self.store.signal_span().borrow().newest;
                    self.settled = settled.unwrap_or(newest);
                    (self.read, self.committed) = (self.settled, self.settled);
                    return;
                }
                Err(error) => {
                    self.note_unreadable(&error);
                    self.show(*self.store.signal_span().borrow());
                    sleep(READ_AGAIN).await;
                }
            }
        }
    }

    /// New changes wait, although the store cannot be read.
    fn note_unreadable(&mut self, error: &StoreUnavailable) {
        self.figures.failed(SendFailure::Store);
        self.unread_since.get_or_insert_with(clock::now);
        if let Some(suppressed) = self.unreadable.next(Instant::now()) {
            let receiver = &self.receiver.name;
            tracing::error!(%receiver, %error, suppressed, "could not read the queue of notifications; they wait");
        }
    }

    /// Posts the first message. `None` if it was not answered within the grace period of a stop.
    async fn send(&self, stop: &CancellationToken) -> Option<Result<u16, SendError>> {
        let message = &self.posts.front()?.message;
        let assignments = self.assignments.load_full();
        let stopped = async {
            stop.cancelled().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            outcome = self.receiver.send(message, &assignments) => Some(outcome),
            () = stopped => None,
        }
    }

    /// The commit of the oldest change in a message, or the time since which changes cannot be read.
    fn oldest(&self) -> Option<Timestamp> {
        let first = self.posts.front().map(|post| post.message.signals());
        let first = first.and_then(|signals| Some(signals.first()?.recorded_at));
        first.or(self.unread_since)
    }

    fn has_uncommitted(&self) -> bool {
        self.settled > self.committed
    }

    async fn commit_if_due(&mut self, span: SignalSpan) {
        let has_all = self.settled >= span.newest;
        let is_many = self.settled - self.committed >= COMMIT_EVERY;
        let is_due = Instant::now() >= self.next_commit;
        if self.has_uncommitted() && (is_due || is_many || has_all && self.failures == 0) {
            self.commit().await;
        }
    }

    async fn commit(&mut self) {
        if !self.has_uncommitted() {
            return;
        }
        self.next_commit = Instant::now() + COMMIT_WITHIN;
        let settled = self.store.settle_signals(&self.receiver.name, self.settled);
        // After a failure, the next commit includes these.
        if settled.await.is_ok() {
            self.committed = self.settled;
        }
    }

    fn show(&self, span: SignalSpan) {
        self.figures
            .show((span.newest - self.settled).max(0), self.oldest());
    }
}
