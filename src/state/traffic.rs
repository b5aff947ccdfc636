//! The messages of one phone number: counts, response times, and waiting customers.
//!
//! Conversations are stored in persistent maps, so that a commit copies only the conversations that it changes, however
//! many are open.

use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::conversation::{Answer, Conversation, SESSION, Side};
use super::journey_session::Milestone;
use super::journey_sessions::{JourneySessions, Noted};
use super::journeys::JourneyCounts;
use super::redate::{Dated, Redating, dated};
use super::{Counts, Histogram, PairCounts};
use crate::domain::journey::JourneyId;
use crate::domain::message::{Category, ErrorCode, Kind, Status, Update, WebhookUpdate};
use crate::domain::track::{self, Actor, Happening, Trackers};
use crate::domain::{ConversationKey, PhoneNumberId, Timestamp};

/// How long what happened waits for what happened before it and comes later. Meta's median is a quarter
/// of a second; what is later than this is a delivery that failed before.
pub const REORDERING: Duration = Duration::from_secs(60);

/// Open conversations of a number, some 500 bytes of memory each. Beyond this the one that was silent for longest
/// is closed.
pub const MAX_OPEN: usize = 100_000;

/// How long customers waited for answers, by one clock, and for whose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByActor {
    bot: Responses,
    agent: Responses,
    unknown: Responses,
}

impl ByActor {
    /// For answers of this one.
    #[must_use]
    pub fn by_actor(&self, actor: Actor) -> &Responses {
        match actor {
            Actor::Bot => &self.bot,
            Actor::Agent => &self.agent,
            Actor::Unknown => &self.unknown,
        }
    }

    fn observe(&mut self, waited: Duration, answer: &Answer) {
        let responses = match answer.actor {
            Actor::Bot => &mut self.bot,
            Actor::Agent => &mut self.agent,
            Actor::Unknown => &mut self.unknown,
        };
        if answer.is_first {
            responses.first.observe(waited);
        }
        responses.all.observe(waited);
    }
}

/// How long customers waited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responses {
    /// From a conversation's first message to its first answer.
    pub first: Histogram,
    /// From the first message not answered yet to its answer.
    pub all: Histogram,
}

/// How conversations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Silent for a day, nobody waiting.
    pub answered: u64,
    /// Silent for a day, the customer waiting.
    pub unanswered: u64,
    /// Closed because of the limit on open conversations.
    pub overflow: u64,
}

/// The state of a number's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The number.
    pub id: PhoneNumberId,
    /// `messages` by type.
    pub received: Counts<Kind>,
    /// `statuses` by status and price category.
    pub statuses: PairCounts<Status, Category>,
    /// Errors of failed messages by code.
    pub failures: Counts<ErrorCode>,
    /// How long customers waited, nights and weekends included.
    pub wall: ByActor,
    /// How long they waited within business hours, while any are known.
    pub business: ByActor,
    /// How customers move on journeys.
    pub journeys: JourneyCounts,
    /// Conversations that are over.
    pub ended: Ended,
    /// Stored row by row.
    #[serde(skip)]
    open: Open,
}

/// The state of one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    conversation: Conversation,
    #[serde(rename = "trips")]
    journey_sessions: JourneySessions,
}

dated! { Customer: conversation journey_sessions }

impl Customer {
    fn first_due(&self) -> Option<Timestamp> {
        let conversation = self.conversation.first_unsettled();
        conversation
            .into_iter()
            .chain(self.journey_sessions.first_due())
            .min()
    }

    fn last_at(&self) -> Timestamp {
        self.conversation
            .last_at()
            .max(self.journey_sessions.last_at())
    }

    fn is_one(&self) -> bool {
        self.conversation.is_one() || !self.journey_sessions.is_empty()
    }
}

impl Dated for Traffic {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        let customers = self.open.customers.values();
        customers.for_each(|customer| customer.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        let customers = self.open.customers.iter();
        let ahead = customers.filter(|(_, customer)| customer.is_ahead_of(to.latest));
        for key in ahead.map(|(key, _)| *key).collect::<Vec<_>>() {
            if let Some(mut customer) = self.open.take(key) {
                customer.redate(to);
                self.open.put(key, customer);
            }
        }
    }
}

/// CustomerHasher, and what is looked for among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    customers: OrdMap<ConversationKey, Arc<Customer>>,
    waiting: OrdSet<(Timestamp, ConversationKey)>,
    due: OrdSet<(Timestamp, ConversationKey)>,
    by_age: OrdSet<(Timestamp, ConversationKey)>,
}

impl Traffic {
    pub(crate) fn new(id: PhoneNumberId) -> Self {
        Self {
            id,
            received: Counts::default(),
            statuses: PairCounts::default(),
            failures: Counts::default(),
            wall: ByActor::default(),
            business: ByActor::default(),
            journeys: JourneyCounts::default(),
            ended: Ended::default(),
            open: Open::default(),
        }
    }

    /// How many customers wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.open.waiting.len()
    }

    /// Since when the one waits who waits for longest.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<Timestamp> {
        self.open.waiting.get_min().map(|(since, _)| *since)
    }

    /// How many conversations are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.customers.len()
    }

    /// Every open conversation, to be stored.
    pub(crate) fn customers(&self) -> &OrdMap<ConversationKey, Arc<Customer>> {
        &self.open.customers
    }

    /// Takes up a conversation that was stored.
    pub(crate) fn restore(&mut self, key: ConversationKey, customer: Customer) {
        self.open.put(key, customer);
    }

    pub(super) fn apply_webhook(
        &mut self,
        at: Timestamp,
        webhook: &WebhookUpdate,
        trackers: &Trackers,
    ) {
        match &webhook.update {
            Update::Received { from, kind } => {
                self.received.increment(*kind);
                if kind.wants_an_answer() {
                    self.note(*from, at, Side::Customer, trackers);
                }
            }
            Update::Status {
                to,
                status,
                category,
                errors,
            } => {
                self.statuses.increment(*status, *category);
                self.fail(errors);
                // Later statuses are of the same message, and say when it was seen.
                if *status == Status::Sent {
                    self.note(*to, at, Side::Business(Actor::Unknown), trackers);
                }
            }
            Update::Errors(errors) => self.fail(errors),
        }
        self.settle(webhook.received_at, trackers);
    }

    pub(super) fn track(&mut self, at: Timestamp, webhook: &track::Update, trackers: &Trackers) {
        let key = Some(webhook.conversation);
        match &webhook.happening {
            Happening::Inbound => self.note(key, at, Side::Customer, trackers),
            Happening::Reply(actor) => self.note(key, at, Side::Business(*actor), trackers),
            Happening::OnJourney(id, progress) => {
                let (id, progress) = (id.clone(), progress.clone());
                let noted = Noted { at, id, progress };
                self.change(webhook.conversation, trackers, |customer, counting| {
                    let count = |id: &JourneyId, variant: &str, milestone| {
                        counting.milestone(id, variant, milestone);
                    };
                    customer
                        .journey_sessions
                        .note(noted, &trackers.journeys, count);
                });
                self.make_room();
            }
        }
        self.settle(webhook.received_at, trackers);
    }

    fn fail(&mut self, errors: &[ErrorCode]) {
        for error in errors {
            self.failures.increment(*error);
        }
    }

    fn note(
        &mut self,
        key: Option<ConversationKey>,
        at: Timestamp,
        side: Side,
        trackers: &Trackers,
    ) {
        let Some(key) = key else {
            return;
        };
        self.change(key, trackers, |customer, counting| {
            let count = |answer| counting.answer(&answer);
            customer.conversation.note(at, side, count);
        });
        self.make_room();
    }

    /// Closes the one that was silent for longest, if there are too many.
    fn make_room(&mut self) {
        if self.open.customers.len() > MAX_OPEN {
            self.close_oldest();
        }
    }

    /// Closes the one that was silent for longest.
    pub(super) fn close_oldest(&mut self) {
        if let Some((_, oldest)) = self.open.by_age.get_min().copied() {
            self.close(oldest);
            self.ended.overflow += 1;
        }
    }

    /// Whether the row of time up to this moment changes anything.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let until = back(now, REORDERING);
        let settles = self.open.due.get_min();
        let ends = self.open.by_age.get_min();
        settles.is_some_and(|(at, _)| *at <= until)
            || ends.is_some_and(|(at, _)| *at < back(until, SESSION))
    }

    /// Counts what nothing can come before any more, and ends what has been silent for a day.
    pub(super) fn settle(&mut self, now: Timestamp, trackers: &Trackers) {
        let until = back(now, REORDERING);
        while let Some((_, key)) = self.open.due.get_min().filter(|one| one.0 <= until) {
            self.change(*key, trackers, |customer, counting| {
                let count = |answer| counting.answer(&answer);
                customer.conversation.settle(until, count);
                let count = |id: &JourneyId, variant: &str, milestone| {
                    counting.milestone(id, variant, milestone);
                };
                customer
                    .journey_sessions
                    .settle(until, &trackers.journeys, count);
            });
        }
        let silent_since = back(until, SESSION);
        while let Some((_, key)) = self
            .open
            .by_age
            .get_min()
            .filter(|one| one.0 < silent_since)
        {
            match self.close(*key) {
                Some(true) => self.ended.unanswered += 1,
                Some(false) => self.ended.answered += 1,
                None => {}
            }
        }
    }

    fn change(
        &mut self,
        key: ConversationKey,
        trackers: &Trackers,
        change: impl FnOnce(&mut Customer, &mut Counting<'_>),
    ) {
        let mut customer = self.open.take(key).unwrap_or_default();
        let mut counting = Counting {
            wall: &mut self.wall,
            business: &mut self.business,
            journeys: &mut self.journeys,
            trackers,
        };
        change(&mut customer, &mut counting);
        if customer.is_one() {
            self.open.put(key, customer);
        }
    }

    /// Returns whether the customer waited; `None` without a conversation.
    fn close(&mut self, key: ConversationKey) -> Option<bool> {
        let mut closed = self.open.take(key)?;
        let journeys = &mut self.journeys;
        let count = |id: &JourneyId, variant: &str, milestone| {
            journeys.count(id, variant, milestone);
        };
        closed.journey_sessions.abandon(count);
        let conversation = &closed.conversation;
        conversation
            .is_one()
            .then(|| conversation.waiting_since().is_some())
    }
}

/// Counters of a change.
struct Counting<'a> {
    wall: &'a mut ByActor,
    business: &'a mut ByActor,
    journeys: &'a mut JourneyCounts,
    trackers: &'a Trackers,
}

impl Counting<'_> {
    fn answer(&mut self, answer: &Answer) {
        let Answer { asked_at, at, .. } = *answer;
        self.wall.observe(at.since(asked_at), answer);
        if let Some(hours) = &self.trackers.hours {
            self.business.observe(hours.between(asked_at, at), answer);
        }
    }

    fn milestone(&mut self, id: &JourneyId, variant: &str, milestone: Milestone) {
        if milestone == Milestone::Started {
            self.journeys.expect(id, &self.trackers.journeys);
        }
        self.journeys.count(id, variant, milestone);
    }
}

impl Open {
    fn take(&mut self, key: ConversationKey) -> Option<Customer> {
        let customer = self.customers.remove(&key)?;
        if let Some(since) = customer.conversation.waiting_since() {
            self.waiting.remove(&(since, key));
        }
        if let Some(first) = customer.first_due() {
            self.due.remove(&(first, key));
        }
        self.by_age.remove(&(customer.last_at(), key));
        Some(Arc::unwrap_or_clone(customer))
    }

    fn put(&mut self, key: ConversationKey, customer: Customer) {
        if let Some(since) = customer.conversation.waiting_since() {
            self.waiting.insert((since, key));
        }
        if let Some(first) = customer.first_due() {
            self.due.insert((first, key));
        }
        self.by_age.insert((customer.last_at(), key));
        self.customers.insert(key, Arc::new(customer));
    }
}

fn back(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().saturating_sub(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the stored text are those of the first version, whatever the fields are called now.
    #[test]
    fn what_older_versions_stored_is_read() {
        let stored = concat!(
            r#"{"conversation":{"waiting_since":1775000000000,"last_written_to":null,"has_spoken":true,"#,
            r#""was_answered":false,"last_at":1775000000000,"unsettled":[]},"#,
            r#""trips":{"sessions":[],"assigned":[],"unsettled":[],"last_at":0}}"#,
        );
        let customer: Customer = serde_json::from_str(stored).expect("an older version's text");
        let written = serde_json::to_string(&customer).expect("plain data");
        assert_eq!(written, stored);
    }
}
