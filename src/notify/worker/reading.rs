//! Reads changes from the store, and forms the next messages of them.

use std::time::Instant;

use super::{Post, READ_AGAIN, ReceiverWorker, WorkerStep};
use crate::clock;
use crate::notify::digest;
use crate::notify::figures::SignalDropReason;
use crate::notify::message::Message;
use crate::store::{Signal, SignalSpan};

/// Number of changes in one read of the store, some hundred kilobytes.
const READ_AT_ONCE: u32 = 500;

/// Maximum number of changes in the window of a digest, which bounds the memory of a receiver. A longer window is cut.
const MAX_WINDOW: usize = 10_000;

impl ReceiverWorker {
    /// Reads and joins changes until there is a message, and determines what to do.
    pub(super) async fn next_step(&mut self, span: SignalSpan) -> WorkerStep {
        if !self.permit.is_valid() {
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

    /// Reads the next changes, and counts those that the store has dropped. Returns whether the read succeeded.
    async fn read_more(&mut self, span: SignalSpan) -> bool {
        let signals = self
            .store
            .signals(&self.receiver.name, self.read, READ_AT_ONCE)
            .await;
        let signals = match signals {
            Ok(signals) => signals,
            Err(error) => {
                self.note_unreadable(&error);
                return false;
            }
        };
        self.unread_since = None;
        let first = signals
            .first()
            .map_or(span.newest + 1, |first| first.number);
        let lost = first.saturating_sub(self.read + 1);
        // If the permit has ended, another replica may own them.
        if !self.permit.has_ended() {
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
}
