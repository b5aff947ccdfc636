//! Corrects times that were taken from a clock that was ahead of Meta's.
//!
//! An observation dated a year ahead would supersede all observations of that year. Such times are moved to just before
//! the start of the process, in their order, so that all observations of this process are newer. Future times that Meta
//! gives (the end of a restriction, the date of a ban) are not observation times and stay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Latest, Stamp};
use crate::domain::Timestamp;

/// The correction of times that are ahead of the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redating {
    /// The latest plausible time; later ones are ahead.
    pub latest: Timestamp,
    /// Old and new position of each time that is ahead, in Unix milliseconds.
    pub moves: BTreeMap<i64, i64>,
}

impl Redating {
    /// Moves times after `latest` to just before `start`.
    pub(super) fn new(dated: &impl Dated, latest: Timestamp, start: Timestamp) -> Self {
        let mut ahead = BTreeSet::new();
        dated.times(&mut |time| {
            if time > latest.as_millis() {
                ahead.insert(time);
            }
        });
        let count = i64::try_from(ahead.len()).unwrap_or(i64::MAX);
        let first = start.as_millis().saturating_sub(count);
        let moves = ahead.into_iter().zip(first..).collect();
        Self { latest, moves }
    }

    /// The corrected position of a time.
    pub(super) fn corrected(&self, time: i64) -> i64 {
        self.moves.get(&time).copied().unwrap_or(time)
    }
}

/// A value that contains observation times.
pub(super) trait Dated {
    /// Calls `see` with every observation time, in Unix milliseconds.
    fn times(&self, see: &mut dyn FnMut(i64));

    /// Moves the observation times.
    fn redate(&mut self, to: &Redating);

    /// Whether any observation time is after `latest`.
    fn is_ahead_of(&self, latest: Timestamp) -> bool {
        let mut is_ahead = false;
        self.times(&mut |time| is_ahead |= time > latest.as_millis());
        is_ahead
    }
}

/// Implements [`Dated`] for a struct whose named fields contain observation times.
macro_rules! dated {
    ($type:ty: $($field:ident)*) => {
        impl $crate::state::redate::Dated for $type {
            fn times(&self, see: &mut dyn FnMut(i64)) {
                $($crate::state::redate::Dated::times(&self.$field, see);)*
            }

            fn redate(&mut self, to: &$crate::state::redate::Redating) {
                $($crate::state::redate::Dated::redate(&mut self.$field, to);)*
            }
        }
    };
}
pub(super) use dated;

impl Dated for Timestamp {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        see(self.as_millis());
    }

    fn redate(&mut self, to: &Redating) {
        *self = Self::from_millis(to.corrected(self.as_millis()));
    }
}

impl Dated for Stamp {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        see(self.order_ms());
    }

    fn redate(&mut self, to: &Redating) {
        *self = self.at_order(to.corrected(self.order_ms()));
    }
}

impl<T: Ord> Dated for Latest<T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.stamp().iter().for_each(|stamp| stamp.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.stamp_mut()
            .into_iter()
            .for_each(|stamp| stamp.redate(to));
    }
}

impl<T: Dated> Dated for Option<T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.iter().for_each(|one| one.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.iter_mut().for_each(|one| one.redate(to));
    }
}

impl<K, T: Dated> Dated for (K, T) {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.1.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.1.redate(to);
    }
}

impl<T: Dated> Dated for Vec<T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.iter().for_each(|one| one.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.iter_mut().for_each(|one| one.redate(to));
    }
}

impl<T: Dated, const N: usize> Dated for [T; N] {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.iter().for_each(|one| one.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.iter_mut().for_each(|one| one.redate(to));
    }
}

impl<K: Ord, T: Dated> Dated for BTreeMap<K, T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.values().for_each(|one| one.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.values_mut().for_each(|one| one.redate(to));
    }
}

/// Shared objects are copied only if a time in them changes, because copied objects are written to the store.
impl<T: Dated + Clone> Dated for Arc<T> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.as_ref().times(see);
    }

    fn redate(&mut self, to: &Redating) {
        if self.is_ahead_of(to.latest) {
            Self::make_mut(self).redate(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journey::{Journey, JourneyId, Journeys, Progress, Step, StepOutcome};
    use crate::domain::mark::MessageContext;
    use crate::domain::message::{self, Kind, WebhookUpdate};
    use crate::domain::track::{self, Happening, Trackers};
    use crate::domain::{
        ConversationKey, DeliveryKey, Event, Fact, PhoneNumberId, RecipientKey, Source, WabaId,
    };
    use crate::state::State;
    use std::time::Duration;

    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    const START: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn event(observed_at: Timestamp, key: Option<u128>, fact: Fact) -> Event {
        let source = key.map_or(Source::Poll, |key| Source::Webhook(DeliveryKey(key)));
        Event {
            waba_id: WabaId::parse("800100200300400").expect("an id"),
            observed_at,
            source,
            fact,
        }
    }

    fn number() -> PhoneNumberId {
        PhoneNumberId::parse("900100200300400").expect("an id")
    }

    fn received(at: Timestamp, customer: u128) -> Event {
        let update = WebhookUpdate {
            phone_number_id: number(),
            received_at: at,
            recipient: Some(RecipientKey(customer).into()),
            update: message::Update::Received {
                from: Some(ConversationKey(customer).into()),
                kind: Kind::Text,
                context: MessageContext::default(),
            },
        };
        event(at, Some(customer), Fact::Message(update))
    }

    fn booking() -> JourneyId {
        JourneyId {
            journey: "booking".into(),
            version: "1".into(),
        }
    }

    fn step(at: Timestamp, customer: u128) -> Event {
        let progress = Progress::Step {
            step: "date".into(),
            outcome: StepOutcome::Entered,
            variant: None,
        };
        let update = track::AppEvent {
            phone_number_id: number(),
            customer: ConversationKey(customer).into(),
            received_at: at,
            happening: Happening::OnJourney(booking(), progress),
        };
        event(at, Some(100 + customer), Fact::Tracked(update))
    }

    #[test]
    fn conversations_and_sessions_of_a_clock_that_was_ahead_end_in_time() {
        let mut state = State::default();
        state.watch([WabaId::parse("800100200300400").expect("an id")]);
        let journeys = Journeys(vec![Journey {
            id: booking(),
            steps: vec![Step::open("date")],
            goals: Vec::new(),
            variants: Vec::new(),
            idle_timeout: Duration::from_secs(600),
            loop_threshold: 3,
        }]);
        state.track(Arc::new(Trackers {
            hours: None,
            journeys: journeys.clone(),
            ..Trackers::default()
        }));
        let wrong = START.plus(YEAR);
        // The third is beyond the reordering buffer, so the first two are settled.
        for (customer, seconds) in [(1, 0), (2, 1), (3, 200)] {
            let at = wrong.plus(Duration::from_secs(seconds));
            state.apply(&received(at, customer));
            state.apply(&step(at, customer));
        }
        let latest = START.plus(Duration::from_secs(300));
        assert_eq!(state.ahead_of(latest).count(), 1);
        state.apply(&event(START, None, Fact::ClockCorrected { latest }));
        assert_eq!(state.ahead_of(latest).count(), 0);
        let traffic = |state: &State| {
            let account = state.accounts().values().next().expect("it is watched");
            account.traffic().next().expect("it has messages").clone()
        };
        let corrected = traffic(&state);
        assert_eq!(corrected.waiting(), 3);
        let oldest = corrected.oldest_waiting().expect("three wait");
        assert!(oldest < START && START.since(oldest) < Duration::from_secs(1));
        // A day and some minutes without a message end every conversation.
        let end = START.plus(Duration::from_secs(86_400 + 120));
        state.apply(&event(end, None, Fact::TimePassed));
        let ended = traffic(&state);
        assert_eq!((ended.open(), ended.ended.unanswered), (0, 3));
        let sessions: Vec<u64> = ended
            .journeys
            .declared(&journeys)
            .map(|(.., counts)| counts.abandoned)
            .collect();
        assert_eq!(sessions, [3]);
    }
}
