//! The messages of one phone number: counts, response times, and waiting customers.
//!
//! Conversations are stored in persistent maps, so that a commit copies only the conversations that it changes,
//! however many are open.

use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::conversation::{BusinessResponse, Conversation, SESSION, Side};
use super::journey_session::Milestone;
use super::journey_sessions::{JourneySessions, Noted};
use super::journeys::JourneyCounts;
use super::redate::{Dated, Redating, dated};
use super::{Counts, Histogram, PairCounts};
use crate::domain::journey::JourneyId;
use crate::domain::message::{
    Category, ErrorCode, Kind, MarketingPreference, Status, Update, WebhookUpdate,
};
use crate::domain::track::{self, Actor, Happening, Trackers};
use crate::domain::{ConversationKey, PhoneNumberId, Timestamp};

/// How long an event waits for earlier events that arrive later. Meta's median latency is a quarter of a second;
/// a delivery that arrives later than this has failed before.
pub const REORDERING: Duration = Duration::from_secs(60);

/// Maximum number of open conversations of a number, at some 500 bytes of memory each. Beyond it, the
/// conversation that was silent for longest is closed.
pub const MAX_OPEN: usize = 100_000;

/// Response times by one clock, by sender of the response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByActor {
    bot: Responses,
    agent: Responses,
    unknown: Responses,
}

impl ByActor {
    /// Response times of this sender.
    #[must_use]
    pub fn by_actor(&self, actor: Actor) -> &Responses {
        match actor {
            Actor::Bot => &self.bot,
            Actor::Agent => &self.agent,
            Actor::Unknown => &self.unknown,
        }
    }

    fn observe(&mut self, waited: Duration, answer: &BusinessResponse) {
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

/// Response times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responses {
    /// Time from a conversation's first message to its first response.
    pub first: Histogram,
    /// Time from the first unanswered message to its response.
    pub all: Histogram,
}

/// Numbers of ended conversations, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Silent for a day, with no customer waiting.
    pub answered: u64,
    /// Silent for a day, with the customer waiting.
    pub unanswered: u64,
    /// Closed because of the limit on open conversations.
    pub overflow: u64,
}

/// The state of a number's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Id of the phone number.
    pub id: PhoneNumberId,
    /// `messages` by type.
    pub received: Counts<Kind>,
    /// `statuses` by status and price category.
    pub statuses: PairCounts<Status, Category>,
    /// Errors of failed messages by code.
    pub failures: Counts<ErrorCode>,
    /// `user_preferences` by value.
    #[serde(default)]
    pub preferences: Counts<MarketingPreference>,
    /// Response times, nights and weekends included.
    pub wall: ByActor,
    /// Response times within business hours. Empty until business hours are known.
    pub business: ByActor,
    /// Counters of the journeys of its customers.
    pub journeys: JourneyCounts,
    /// Conversations that have ended.
    pub ended: Ended,
    /// Open conversations; stored as separate rows.
    #[serde(skip)]
    open: OpenConversations,
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

    fn is_conversation(&self) -> bool {
        self.conversation.is_conversation() || !self.journey_sessions.is_empty()
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

/// The open conversations, with indexes for queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OpenConversations {
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
            preferences: Counts::default(),
            wall: ByActor::default(),
            business: ByActor::default(),
            journeys: JourneyCounts::default(),
            ended: Ended::default(),
            open: OpenConversations::default(),
        }
    }

    /// Number of customers who are waiting for a response.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.open.waiting.len()
    }

    /// Start time of the longest current wait. `None` if no customer is waiting.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<Timestamp> {
        self.open.waiting.get_min().map(|(since, _)| *since)
    }

    /// Number of open conversations.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.customers.len()
    }

    /// Every open conversation, for the store.
    pub(crate) fn customers(&self) -> &OrdMap<ConversationKey, Arc<Customer>> {
        &self.open.customers
    }

    /// Adds a stored conversation.
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
                // Later statuses are about the same message: they show when it was delivered or read, not when it
                // was sent.
                if *status == Status::Sent {
                    self.note(*to, at, Side::Business(Actor::Unknown), trackers);
                }
            }
            Update::Errors(errors) => self.fail(errors),
            Update::Preference(preference) => self.preferences.increment(*preference),
        }
        self.settle(webhook.received_at, trackers);
    }

    pub(super) fn track(&mut self, at: Timestamp, webhook: &track::AppEvent, trackers: &Trackers) {
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

    /// Closes the conversation that was silent for longest, if there are too many.
    fn make_room(&mut self) {
        if self.open.customers.len() > MAX_OPEN {
            self.close_oldest();
        }
    }

    /// Closes the conversation that was silent for longest.
    pub(super) fn close_oldest(&mut self) {
        if let Some((_, oldest)) = self.open.by_age.get_min().copied() {
            self.close(oldest);
            self.ended.overflow += 1;
        }
    }

    /// Whether the passing of time up to this moment changes anything.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let until = back(now, REORDERING);
        let settles = self.open.due.get_min();
        let ends = self.open.by_age.get_min();
        settles.is_some_and(|(at, _)| *at <= until)
            || ends.is_some_and(|(at, _)| *at < back(until, SESSION))
    }

    /// Counts events that no earlier event can precede any more, and ends conversations that were silent for a
    /// day.
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
        if customer.is_conversation() {
            self.open.put(key, customer);
        }
    }

    /// Closes a conversation. Returns whether its customer was waiting; `None` if there is no such conversation.
    fn close(&mut self, key: ConversationKey) -> Option<bool> {
        let mut closed = self.open.take(key)?;
        let journeys = &mut self.journeys;
        let count = |id: &JourneyId, variant: &str, milestone| {
            journeys.count(id, variant, milestone);
        };
        closed.journey_sessions.abandon(count);
        let conversation = &closed.conversation;
        conversation
            .is_conversation()
            .then(|| conversation.waiting_since().is_some())
    }
}

/// The counters that a change updates.
struct Counting<'a> {
    wall: &'a mut ByActor,
    business: &'a mut ByActor,
    journeys: &'a mut JourneyCounts,
    trackers: &'a Trackers,
}

impl Counting<'_> {
    fn answer(&mut self, answer: &BusinessResponse) {
        let BusinessResponse { asked_at, at, .. } = *answer;
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

impl OpenConversations {
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

    /// The names in the stored text are those of the first version, even if a field has been renamed since.
    #[test]
    fn stored_values_of_older_versions_are_read() {
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
