//! One attribute's recent history: its value, the time of its changes, and their sources, for observations in any
//! order of arrival.
//!
//! Observations are sorted by [`Stamp`]. Polls repeat the same value for months, so a poll between two observations
//! of its own value is left out. If a late webhook lands there, the polls around it are recovered from the account's
//! [`PollTimes`]. The history is therefore a function of the set of observations, not of their order. Property tests
//! compare it with a complete list.

mod drift;
mod insertion;
mod observed;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use drift::{Drift, DriftKind};
pub use observed::{Observed, Step};

use super::Stamp;
use super::packed::{Packed, Packer, Unpacker};
use super::redate::{Dated, Redating};
use super::saved::Saved;

/// Observations that need no allocation: those of an attribute that has not changed since the first poll.
const INLINE: usize = 2;

/// The observations of one attribute, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "T: Saved")]
pub struct History<T> {
    #[serde(with = "Saved")]
    seen: SmallVec<[(Stamp, T); INLINE]>,
    /// Whether an observation has been dropped, so that the oldest one is not the first.
    forgot: bool,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self {
            seen: SmallVec::new(),
            forgot: false,
        }
    }
}

impl<T: Copy + Ord> History<T> {
    /// The current value.
    #[must_use]
    pub fn value(&self) -> Option<T> {
        self.seen.last().map(|(_, value)| *value)
    }

    /// Whether any of the observations is from a poll.
    #[must_use]
    pub fn was_polled(&self) -> bool {
        self.seen.iter().any(|(stamp, _)| !stamp.is_webhook())
    }

    /// Time of the first known observation of the current value.
    #[must_use]
    pub fn since(&self) -> Option<Stamp> {
        let value = self.value()?;
        let streak = self
            .seen
            .iter()
            .rev()
            .take_while(|(_, seen)| *seen == value);
        streak.last().map(|(stamp, _)| *stamp)
    }

    /// When the attribute changed to the current value. `None` if the change may be older than the first
    /// observation: there is no earlier value, and no webhook reported the current one.
    #[must_use]
    pub fn changed(&self) -> Option<Stamp> {
        let value = self.value()?;
        let earlier = self.seen.iter().rposition(|(_, seen)| *seen != value);
        let begin = earlier.map_or(0, |place| place + 1);
        let mut streak = self.seen[begin..].iter().map(|(stamp, _)| *stamp);
        if earlier.is_some() || self.forgot {
            streak.next()
        } else {
            streak.find(|stamp| stamp.is_webhook())
        }
    }

    /// The latest earlier value that matches, other than the current value. `None` if the history has none.
    #[must_use]
    pub fn earlier(&self, is_meant: impl Fn(T) -> bool) -> Option<T> {
        let value = self.value()?;
        let mut values = self.seen.iter().rev().map(|(_, seen)| *seen);
        values.find(|seen| *seen != value && is_meant(*seen))
    }

    /// Stamp of the latest observation with a matching value, even if the current value differs.
    #[must_use]
    pub fn last_of(&self, is_meant: impl Fn(T) -> bool) -> Option<Stamp> {
        let mut seen = self.seen.iter().rev();
        let last = seen.find(|(_, value)| is_meant(*value));
        last.map(|(stamp, _)| *stamp)
    }

    /// Time of the latest observation.
    #[must_use]
    pub fn last_seen(&self) -> Option<Stamp> {
        self.seen.last().map(|(stamp, _)| *stamp)
    }

    /// The changes from one value to the next, oldest first, and the first known value if a webhook reported it first. A
    /// first value from a poll may be old, so it is no change.
    pub fn changes(&self) -> impl Iterator<Item = Step<T>> {
        let first = self.seen.first().filter(|_| !self.forgot);
        let first = first.filter(|(stamp, _)| stamp.is_webhook());
        let first = first.map(|(stamp, to)| Step {
            from: None,
            to: *to,
            at: *stamp,
        });
        let pairs = self.seen.iter().zip(self.seen.iter().skip(1));
        let later = pairs.filter(|((_, from), (_, to))| from != to);
        let later = later.map(|((_, from), (stamp, to))| Step {
            from: Some(*from),
            to: *to,
            at: *stamp,
        });
        first.into_iter().chain(later)
    }

    /// The stamps of all observations.
    pub(super) fn stamps(&self) -> impl Iterator<Item = Stamp> {
        self.seen.iter().map(|(stamp, _)| *stamp)
    }

    /// Changes stamps, and sorts the observations by the new ones.
    pub(super) fn change_stamps(&mut self, mut change: impl FnMut(&mut Stamp)) {
        self.seen.iter_mut().for_each(|(stamp, _)| change(stamp));
        self.seen.sort_unstable();
        self.seen.dedup();
    }
}

impl<T: Copy + Ord> Dated for History<T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.stamps().for_each(|stamp| stamp.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        if self.is_ahead_of(to.latest) {
            self.change_stamps(|stamp| stamp.redate(to));
        }
    }
}

/// The number of observations and the flag share an integer.
impl<T: Packed> Packed for History<T> {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.integer((self.seen.len() as u64) << 1 | u64::from(self.forgot));
        self.seen
            .iter()
            .for_each(|observation| observation.pack(out));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let packed = from.integer()?;
        let seen = (0..packed >> 1).map(|_| Packed::unpack(from));
        Some(Self {
            seen: seen.collect::<Option<_>>()?,
            forgot: packed & 1 != 0,
        })
    }
}

#[cfg(test)]
mod tests;
