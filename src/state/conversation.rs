//! One conversation: whether the customer is waiting, since when, and the response times.
//!
//! Messages are sorted by their own time before they count, so the order of webhooks does not matter. A message that
//! arrives after the messages around it were counted still counts as far as possible.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating, dated};
use crate::domain::Timestamp;
use crate::domain::mark::EntryPoint;
use crate::domain::track::Actor;

/// A conversation without messages for this long is over, and the next message starts a new one. Meta lets a business
/// reply freely for the same 24 hours.
pub const SESSION: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of messages in the reordering buffer. Meta's rate limit for a pair of numbers is far lower.
const MAX_UNSETTLED: usize = 64;

/// The sender. The order breaks ties, because Meta's times are whole seconds: the customer comes first, and a
/// response with a known sender precedes one without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The customer.
    Customer,
    /// The business.
    Business(Actor),
}

/// A response to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusinessResponse {
    /// Time of the first message that was not answered before.
    pub asked_at: Timestamp,
    /// Time of the response.
    pub at: Timestamp,
    /// The sender of the response.
    pub actor: Actor,
    /// Whether it is the first response of the conversation.
    pub is_first: bool,
}

/// What a message of the conversation counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationEvent {
    /// The customer started the conversation from this entry point.
    Began(EntryPoint),
    /// The business responded.
    Response(BusinessResponse),
}

/// The state of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    waiting_since: Option<Timestamp>,
    last_written_to: Option<Timestamp>,
    has_spoken: bool,
    was_answered: bool,
    last_at: Timestamp,
    /// Reordering buffer, sorted: messages that are not counted yet.
    unsettled: Vec<(Timestamp, Side)>,
    /// Entry points of unsettled messages, by time. Messages without a referral have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    referrals: Vec<Referral>,
}

/// A customer's message that came from an ad or a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Referral {
    at: Timestamp,
    entry_point: EntryPoint,
}

dated! { Referral: at }

impl Dated for Conversation {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.waiting_since.times(see);
        self.last_written_to.times(see);
        self.last_at.times(see);
        self.unsettled.iter().for_each(|(at, _)| at.times(see));
        self.referrals.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.waiting_since.redate(to);
        self.last_written_to.redate(to);
        self.last_at.redate(to);
        self.unsettled.iter_mut().for_each(|(at, _)| at.redate(to));
        self.unsettled.sort_unstable();
        self.referrals.redate(to);
    }
}

impl Conversation {
    /// Records the entry point of the message of this time. Must precede the message itself.
    pub fn note_referral(&mut self, at: Timestamp, entry_point: EntryPoint) {
        if entry_point != EntryPoint::None && self.referrals.len() < MAX_UNSETTLED {
            self.referrals.push(Referral { at, entry_point });
        }
    }

    /// Records an event; counts the events that this pushes out of the reordering buffer.
    pub fn note(&mut self, at: Timestamp, side: Side, mut count: impl FnMut(ConversationEvent)) {
        let place = self.unsettled.partition_point(|one| *one <= (at, side));
        self.unsettled.insert(place, (at, side));
        if self.unsettled.len() > MAX_UNSETTLED {
            let (at, side) = self.unsettled.remove(0);
            self.apply(at, side).into_iter().for_each(&mut count);
        }
    }

    /// Counts the messages before this moment.
    pub fn settle(&mut self, until: Timestamp, mut count: impl FnMut(ConversationEvent)) {
        let settled = self.unsettled.partition_point(|(at, _)| *at <= until);
        let settled: Vec<_> = self.unsettled.drain(..settled).collect();
        for (at, side) in settled {
            self.apply(at, side).into_iter().for_each(&mut count);
        }
        self.referrals.retain(|referral| referral.at > until);
    }

    /// Takes over the messages of another conversation that proves to be part of this one. Counts made before do not
    /// change.
    pub fn absorb(&mut self, other: Self) {
        self.last_written_to = self.last_written_to.max(other.last_written_to);
        // A wait that was answered does not hide a later one that was not.
        let waits = [self.waiting_since, other.waiting_since]
            .into_iter()
            .flatten();
        let unanswered = waits.filter(|since| self.last_written_to < Some(*since));
        self.waiting_since = unanswered.min();
        self.has_spoken |= other.has_spoken;
        self.was_answered |= other.was_answered;
        self.last_at = self.last_at.max(other.last_at);
        self.unsettled.extend(other.unsettled);
        self.referrals.extend(other.referrals);
        self.unsettled.sort_unstable();
    }

    /// Start of the current wait, including messages in the reordering buffer. `None` if the customer is not
    /// waiting.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        if self.unsettled.is_empty() {
            return self.waiting_since;
        }
        let mut ahead = self.clone();
        ahead.settle(Timestamp::from_millis(i64::MAX), |_| {});
        ahead.waiting_since
    }

    /// Whether the customer has sent a message, or may prove to have sent one. If not, the business only sends to
    /// someone who does not respond, which is not a conversation.
    #[must_use]
    pub fn is_conversation(&self) -> bool {
        self.has_spoken || !self.unsettled.is_empty()
    }

    /// Time of the first message that is not counted yet.
    #[must_use]
    pub fn first_unsettled(&self) -> Option<Timestamp> {
        self.unsettled.first().map(|(at, _)| *at)
    }

    /// Time of the last message.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        let last = self.unsettled.last().map(|(at, _)| *at);
        last.map_or(self.last_at, |last| last.max(self.last_at))
    }

    fn apply(&mut self, at: Timestamp, side: Side) -> Option<ConversationEvent> {
        if at.since(self.last_at) > SESSION {
            *self = Self {
                unsettled: std::mem::take(&mut self.unsettled),
                referrals: std::mem::take(&mut self.referrals),
                ..Self::default()
            };
        }
        self.last_at = self.last_at.max(at);
        match side {
            Side::Customer => {
                let begins = !std::mem::replace(&mut self.has_spoken, true);
                let is_answered = self.last_written_to.is_some_and(|answer| answer >= at);
                if !is_answered {
                    let since = self.waiting_since.unwrap_or(at);
                    self.waiting_since = Some(since.min(at));
                }
                begins.then(|| ConversationEvent::Began(self.entry_point(at)))
            }
            Side::Business(actor) => {
                self.last_written_to = self.last_written_to.max(Some(at));
                let since = self.waiting_since.filter(|since| *since <= at)?;
                self.waiting_since = None;
                Some(ConversationEvent::Response(BusinessResponse {
                    asked_at: since,
                    at,
                    actor,
                    is_first: !std::mem::replace(&mut self.was_answered, true),
                }))
            }
        }
    }

    /// The entry point of the message of this time.
    fn entry_point(&self, at: Timestamp) -> EntryPoint {
        let mut referrals = self.referrals.iter();
        let referral = referrals.find(|referral| referral.at == at);
        referral.map_or(EntryPoint::None, |referral| referral.entry_point)
    }
}

#[cfg(test)]
mod tests;
