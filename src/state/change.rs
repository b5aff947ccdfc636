//! The effects of one event, collected while it is applied, for counters, journal and logs.

use std::collections::BTreeMap;

use super::{Amendment, Drift, Redating};
use crate::domain::{DisplayDigits, HealthDetails, ObjectKind};

/// The effects of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether the event was ignored because its account is not watched.
    pub unwatched: bool,
    /// Whether the webhook change was ignored because it was applied before.
    pub duplicate: bool,
    /// Whether the event waits for an object that no poll has listed yet.
    pub waiting: bool,
    /// Whether the event was dropped because too many are waiting.
    pub refused: bool,
    /// Number of objects of each kind that were refused because of a limit.
    pub kept_out: BTreeMap<ObjectKind, u64>,
    /// Number of events dropped because no number matched them in time.
    pub expired: usize,
    /// Digits of waiting events that match no number in this complete listing.
    pub unmatched: Vec<DisplayDigits>,
    /// Number of attributes for which the event is the newest observation.
    pub newest: usize,
    /// Number of attributes for which a newer observation was known.
    pub outdated: usize,
    /// Disagreements between the sources, by kind of entity and attribute.
    pub drift: Vec<(&'static str, &'static str, Drift)>,
    /// Lines to add to the journal, and to delete from it.
    pub journal: Vec<Amendment>,
    /// Corrections of times that were ahead of the clock.
    pub redated: Option<Redating>,
}

impl Change {
    /// Counts an object that a ceiling keeps out.
    pub(super) fn keep_out(&mut self, kind: ObjectKind) {
        *self.kept_out.entry(kind).or_default() += 1;
    }

    /// Counts the explanations that exceeded the limit for a node's health.
    pub(super) fn keep_out_details(&mut self, health: Option<&HealthDetails>) {
        let left_out = health.map_or(0, |details| details.left_out);
        if left_out > 0 {
            *self.kept_out.entry(ObjectKind::HealthDetail).or_default() += left_out;
        }
    }

    /// Whether the event was applied: its account is watched, and it is no repetition.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        !self.unwatched && !self.duplicate
    }

    /// Whether newer observations exist for everything in the event.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.outdated > 0 && self.newest == 0
    }
}
