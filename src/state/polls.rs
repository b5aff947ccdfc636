//! The times of polls of an account: the age of its data, and the polls that [`super::History`] leaves out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::{Dated, Redating};
use crate::domain::{MAX_CLOCK_DIFFERENCE, Timestamp};

/// How many reads are remembered: five hours of the fastest default cadence. A webhook later than that
/// still counts; only the *time* of a change it splits may then be off by the polls forgotten.
const REMEMBERED: usize = 64;

/// The start times of an account's successful polls by one collector, sorted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PollTimes {
    recent: Vec<Timestamp>,
    last_complete: Option<Timestamp>,
}

impl Dated for PollTimes {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.recent.times(see);
        self.last_complete.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.recent.redate(to);
        self.recent.sort_unstable();
        self.last_complete.redate(to);
    }
}

impl PollTimes {
    /// The date of a poll that begins at `now`: just after the poll before it, where that is a little ahead. One that
    /// is far ahead is of a wrong clock, and about to be corrected.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus(MAX_CLOCK_DIFFERENCE);
        let newest = self.recent.last().filter(|newest| **newest <= latest);
        newest.map_or(now, |newest| now.max(newest.plus(Duration::from_millis(1))))
    }

    /// A poll that began at `at` was read.
    pub fn insert(&mut self, at: Timestamp, complete: bool) {
        if complete {
            self.last_complete = self.last_complete.max(Some(at));
        }
        if let Err(place) = self.recent.binary_search(&at) {
            self.recent.insert(place, at);
        }
        if self.recent.len() > REMEMBERED {
            self.recent.remove(0);
        }
    }

    /// The newest poll that read everything there was.
    #[must_use]
    pub fn last_complete(&self) -> Option<Timestamp> {
        self.last_complete
    }

    /// The last poll before `stamp`.
    #[must_use]
    pub fn before(&self, stamp: Stamp) -> Option<Stamp> {
        let later = self
            .recent
            .partition_point(|poll| Stamp::polled(*poll) < stamp);
        later
            .checked_sub(1)
            .map(|place| Stamp::polled(self.recent[place]))
    }

    /// The first poll after `stamp`.
    #[must_use]
    pub fn after(&self, stamp: Stamp) -> Option<Stamp> {
        let place = self
            .recent
            .partition_point(|poll| Stamp::polled(*poll) <= stamp);
        self.recent.get(place).map(|poll| Stamp::polled(*poll))
    }
}
