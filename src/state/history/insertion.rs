//! Insertion of an observation at its place in time, and the steps that it changes.

use super::{History, Observed, Step};
use crate::state::{PollTimes, Stamp};

/// Maximum number of observations. A late webhook is placed exactly among the last sixteen changes. More changes than
/// that within Meta's seven days of retries are not expected.
const KEPT: usize = 16;

impl<T: Copy + Ord> History<T> {
    /// Adds an observation; `polls` are the reads of the collector that polls this attribute.
    pub fn observe(&mut self, value: T, stamp: Stamp, polls: &PollTimes) -> Observed<T> {
        if self.is_repeated_by(value, stamp) {
            return self.repeat(value, stamp);
        }
        let Err(place) = self.seen.binary_search(&(stamp, value)) else {
            return Observed::nothing();
        };
        // Invariant: the history has the newest `KEPT` observations, whatever their order of arrival. An older
        // observation would be dropped again below.
        if place == 0 && self.seen.len() >= KEPT {
            return Observed::nothing();
        }
        let drift = self.drift_shown_by(place, value, stamp);
        // The steps depend on both neighbours, so polls that were left out are restored before the steps are taken
        // and left out again after the insertion.
        let place = self.recover_polls_around(place, value, stamp, polls);
        let first_reported_before = self.first_reported();
        let (gained, lost) = self.steps_through(place, value, stamp);
        self.seen.insert(place, (stamp, value));
        let first_reported = (first_reported_before, self.first_reported());
        let newest = place + 1 == self.seen.len();
        self.leave_out_repeated_polls(place);
        if self.seen.len() > KEPT {
            self.seen.remove(0);
            self.forgot = true;
        }
        self.seen.shrink_to_fit();
        Observed {
            newest,
            gained,
            lost,
            first_reported,
            drift,
        }
    }

    /// Whether a poll repeats the value of the two newest observations, the newest of which is a poll. This is true for
    /// nearly all observations.
    fn is_repeated_by(&self, value: T, stamp: Stamp) -> bool {
        let [.., (_, before), (newest, known)] = &self.seen[..] else {
            return false;
        };
        let is_newer_poll = !stamp.is_webhook() && !newest.is_webhook() && stamp > *newest;
        is_newer_poll && *before == value && *known == value
    }

    /// Replaces the newest poll, which would be left out between its two neighbours.
    fn repeat(&mut self, value: T, stamp: Stamp) -> Observed<T> {
        let drift = self.drift_shown_by(self.seen.len(), value, stamp);
        if let Some((newest, _)) = self.seen.last_mut() {
            *newest = stamp;
        }
        let first = self.first_reported();
        Observed {
            newest: true,
            gained: Vec::new(),
            lost: Vec::new(),
            first_reported: (first, first),
            drift,
        }
    }

    /// The first known value, if a webhook reported it before it changed.
    fn first_reported(&self) -> Option<T> {
        let (_, first) = self.seen.first().filter(|_| !self.forgot)?;
        let mut streak = self.seen.iter().take_while(|(_, seen)| seen == first);
        streak
            .any(|(stamp, _)| stamp.is_webhook())
            .then_some(*first)
    }

    /// Restores the polls that were left out on both sides of a different value that lands between them.
    fn recover_polls_around(
        &mut self,
        place: usize,
        value: T,
        stamp: Stamp,
        polls: &PollTimes,
    ) -> usize {
        let (Some((earlier, around)), Some((later, after))) = (
            place.checked_sub(1).map(|place| self.seen[place]),
            self.seen.get(place).copied(),
        ) else {
            return place;
        };
        if around != after || around == value {
            return place;
        }
        let next = polls.after(stamp);
        if let Some(next) = next.filter(|next| *next < later) {
            self.seen.insert(place, (next, around));
        }
        let previous = polls.before(stamp);
        match previous.filter(|previous| *previous > earlier) {
            Some(previous) => {
                self.seen.insert(place, (previous, around));
                place + 1
            }
            None => place,
        }
    }

    /// The steps to and from an observation that is inserted at `place`, and the step that they replace.
    fn steps_through(&self, place: usize, value: T, at: Stamp) -> (Vec<Step<T>>, Vec<Step<T>>) {
        let before = place.checked_sub(1).map(|place| self.seen[place].1);
        let after = self.seen.get(place).copied();
        // If an observation has been dropped, the value before the oldest one is unknown.
        let step = |from: Option<T>, to: T, at: Stamp| {
            let is_step = from != Some(to) && (from.is_some() || !self.forgot);
            is_step.then_some(Step { from, to, at })
        };
        let gained = step(before, value, at)
            .into_iter()
            .chain(after.and_then(|(at, after)| step(Some(value), after, at)));
        let lost = after.and_then(|(at, after)| step(before, after, at));
        (gained.collect(), lost.into_iter().collect())
    }

    /// Removes polls at and next to `place` that repeat both their neighbours.
    fn leave_out_repeated_polls(&mut self, place: usize) {
        for place in [Some(place + 1), Some(place), place.checked_sub(1)]
            .into_iter()
            .flatten()
        {
            let Some(around) = place
                .checked_sub(1)
                .and_then(|from| self.seen.get(from..from + 3))
            else {
                continue;
            };
            let is_repeat = around[0].1 == around[1].1 && around[1].1 == around[2].1;
            if is_repeat && !around[1].0.is_webhook() {
                self.seen.remove(place);
            }
        }
    }
}
