//! One attribute's recent history: its value, the time of its changes, and their sources, for observations in any
//! order of arrival.
//!
//! Observations are sorted by [`Stamp`]. Polls repeat the same value for months, so a poll between two observations
//! of its own value is left out. If a late webhook lands there, the polls around it are recovered from the account's
//! [`PollTimes`]. The history is therefore a function of the set of observations, not of their order. Property tests
//! compare it with a complete list.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::packed::{Packed, Packer, Unpacker};
use super::redate::{Dated, Redating};
use super::saved::Saved;
use super::{PollTimes, Stamp};

/// Maximum number of observations. A late webhook is placed exactly among the last sixteen changes. More changes than
/// that within Meta's seven days of retries are not expected.
const KEPT: usize = 16;

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

/// A step from one value to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// The previous value; `None` for the first known value.
    pub from: Option<T>,
    /// The new value.
    pub to: T,
    /// Stamp of the first observation of the new value.
    pub at: Stamp,
}

/// Effect of one observation on the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<T> {
    /// Whether it is now the newest observation.
    pub newest: bool,
    /// Steps that became known.
    pub gained: Vec<Step<T>>,
    /// Steps that are no longer correct, because the observation lies between their values.
    pub lost: Vec<Step<T>>,
    /// The first known value if a webhook reported it, before and after the observation. It counts as a change. A
    /// first value from a poll does not, because it may be old.
    first_reported: (Option<T>, Option<T>),
    /// Set while polls find a value that no webhook has reported.
    pub drift: Option<Drift>,
}

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
    /// How long it had lasted at the previous poll.
    before: Duration,
    /// How long it has lasted at this poll.
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

impl<T: Copy + PartialEq> Observed<T> {
    /// Number of additional steps of a kind. A first value that a webhook reported counts as a step. The number
    /// is never negative for kinds that a detour also passes through (up, down, into a value).
    pub fn more(&self, is_of_kind: impl Fn(Option<T>, T) -> bool) -> u64 {
        let count = |steps: &[Step<T>], first: Option<T>| {
            let later = steps.iter().filter(|step| step.from.is_some());
            let first = first.into_iter().filter(|first| is_of_kind(None, *first));
            first.count() + later.filter(|step| is_of_kind(step.from, step.to)).count()
        };
        let (first_before, first_now) = self.first_reported;
        let gained = count(&self.gained, first_now);
        gained.saturating_sub(count(&self.lost, first_before)) as u64
    }
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

    /// Adds an observation; `polls` are the reads of the collector that polls this attribute.
    pub fn observe(&mut self, value: T, stamp: Stamp, polls: &PollTimes) -> Observed<T> {
        if self.is_repeated_by(value, stamp) {
            return self.repeat(value, stamp);
        }
        let Err(place) = self.seen.binary_search(&(stamp, value)) else {
            return Observed::nothing();
        };
        // Invariant: the history is the newest `KEPT` observations, whatever their order of arrival. An older one
        // than those would be dropped again below.
        if place == 0 && self.seen.len() >= KEPT {
            return Observed::nothing();
        }
        let drift = self.drift_shown_by(place, value, stamp);
        // The steps depend on both neighbours, so polls that were left out are restored before the steps are taken
        // and left out again after the insertion.
        let place = self.recover_polls_around(place, value, stamp, polls);
        let first_told_before = self.first_reported();
        let (gained, lost) = self.steps_through(place, value, stamp);
        self.seen.insert(place, (stamp, value));
        let first_reported = (first_told_before, self.first_reported());
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

    /// Whether a poll repeats the value of the two newest observations, of which the newest is a poll. This is the case
    /// for nearly all observations.
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

    /// The drift that a poll shows when it repeats a polled value that no webhook has reported.
    fn drift_shown_by(&self, place: usize, value: T, stamp: Stamp) -> Option<Drift> {
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

/// Number of equal observations at the end.
fn streak<T: PartialEq>(seen: &[(Stamp, T)]) -> usize {
    let Some((_, value)) = seen.last() else {
        return 0;
    };
    let agreeing = seen.iter().rev().take_while(|(_, other)| other == value);
    agreeing.count()
}

impl<T> Observed<T> {
    fn nothing() -> Self {
        Self {
            newest: false,
            gained: Vec::new(),
            lost: Vec::new(),
            first_reported: (None, None),
            drift: None,
        }
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
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Timestamp;

    type Seen = (Stamp, u8);

    fn history_of(seen: &[Seen]) -> History<u8> {
        let mut history = History::default();
        for (stamp, value) in seen {
            history.observe(*value, *stamp, &PollTimes::default());
        }
        history
    }

    #[test]
    fn a_value_of_the_first_poll_has_no_change_time() {
        let at = Timestamp::from_seconds;
        let (polled, told) = (|s| Stamp::polled(at(s)), |s| Stamp::from_webhook(at(s)));
        for (seen, changed) in [
            (vec![(polled(1), 7)], None),
            (vec![(polled(1), 7), (polled(5), 7)], None),
            (vec![(told(1), 7)], Some(told(1))),
            (vec![(polled(1), 7), (told(5), 7)], Some(told(5))),
            (
                vec![(polled(1), 6), (polled(5), 7), (polled(9), 7)],
                Some(polled(5)),
            ),
            (
                vec![(polled(1), 7), (told(3), 6), (polled(5), 7)],
                Some(polled(5)),
            ),
        ] {
            assert_eq!(history_of(&seen).changed(), changed, "{seen:?}");
        }
        assert_eq!(History::<u8>::default().changed(), None);
        let many: Vec<Seen> = (0..40).map(|second| (told(second), 7)).collect();
        assert!(history_of(&many).changed().is_some());
    }

    #[test]
    fn a_first_value_is_a_change_if_a_webhook_reported_it() {
        let (polled, told) = (
            |s| Stamp::polled(seconds(s)),
            |s| Stamp::from_webhook(seconds(s)),
        );
        for (seen, changes) in [
            (vec![], vec![]),
            (vec![(polled(1), 7)], vec![]),
            (vec![(polled(1), 7), (told(5), 7)], vec![]),
            (vec![(told(1), 7), (polled(5), 7)], vec![(None, 7, told(1))]),
            (
                vec![(polled(1), 7), (told(5), 6)],
                vec![(Some(7), 6, told(5))],
            ),
            (
                vec![(told(1), 7), (polled(5), 6), (polled(6), 6), (told(9), 7)],
                vec![
                    (None, 7, told(1)),
                    (Some(7), 6, polled(5)),
                    (Some(6), 7, told(9)),
                ],
            ),
        ] {
            let history = history_of(&seen);
            let found = history.changes().map(|step| (step.from, step.to, step.at));
            assert_eq!(found.collect::<Vec<_>>(), changes, "{seen:?}");
        }
    }

    #[test]
    fn the_earlier_value_is_the_latest_matching_other_value() {
        let polled = |second| Stamp::polled(Timestamp::from_seconds(second));
        let history = history_of(&[
            (polled(1), 3),
            (polled(2), 5),
            (polled(3), 7),
            (polled(4), 7),
        ]);
        assert_eq!(history.earlier(|_| true), Some(5));
        assert_eq!(history.earlier(|value| value != 5), Some(3));
        assert_eq!(history_of(&[(polled(1), 7)]).earlier(|_| true), None);
    }

    /// Polls at whole seconds, one value each, and webhooks anywhere among them. There are few enough to keep
    /// all.
    fn observations() -> impl Strategy<Value = Vec<Seen>> {
        let polls = prop::collection::btree_map(0..20_i64, 0..3_u8, 0..9);
        let told = prop::collection::btree_set((0..20_i64, 0..3_u8), 0..6);
        (polls, told).prop_map(|(polls, told)| {
            let polls = polls
                .into_iter()
                .map(|(at, value)| (Stamp::polled(seconds(at)), value));
            let told = told
                .into_iter()
                .map(|(at, value)| (Stamp::from_webhook(seconds(at)), value));
            polls.chain(told).collect()
        })
    }

    fn seconds(at: i64) -> Timestamp {
        Timestamp::from_seconds(at)
    }

    /// Observes in this order, and counts the steps up and down as they become known.
    fn observe_all(seen: &[Seen]) -> (History<u8>, u64, u64) {
        let (mut history, mut polls) = (History::default(), PollTimes::default());
        let (mut up, mut down) = (0, 0);
        for (stamp, value) in seen {
            if !stamp.is_webhook() {
                polls.insert(stamp.at(), true);
            }
            let observed = history.observe(*value, *stamp, &polls);
            up += observed.more(|from, to| from.is_some_and(|from| from < to));
            down += observed.more(|from, to| from.is_some_and(|from| from > to));
        }
        (history, up, down)
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_matches_a_complete_list(
            (seen, shuffled) in observations().prop_flat_map(|seen| {
                let twice: Vec<Seen> = seen.iter().chain(&seen).copied().collect();
                (Just(seen), Just(twice).prop_shuffle())
            })
        ) {
            let all: Vec<Seen> = seen.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let value = all.last().map(|(_, value)| *value);
            let streak = all.iter().rev().take_while(|(_, seen)| Some(*seen) == value);
            let since = streak.last().map(|(stamp, _)| *stamp);
            let steps = all.windows(2).map(|pair| (pair[0].1, pair[1].1));
            let up = steps.clone().filter(|(from, to)| from < to).count() as u64;
            let down = steps.filter(|(from, to)| from > to).count() as u64;

            let (history, seen_up, seen_down) = observe_all(&shuffled);
            prop_assert_eq!(history.value(), value);
            prop_assert_eq!(history.since(), since);
            prop_assert_eq!((seen_up, seen_down), (up, down));

            let changes: Vec<_> = all.windows(2).filter(|pair| pair[0].1 != pair[1].1).collect();
            let changes = changes.iter().map(|pair| (Some(pair[0].1), pair[1].1, pair[1].0));
            let known = history.changes().filter(|step| step.from.is_some());
            let known = known.map(|step| (step.from, step.to, step.at));
            prop_assert_eq!(known.collect::<Vec<_>>(), changes.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_constant_attribute_keeps_two_observations() {
        let seen: Vec<Seen> = (0..1_000)
            .map(|at| (Stamp::polled(seconds(at)), 1))
            .collect();
        let (history, ..) = observe_all(&seen);
        assert_eq!(history.seen.len(), 2);
        assert_eq!(history.since(), Some(Stamp::polled(seconds(0))));
    }

    /// For each observation, the drift whose duration reaches `grace_s` seconds there.
    fn drift_of_each(grace_s: u64, seen: &[Seen]) -> Vec<Option<DriftKind>> {
        let grace = Duration::from_secs(grace_s);
        let (mut history, mut polls) = (History::default(), PollTimes::default());
        let observed = seen.iter().map(|(stamp, value)| {
            if !stamp.is_webhook() {
                polls.insert(stamp.at(), true);
            }
            let drift = history.observe(*value, *stamp, &polls).drift;
            drift
                .filter(|drift| drift.reaches(grace))
                .map(|drift| drift.kind)
        });
        observed.collect()
    }

    fn poll(at: i64, value: u8) -> Seen {
        (Stamp::polled(seconds(at)), value)
    }

    fn told(at: i64, value: u8) -> Seen {
        (Stamp::from_webhook(seconds(at)), value)
    }

    #[test]
    fn a_change_without_a_webhook_is_drift_after_the_grace_period() {
        use DriftKind::{PollAlone, WebhookAlone};
        let alone = [
            poll(0, 1),
            poll(5, 2),
            poll(10, 2),
            poll(15, 2),
            poll(20, 2),
        ];
        let expected = [None, None, None, Some(PollAlone), None];
        assert_eq!(drift_of_each(10, &alone), expected);
        let unfounded = [poll(0, 1), told(4, 2), poll(5, 1), poll(10, 1), poll(20, 1)];
        let expected = [None, None, None, None, Some(WebhookAlone)];
        assert_eq!(drift_of_each(10, &unfounded), expected);
        // Two polls must agree, even if they are further apart than the grace period.
        let seldom = [poll(0, 1), poll(100, 2), poll(200, 2)];
        assert_eq!(drift_of_each(10, &seldom), [None, None, Some(PollAlone)]);
        let passing = [poll(0, 1), poll(100, 2), poll(200, 1), poll(300, 1)];
        let expected = [None, None, None, Some(PollAlone)];
        assert_eq!(drift_of_each(10, &passing), expected);
    }

    #[test]
    fn a_late_webhook_is_not_drift_and_never_reverts_counted_drift() {
        let late = [
            poll(0, 1),
            poll(5, 2),
            poll(10, 2),
            told(4, 2),
            poll(15, 2),
            poll(30, 2),
        ];
        assert_eq!(drift_of_each(10, &late), [None; 6]);
        let dated_after_the_poll = [poll(0, 1), poll(5, 2), told(6, 2), poll(15, 2), poll(30, 2)];
        assert_eq!(drift_of_each(10, &dated_after_the_poll), [None; 5]);
        let too_late = [poll(0, 1), poll(5, 2), poll(15, 2), told(4, 2), poll(20, 2)];
        let expected = [None, None, Some(DriftKind::PollAlone), None, None];
        assert_eq!(drift_of_each(10, &too_late), expected);
    }
}
