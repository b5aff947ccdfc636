//! Records the outcomes of requests: retries, and messages that are dropped.

use std::time::Instant;

use super::ReceiverWorker;
use crate::clock;
use crate::deliver::{SendError, backoff};
use crate::domain::Timestamp;
use crate::notify::figures::SignalDropReason;

/// Number of refusals that drop a message: these responses state that repeating the request does not help.
const MAX_REFUSALS: u32 = 3;

impl ReceiverWorker {
    pub(super) fn note(&mut self, outcome: Result<u16, SendError>) {
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
