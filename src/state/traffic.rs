//! The messages of one phone number: what came and went, how long answers took, and who waits.
//!
//! Conversations are in maps that share what did not change, so that a commit copies none but those it
//! touches, however many are open.

use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::conversation::{Answer, Conversation, SESSION, Side};
use super::{Counts, Histogram, PairCounts};
use crate::domain::message::{Category, ErrorCode, Kind, News, Status, Told};
use crate::domain::track::{self, Actor, Happening};
use crate::domain::{BusinessHours, ConversationKey, PhoneNumberId, Timestamp};

/// The second clock, where there is one.
pub(super) type Hours<'a> = Option<&'a BusinessHours>;

/// How long what happened waits for what happened before it and comes later. Meta's median is a quarter
/// of a second; what is later than this is a delivery that failed before.
pub const REORDERING: Duration = Duration::from_secs(60);

/// Open conversations of a number, some 450 bytes of memory each. Beyond this the one that was silent for longest
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
    pub fn of(&self, actor: Actor) -> &Responses {
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
    /// Closed to make room.
    pub overflow: u64,
}

/// What is known of a number's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Which number.
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
    /// Conversations that are over.
    pub ended: Ended,
    settled_until: Timestamp,
    /// Stored row by row.
    #[serde(skip)]
    open: Open,
}

/// Conversations, and what is looked for among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    conversations: OrdMap<ConversationKey, Arc<Conversation>>,
    waiting: OrdSet<(Timestamp, ConversationKey)>,
    unsettled: OrdSet<(Timestamp, ConversationKey)>,
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
            ended: Ended::default(),
            settled_until: Timestamp::default(),
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
        self.open.conversations.len()
    }

    /// Every open conversation, to be stored.
    pub(crate) fn conversations(&self) -> &OrdMap<ConversationKey, Arc<Conversation>> {
        &self.open.conversations
    }

    /// Takes up a conversation that was stored.
    pub(crate) fn restore(&mut self, key: ConversationKey, conversation: Conversation) {
        self.open.put(key, conversation);
    }

    pub(super) fn tell(&mut self, at: Timestamp, news: &News, hours: Hours<'_>) {
        match &news.told {
            Told::Received { from, kind } => {
                self.received.increment(*kind);
                if kind.wants_an_answer() {
                    self.note(*from, at, Side::Customer, hours);
                }
            }
            Told::Status {
                to,
                status,
                category,
                errors,
            } => {
                self.statuses.increment(*status, *category);
                self.fail(errors);
                // Later statuses are of the same message, and say when it was seen.
                if *status == Status::Sent {
                    self.note(*to, at, Side::Business(Actor::Unknown), hours);
                }
            }
            Told::Errors(errors) => self.fail(errors),
        }
        self.settle(news.received_at, hours);
    }

    pub(super) fn track(&mut self, at: Timestamp, news: &track::News, hours: Hours<'_>) {
        let side = match news.happening {
            Happening::Inbound => Side::Customer,
            Happening::Reply(actor) => Side::Business(actor),
        };
        self.note(Some(news.conversation), at, side, hours);
        self.settle(news.received_at, hours);
    }

    fn fail(&mut self, errors: &[ErrorCode]) {
        for error in errors {
            self.failures.increment(*error);
        }
    }

    fn note(&mut self, key: Option<ConversationKey>, at: Timestamp, side: Side, hours: Hours<'_>) {
        let Some(key) = key else {
            return;
        };
        self.change(key, hours, |conversation, count| {
            conversation.note(at, side, count);
        });
        if self.open.conversations.len() > MAX_OPEN
            && let Some((_, oldest)) = self.open.by_age.get_min().copied()
        {
            self.close(oldest);
            self.ended.overflow += 1;
        }
    }

    /// Is there something that this moment settles or ends?
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let until = back(now, REORDERING);
        let settles = self.open.unsettled.get_min();
        let ends = self.open.by_age.get_min();
        settles.is_some_and(|(at, _)| *at <= until)
            || ends.is_some_and(|(at, _)| *at < back(until, SESSION))
    }

    /// Counts what nothing can come before any more, and ends what has been silent for a day.
    pub(super) fn settle(&mut self, now: Timestamp, hours: Hours<'_>) {
        let until = back(now, REORDERING).max(self.settled_until);
        self.settled_until = until;
        while let Some((_, key)) = self.open.unsettled.get_min().filter(|one| one.0 <= until) {
            self.change(*key, hours, |conversation, count| {
                conversation.settle(until, count);
            });
        }
        let silent_since = back(until, SESSION);
        while let Some((_, key)) = self
            .open
            .by_age
            .get_min()
            .filter(|one| one.0 < silent_since)
        {
            let waited = self.close(*key);
            let ended = &mut self.ended;
            *(if waited {
                &mut ended.unanswered
            } else {
                &mut ended.answered
            }) += 1;
        }
    }

    fn change(
        &mut self,
        key: ConversationKey,
        hours: Hours<'_>,
        change: impl FnOnce(&mut Conversation, &mut dyn FnMut(Answer)),
    ) {
        let mut conversation = self.open.take(key).unwrap_or_default();
        let (wall, business) = (&mut self.wall, &mut self.business);
        change(&mut conversation, &mut |answer| {
            let Answer { asked_at, at, .. } = answer;
            wall.observe(at.since(asked_at), &answer);
            if let Some(hours) = hours {
                business.observe(hours.between(asked_at, at), &answer);
            }
        });
        if conversation.is_one() {
            self.open.put(key, conversation);
        }
    }

    /// Says whether the customer waited.
    fn close(&mut self, key: ConversationKey) -> bool {
        let closed = self.open.take(key);
        closed.is_some_and(|closed| closed.waiting_since().is_some())
    }
}

impl Open {
    fn take(&mut self, key: ConversationKey) -> Option<Conversation> {
        let conversation = self.conversations.remove(&key)?;
        if let Some(since) = conversation.waiting_since() {
            self.waiting.remove(&(since, key));
        }
        if let Some(first) = conversation.first_unsettled() {
            self.unsettled.remove(&(first, key));
        }
        self.by_age.remove(&(conversation.last_at(), key));
        Some(Arc::unwrap_or_clone(conversation))
    }

    fn put(&mut self, key: ConversationKey, conversation: Conversation) {
        if let Some(since) = conversation.waiting_since() {
            self.waiting.insert((since, key));
        }
        if let Some(first) = conversation.first_unsettled() {
            self.unsettled.insert((first, key));
        }
        self.by_age.insert((conversation.last_at(), key));
        self.conversations.insert(key, Arc::new(conversation));
    }
}

fn back(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().saturating_sub(by))
}
