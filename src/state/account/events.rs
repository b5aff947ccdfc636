//! The last `account_update` of each kind, and whether a later one has reversed it.
//!
//! Meta reports the loss of an account or of a number only once, with one event, and polls do not show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::redate::{Dated, Redating, dated};
use super::super::saved::Saved;
use crate::domain::account::{Disconnection, EventKind, Link};
use crate::domain::{DisplayDigits, Timestamp};

/// Maximum number of events per account: each kind once, plus the newest events about single phone numbers.
/// Meta allows most accounts 25 numbers.
const MAX_KEPT: usize = 128;

/// The last `account_update` of one kind, for the account or one of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastEvent {
    /// When Meta sent it.
    pub at: Timestamp,
    /// `event`.
    #[serde(with = "Saved")]
    pub event: EventKind,
    /// `phone_number`. `None` if the event is about the whole account.
    pub digits: Option<DisplayDigits>,
    /// `disconnection_info`. `None` if Meta gives no reason.
    #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
    pub disconnection: Option<Disconnection>,
}

/// The last event of each kind and number, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvents(Vec<LastEvent>);

dated! { LastEvent: at }

impl Dated for LastEvents {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
        self.0.sort_unstable();
    }
}

impl LastEvents {
    /// Keeps the newest time of each kind and number, regardless of arrival order.
    pub(super) fn observe(
        &mut self,
        event: EventKind,
        digits: Option<&DisplayDigits>,
        disconnection: Option<Disconnection>,
        at: Timestamp,
    ) {
        let is_same =
            |known: &&mut LastEvent| known.event == event && known.digits.as_ref() == digits;
        match self.0.iter_mut().find(is_same) {
            Some(known) => {
                (known.at, known.disconnection) =
                    (known.at, known.disconnection).max((at, disconnection));
            }
            None => self.0.push(LastEvent {
                at,
                event,
                digits: digits.cloned(),
                disconnection,
            }),
        }
        self.0.sort_unstable();
        let surplus = self.0.len().saturating_sub(MAX_KEPT);
        self.0.drain(..surplus);
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LastEvent> {
        self.0.iter()
    }

    /// Time of the last event of each kind, for any number.
    pub fn by_kind(&self) -> impl Iterator<Item = (EventKind, Timestamp)> {
        let newer = |place: usize, event: EventKind| {
            let mut after = self.0.iter().skip(place + 1);
            after.any(|other| other.event == event)
        };
        let last = self.0.iter().enumerate();
        let last = last.filter(move |(place, one)| !newer(*place, one.event));
        last.map(|(_, one)| (one.event, one.at))
    }

    /// The last loss of each kind and reason that no later event has reversed.
    pub fn losses(&self) -> impl Iterator<Item = &LastEvent> {
        let lost = self
            .0
            .iter()
            .filter(|one| one.event.link() == Some(Link::Lost));
        let mut last = BTreeMap::new();
        // Sorted by time, so the newest loss of each kind and reason wins.
        for loss in lost.filter(|one| !self.is_reversed(one)) {
            last.insert((loss.event, loss.disconnection.unwrap_or_default()), loss);
        }
        last.into_values()
    }

    /// Whether a later event has reversed this loss. An event about the account also restores its numbers. Of two
    /// events in the same second the loss wins, so that it is not missed.
    #[must_use]
    pub fn is_reversed(&self, loss: &LastEvent) -> bool {
        let restores = |other: &LastEvent| {
            other.event.link() == Some(Link::Restored)
                && other.at > loss.at
                && (other.digits.is_none() || other.digits == loss.digits)
        };
        loss.event.link() == Some(Link::Lost) && self.0.iter().any(restores)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Word;

    fn digits(which: usize) -> Option<DisplayDigits> {
        DisplayDigits::parse(&format!("1555010{which:04}"))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_775_000_000 + seconds)
    }

    fn observed(events: &[(EventKind, Option<usize>, i64)]) -> LastEvents {
        let mut last = LastEvents::default();
        for (event, number, seconds) in events {
            last.observe(*event, number.and_then(digits).as_ref(), None, at(*seconds));
        }
        last
    }

    fn losses(last: &LastEvents) -> Vec<EventKind> {
        let lost = last
            .iter()
            .filter(|one| one.event.link() == Some(Link::Lost));
        let lost = lost.filter(|one| !last.is_reversed(one));
        lost.map(|one| one.event).collect()
    }

    #[test]
    fn a_later_event_reverses_a_loss() {
        use EventKind::{
            AccountDeleted, AccountOffboarded, AccountReconnected, PartnerAdded,
            PartnerAppInstalled, PartnerAppUninstalled, PartnerRemoved, VerifiedAccount,
        };
        for lost in [
            AccountDeleted,
            AccountOffboarded,
            PartnerRemoved,
            PartnerAppUninstalled,
        ] {
            for restored in [AccountReconnected, PartnerAdded, PartnerAppInstalled] {
                let after = observed(&[(lost, None, 0), (restored, None, 1)]);
                assert_eq!(losses(&after), [], "{restored:?} after {lost:?}");
                for seconds in [0, -1] {
                    let before = observed(&[(restored, None, seconds), (lost, None, 0)]);
                    assert_eq!(losses(&before), [lost], "{restored:?} before {lost:?}");
                }
            }
            let other = observed(&[(lost, None, 0), (VerifiedAccount, None, 1)]);
            assert_eq!(losses(&other), [lost]);
        }
    }

    #[test]
    fn an_event_about_one_number_does_not_affect_others() {
        use EventKind::{AccountReconnected, PartnerRemoved};
        let two = [(PartnerRemoved, Some(1), 0), (PartnerRemoved, Some(2), 0)];
        let restored = |number| {
            let mut events = two.to_vec();
            events.push((AccountReconnected, number, 5));
            losses(&observed(&events)).len()
        };
        assert_eq!(restored(Some(1)), 1);
        assert_eq!(restored(None), 0);
        let whole = observed(&[(PartnerRemoved, None, 0), (AccountReconnected, Some(1), 5)]);
        assert_eq!(losses(&whole), [PartnerRemoved]);
    }

    #[test]
    fn each_kind_keeps_its_newest_time() {
        let last = observed(&[
            (EventKind::PartnerRemoved, Some(1), 3),
            (EventKind::PartnerRemoved, None, 1),
            (EventKind::PartnerRemoved, Some(1), 2),
            (EventKind::PartnerAdded, None, 2),
        ]);
        let by_kind: Vec<_> = last.by_kind().collect();
        let expected = [
            (EventKind::PartnerAdded, at(2)),
            (EventKind::PartnerRemoved, at(3)),
        ];
        assert_eq!(by_kind, expected);
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_keeps_the_same_events(
            events in prop::collection::vec((0..EventKind::ALL.len(), prop::option::of(0..200_usize), 0..500_i64), 0..300),
            seed: u64,
        ) {
            let events: Vec<_> = events
                .into_iter()
                .map(|(event, number, seconds)| (EventKind::ALL[event], number, seconds))
                .collect();
            let mut shuffled = [events.clone(), events.clone()].concat();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let kept = observed(&events);
            prop_assert!(kept.iter().count() <= MAX_KEPT);
            prop_assert_eq!(kept, observed(&shuffled));
        }
    }
}
