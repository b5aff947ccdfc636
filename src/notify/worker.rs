//! Posts the changes to one receiver, one after the other.
//!
//! The receiver's position is committed after its acceptance, so a crash in between repeats a request with the same
//! id.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::SharedAssignments;
use super::digest;
use super::figures::{ReceiverMetrics, SignalDropReason};
use super::message::Message;
use super::receiver::Receiver;
use crate::clock;
use crate::deliver::{Repeated, SendError, backoff};
use crate::domain::Timestamp;
use crate::store::{Duty, Signal, SignalSpan, Store};
use crate::telemetry::Telemetry;

/// Number of changes in one read of the store, some hundred kilobytes.
const READ_AT_ONCE: u32 = 500;

/// Maximum number of changes in the window of a digest, which bounds the memory of a receiver. A longer window is cut.
const MAX_WINDOW: usize = 10_000;

/// Number of refusals that drop a message: these responses state that repeating the request does not help.
const MAX_REFUSALS: u32 = 3;

/// Number of accepted changes that triggers a commit of the position.
const COMMIT_EVERY: i64 = 256;

/// Longest time until fewer are committed. They are posted again after a crash.
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
    duty: Duty,
    failure: Repeated,
    /// Number of the last change that was read from the store.
    read: i64,
    /// Number of the last change that needs no further attempt.
    settled: i64,
    /// As above, as far as the store knows.
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
            duty: store.duty(),
            store,
            failure: Repeated::default(),
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
                // The store has logged the reason.
                Err(_) => sleep(READ_AGAIN).await,
            }
        }
    }

    /// Reads and joins changes until there is a message, and determines what to do.
    async fn next_step(&mut self, span: SignalSpan) -> WorkerStep {
        if !self.duty.is_valid() {
            return WorkerStep::WaitUntil(Instant::now() + READ_AGAIN);
        }
        while self.posts.is_empty() {
            if self.waiting.is_empty() && self.read >= span.newest {
                self.settled = self.read;
                return WorkerStep::Idle;
            }
            if let Some(at) = self.window_closes_at() {
                return WorkerStep::WaitUntil(at);
            }
            if self.needs_more(span) {
                if !self.read_more(span).await {
                    return WorkerStep::WaitUntil(Instant::now() + READ_AGAIN);
                }
                continue;
            }
            self.form_messages();
        }
        match self.not_before.filter(|at| *at > Instant::now()) {
            Some(at) => WorkerStep::WaitUntil(at),
            None => WorkerStep::Send,
        }
    }

    /// The end of the window of a digest. `None` once it has passed, or without a window.
    fn window_closes_at(&self) -> Option<Instant> {
        let window = self.receiver.digest?;
        let first = self.waiting.front()?;
        let left = window.saturating_sub(clock::now().since(first.recorded_at));
        (!left.is_zero()).then(|| Instant::now() + left)
    }

    /// Whether changes that belong to the next messages may not have been read yet.
    fn needs_more(&self, span: SignalSpan) -> bool {
        let Some(first) = self.waiting.front() else {
            return true;
        };
        let Some(window) = self.receiver.digest else {
            return false;
        };
        let end = first.recorded_at.plus(window);
        let is_complete = self
            .waiting
            .back()
            .is_some_and(|last| last.recorded_at >= end);
        self.read < span.newest && !is_complete && self.waiting.len() < MAX_WINDOW
    }

    /// Reads the next changes, and learns which ones the store has dropped. Returns whether it could.
    async fn read_more(&mut self, span: SignalSpan) -> bool {
        let Ok(signals) = self
            .store
            .signals(&self.receiver.name, self.read, READ_AT_ONCE)
            .await
        else {
            return false;
        };
        let first = signals
            .first()
            .map_or(span.newest + 1, |first| first.number);
        let lost = first.saturating_sub(self.read + 1);
        // Otherwise, another replica may own them now.
        if !self.duty.has_ended() {
            self.figures
                .dropped(SignalDropReason::Size, u64::try_from(lost).unwrap_or(0));
        }
        self.read = signals.last().map_or(span.newest, |last| last.number);
        let filter = &self.receiver.filter;
        self.waiting
            .extend(signals.into_iter().filter(|signal| filter.selects(signal)));
        true
    }

    /// Turns the first change, or the changes of the first window, into messages.
    fn form_messages(&mut self) {
        let Some(window) = self.receiver.digest else {
            self.posts
                .extend(self.waiting.pop_front().map(|signal| Post {
                    settles: Some(signal.number),
                    message: Message::Change(Box::new(signal)),
                }));
            return;
        };
        let Some(first) = self.waiting.front() else {
            return;
        };
        let end = first.recorded_at.plus(window);
        let in_window = self.waiting.iter().take_while(|one| one.recorded_at < end);
        // A window of no length, at the end of time, still has its first change.
        let count = in_window.count().clamp(1, MAX_WINDOW);
        let signals: Vec<Signal> = self.waiting.drain(..count).collect();
        let settles = signals.last().map(|last| last.number);
        let messages = digest::messages(signals).into_iter();
        self.posts.extend(messages.map(|message| Post {
            message,
            settles: None,
        }));
        if let Some(last) = self.posts.back_mut() {
            last.settles = settles;
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

    fn note(&mut self, outcome: Result<u16, SendError>) {
        match outcome {
            Ok(_) => {
                self.figures.sent();
                if std::mem::take(&mut self.failures) > 0 {
                    let receiver = self.receiver.name.as_str();
                    tracing::info!(receiver, "receiver accepts notifications again");
                }
                self.finish_first();
            }
            Err(refusal) => self.note_failed(refusal),
        }
    }

    fn note_failed(&mut self, refusal: SendError) {
        let (now, receiver) = (Instant::now(), self.receiver.name.as_str());
        self.figures.failed(refusal.failure);
        if let Some(suppressed) = self.failure.next(now) {
            tracing::warn!(
                receiver,
                reason = refusal.failure.as_str(),
                status = refusal.status,
                suppressed,
                "receiver did not accept a notification; retrying"
            );
        }
        let wait = backoff(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + wait.max(refusal.retry_after.unwrap_or_default()));
        self.refusals += u32::from(is_about_the_message(&refusal));
        if self.refusals >= MAX_REFUSALS {
            self.drop_first(SignalDropReason::Refused);
        }
        self.drop_expired();
    }

    /// Drops messages that are too old. Only after a failure: what looks too old at the start is tried once.
    fn drop_expired(&mut self) {
        let Some(now) = clock::at_least() else {
            return;
        };
        let max_age = self.max_age;
        let is_too_old = |recorded_at: Timestamp| now.since(recorded_at) > max_age;
        while let Some(recorded_at) = self.oldest()
            && is_too_old(recorded_at)
        {
            self.drop_first(SignalDropReason::Age);
        }
        let count = self.waiting.iter();
        let count = count.take_while(|one| is_too_old(one.recorded_at)).count();
        let last = self.waiting.drain(..count).next_back();
        self.figures.dropped(SignalDropReason::Age, count as u64);
        if let Some(last) = last.filter(|_| self.posts.is_empty()) {
            self.settled = last.number;
        }
    }

    fn drop_first(&mut self, reason: SignalDropReason) {
        let count = self.posts.front().map(|post| post.message.signals().len());
        self.figures.dropped(reason, count.unwrap_or(0) as u64);
        self.finish_first();
    }

    fn finish_first(&mut self) {
        let settles = self.posts.pop_front().and_then(|post| post.settles);
        self.settled = settles.unwrap_or(self.settled);
        self.refusals = 0;
        if self.failures == 0 {
            self.not_before = None;
        }
    }

    /// The commit of the oldest change in a message.
    fn oldest(&self) -> Option<Timestamp> {
        let first = self.posts.front()?.message.signals().first()?;
        Some(first.recorded_at)
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

/// Whether the response judges the message rather than the receiver's address or credentials, which an operator can
/// correct.
fn is_about_the_message(refusal: &SendError) -> bool {
    matches!(refusal.status, Some(400 | 413 | 415 | 422))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::SendFailure;

    #[test]
    fn only_responses_about_the_message_count_against_it() {
        let refusal = |status| SendError {
            failure: SendFailure::ClientError,
            status,
            retry_after: None,
        };
        for status in [400, 413, 415, 422] {
            assert!(is_about_the_message(&refusal(Some(status))), "{status}");
        }
        for status in [301, 401, 403, 404, 408, 410, 429, 500, 503] {
            assert!(!is_about_the_message(&refusal(Some(status))), "{status}");
        }
        assert!(!is_about_the_message(&refusal(None)));
    }
}
