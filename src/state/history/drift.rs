//! Drift: polls and webhooks disagree about a value.

use std::time::Duration;

use super::History;
use crate::state::Stamp;

/// The source that saw a change that the other did not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftKind {
    /// Polls found a change that no webhook has reported.
    PollAlone,
    /// A webhook reported a change, but later polls still find the previous value.
    WebhookAlone,
}

/// A disagreement of the sources at one poll. It is not drift yet: the webhook may be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The kind of disagreement.
    pub kind: DriftKind,
    /// Duration of the disagreement up to the previous poll.
    before: Duration,
    /// Duration of the disagreement up to this poll.
    now: Duration,
}

impl Drift {
    /// Whether the disagreement reaches `grace` at this poll. True for one poll per disagreement, and never for
    /// the first one.
    #[must_use]
    pub fn reaches(&self, grace: Duration) -> bool {
        self.before < grace && grace <= self.now
    }
}

impl<T: Copy + Ord> History<T> {
    /// The drift that a poll shows when it repeats a polled value that no webhook has reported.
    pub(super) fn drift_shown_by(&self, place: usize, value: T, stamp: Stamp) -> Option<Drift> {
        if stamp.is_webhook() || place != self.seen.len() {
            return None;
        }
        // The run of equal values at the end, the run before it, and the observations before both.
        let (earlier, found) = self.seen.split_at(self.seen.len() - streak(&self.seen));
        let (oldest, claim) = earlier.split_at(earlier.len() - streak(earlier));
        let ((first, seen), (last, _)) = (found.first()?, found.last()?);
        let is_reported = found.iter().any(|(stamp, _)| stamp.is_webhook());
        if *seen != value || claim.is_empty() || is_reported {
            return None;
        }
        let claimed_by_webhooks_alone = claim.iter().all(|(stamp, _)| stamp.is_webhook());
        let found_as_before = oldest.last().is_some_and(|(_, seen)| *seen == value);
        let kind = if claimed_by_webhooks_alone && found_as_before {
            DriftKind::WebhookAlone
        } else {
            DriftKind::PollAlone
        };
        Some(Drift {
            kind,
            before: last.at().since(first.at()),
            now: stamp.at().since(first.at()),
        })
    }
}

/// Number of equal observations at the end.
fn streak<T: PartialEq>(seen: &[(Stamp, T)]) -> usize {
    let Some((_, value)) = seen.last() else {
        return 0;
    };
    let agreeing = seen.iter().rev().take_while(|(_, other)| other == value);
    agreeing.count()
}

#[cfg(test)]
mod tests;
