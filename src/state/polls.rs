//! The times of polls of an account: the age of its data, and the polls that [`super::History`] leaves out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::{Dated, Redating};
use crate::domain::{MAX_CLOCK_DIFFERENCE, Timestamp};

/// Number of remembered reads: five hours at the fastest default cadence. A later webhook still counts, but the
/// time of a change that it splits may be off by the forgotten polls.
const REMEMBERED: usize = 64;

/// The start times of an account's successful polls by one collector, sorted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PollTimes {
    recent: Vec<Timestamp>,
    last_complete: Option<Timestamp>,
}

/// The stored form of [`PollTimes`]: the oldest poll, the distance of each later one to its predecessor, and the last
/// complete poll. It takes half the space of the times.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPollTimes(Vec<i64>, Option<Timestamp>);

impl From<&PollTimes> for SavedPollTimes {
    fn from(polls: &PollTimes) -> Self {
        let mut before = 0;
        let distances = polls.recent.iter().map(|poll| {
            let distance = poll.as_millis() - before;
            before = poll.as_millis();
            distance
        });
        Self(distances.collect(), polls.last_complete)
    }
}

impl From<SavedPollTimes> for PollTimes {
    fn from(SavedPollTimes(distances, last_complete): SavedPollTimes) -> Self {
        let mut at = 0_i64;
        let recent = distances.into_iter().map(|distance| {
            at = at.saturating_add(distance);
            Timestamp::from_millis(at)
        });
        Self {
            recent: recent.collect(),
            last_complete,
        }
    }
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
    /// The date for a poll that begins at `now`: just after the previous poll, if that is dated slightly ahead. A
    /// previous poll dated far ahead comes from a wrong clock, and is about to be corrected.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus(MAX_CLOCK_DIFFERENCE);
        let newest = self.recent.last().filter(|newest| **newest <= latest);
        newest.map_or(now, |newest| now.max(newest.plus(Duration::from_millis(1))))
    }

    /// Records a successful poll that began at `at`.
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

    /// Time of the newest poll, complete or not.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.recent.last().copied()
    }

    /// Time of the newest complete poll.
    #[must_use]
    pub fn last_complete(&self) -> Option<Timestamp> {
        self.last_complete
    }

    /// Stamp of the last poll before `stamp`.
    #[must_use]
    pub fn before(&self, stamp: Stamp) -> Option<Stamp> {
        let later = self
            .recent
            .partition_point(|poll| Stamp::polled(*poll) < stamp);
        later
            .checked_sub(1)
            .map(|place| Stamp::polled(self.recent[place]))
    }

    /// Stamp of the first poll after `stamp`.
    #[must_use]
    pub fn after(&self, stamp: Stamp) -> Option<Stamp> {
        let place = self
            .recent
            .partition_point(|poll| Stamp::polled(*poll) <= stamp);
        self.recent.get(place).map(|poll| Stamp::polled(*poll))
    }
}
