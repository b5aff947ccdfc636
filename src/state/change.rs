//! What applying one event did: gathered while its parts are observed, told to whoever counts.

use super::{Drift, History, Observed, PollTimes, Stamp};

/// The effects of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The account is not watched: nothing was applied.
    pub unwatched: bool,
    /// The same webhook change had been applied before: nothing was applied.
    pub duplicate: bool,
    /// It waits for an object that no poll has shown yet.
    pub waiting: bool,
    /// It was refused because too many wait already.
    pub refused: bool,
    /// How many attributes it was the newest word on.
    pub newest: usize,
    /// How many attributes it had an older word on than was known.
    pub outdated: usize,
    /// Disagreements between the sources that it confirms, by attribute.
    pub drift: Vec<(&'static str, Drift)>,
}

impl Change {
    /// Did it come too late for everything it spoke of?
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.outdated > 0 && self.newest == 0
    }

    /// Observes an attribute that only one source carries: no disagreement is possible.
    pub(super) fn of<T: Copy + Ord>(
        &mut self,
        history: &mut History<T>,
        value: Option<T>,
        stamp: Stamp,
        polls: &PollTimes,
    ) -> Option<Observed<T>> {
        let seen = history.observe(value?, stamp, polls);
        if seen.newest {
            self.newest += 1;
        } else {
            self.outdated += 1;
        }
        Some(seen)
    }

    /// Observes an attribute that polls and webhooks both tell of, noting where they disagree.
    pub(super) fn of_shared<T: Copy + Ord>(
        &mut self,
        attribute: &'static str,
        history: &mut History<T>,
        value: Option<T>,
        stamp: Stamp,
        polls: &PollTimes,
    ) -> Option<Observed<T>> {
        let seen = self.of(history, value, stamp, polls)?;
        self.drift
            .extend(seen.drift.map(|drift| (attribute, drift)));
        Some(seen)
    }
}
