//! An event: a fact about one account, with its source and time.

use super::{
    DeliveryKey, PhoneNumberId, SpentCalls, Timestamp, WabaId, account, insights, message, number,
    template, track,
};

/// One observation. Applying the same events in any order, any number of times, gives the same state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The account it belongs to.
    pub waba_id: WabaId,
    /// When the fact was observed: the *start* of a poll's request; for a webhook, `entry[].time` or the event's own
    /// timestamp, in whole seconds.
    pub observed_at: Timestamp,
    /// Source of the fact.
    pub source: Source,
    /// The fact.
    pub fact: Fact,
}

/// Source of the fact. Webhooks and applications provide a key that identifies duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A poll of the Graph API.
    Poll,
    /// A signed delivery from Meta.
    Webhook(DeliveryKey),
    /// A signed webhook without a timestamp. The time of receipt is used instead, and the key alone cannot
    /// distinguish a retry from a recurrence.
    UndatedWebhook(DeliveryKey),
    /// One of the business' own applications, through the event API.
    App(DeliveryKey),
}

impl Source {
    /// The deduplication key. `None` for polls and for webhooks without a timestamp.
    #[must_use]
    pub fn key(self) -> Option<DeliveryKey> {
        match self {
            Self::Poll | Self::UndatedWebhook(_) => None,
            Self::Webhook(key) | Self::App(key) => Some(key),
        }
    }

    /// Whether it is a webhook from Meta.
    #[must_use]
    pub fn is_webhook(self) -> bool {
        matches!(self, Self::Webhook(_) | Self::UndatedWebhook(_))
    }
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A poll read the account's node.
    AccountRead(account::Snapshot),
    /// The account was lost, or is visible again.
    AccountLoss(account::Loss),
    /// A poll listed the account's numbers.
    NumbersListed(Listing<number::Snapshot>),
    /// A poll listed the account's templates, with the totals of the edge's summary.
    TemplatesListed(Listing<template::Snapshot>, template::Totals),
    /// A poll read daily figures of the account's templates and numbers.
    InsightsRead(insights::Snapshot),
    /// The calls that the polls of the account have spent of its budget.
    CallsSpent(SpentCalls),
    /// A webhook about the account.
    Account(account::Update),
    /// A webhook about one of its numbers.
    Number(number::WebhookUpdate),
    /// The digits that webhooks use for one of its phone numbers.
    NumberSpelled(number::Spelling),
    /// A webhook about one of its templates.
    Template(template::WebhookUpdate),
    /// A webhook about messages with customers.
    Message(message::WebhookUpdate),
    /// An event that an application sent about a conversation.
    Tracked(track::AppEvent),
    /// Clock tick: flushes the reordering buffers, and ends what has timed out.
    TimePassed,
    /// Meta's time has become known. Observation times later than `latest` came from a clock that was ahead, and are
    /// moved to the time of this event.
    ClockCorrected {
        /// The latest plausible observation time.
        latest: Timestamp,
    },
    /// A webhook change that no state metric depends on. Its key is still remembered for deduplication.
    Unwatched,
}

impl Fact {
    /// The number that a message or an event of an application belongs to, and a time that had certainly passed at its
    /// receipt.
    #[must_use]
    pub fn received(&self) -> Option<(&PhoneNumberId, Timestamp)> {
        if let Self::Message(webhook) = self {
            Some((&webhook.phone_number_id, webhook.received_at))
        } else if let Self::Tracked(event) = self {
            Some((&event.phone_number_id, event.received_at))
        } else {
            None
        }
    }

    /// Whether several webhooks contain the fact, so that its repetition is not a retry.
    #[must_use]
    pub fn is_in_several_webhooks(&self) -> bool {
        let Self::Message(webhook) = self else {
            return false;
        };
        matches!(webhook.update, message::Update::Priced(_))
    }
}

/// The objects in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The objects that could be read.
    pub objects: Vec<T>,
    /// Whether paging reached the last page. Only then does an absent object count as removed.
    pub complete: bool,
}
