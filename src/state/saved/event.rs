//! The stored form of events from webhooks and applications. One replica stores them, and another one reads them.
//!
//! The writer may be of a later or an earlier version than the reader: an unknown field is ignored, and an unknown word
//! is `OTHER`. An unknown fact or source is an error that names it, because no event may be lost silently.
//!
//! Facts of polls and of the clock have no stored form: the replica that creates them also commits them. Serializing
//! one is an error.

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::message::{SavedAppEvent, SavedMessage};
use super::{Saved, SavedWebhook, saved_as};
use crate::domain::account::{
    self, AlertSeverity, AlertType, Ban, Disconnection, FlowAlertState, FlowEventKind, Restriction,
    ReviewStatus, Violation, ViolationType,
};
use crate::domain::template::{self, Category, PauseTitle, RejectedReason};
use crate::domain::{
    DeliveryKey, DisplayDigits, Event, Fact, FlowId, Listing, MessagingLimit, PhoneNumberId,
    QualityRating, Source, SpentCalls, TemplateId, Timestamp, WabaId, Word as _, insights, message,
    number, track,
};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
struct SavedEvent {
    waba_id: WabaId,
    observed_at: Timestamp,
    #[serde(with = "SavedSource")]
    source: Source,
    #[serde(with = "SavedFact")]
    fact: Fact,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SavedEvent::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedEvent::deserialize(deserializer)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Source", rename_all = "snake_case")]
enum SavedSource {
    #[serde(skip)]
    Poll,
    Webhook(DeliveryKey),
    UndatedWebhook(DeliveryKey),
    App(DeliveryKey),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Fact", rename_all = "snake_case")]
enum SavedFact {
    #[serde(skip)]
    AccountRead(account::Snapshot),
    #[serde(skip)]
    AccountLoss(account::Loss),
    #[serde(skip)]
    NumbersListed(Listing<number::Snapshot>),
    #[serde(skip)]
    TemplatesListed(Listing<template::Snapshot>, template::Totals),
    #[serde(skip)]
    InsightsRead(insights::Snapshot),
    #[serde(skip)]
    CallsSpent(SpentCalls),
    Account(#[serde(with = "SavedAccountUpdate")] account::Update),
    Number(#[serde(with = "SavedWebhook")] number::WebhookUpdate),
    NumberSpelled(#[serde(with = "SavedSpelling")] number::Spelling),
    Template(#[serde(with = "SavedTemplate")] template::WebhookUpdate),
    Message(#[serde(with = "SavedMessage")] message::WebhookUpdate),
    Tracked(#[serde(with = "SavedAppEvent")] track::AppEvent),
    #[serde(skip)]
    TimePassed,
    #[serde(skip)]
    ClockCorrected {
        latest: Timestamp,
    },
    Unwatched,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "number::Spelling")]
struct SavedSpelling {
    id: PhoneNumberId,
    digits: DisplayDigits,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "account::Update", rename_all = "snake_case")]
enum SavedAccountUpdate {
    AccountUpdate {
        #[serde(with = "Saved")]
        event: account::EventKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digits: Option<DisplayDigits>,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        ban: Option<Ban>,
        #[serde(default, with = "Saved", skip_serializing_if = "Vec::is_empty")]
        restrictions: Vec<Restriction>,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        violation: Option<Violation>,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        disconnection: Option<Disconnection>,
    },
    Review(#[serde(with = "Saved")] ReviewStatus),
    Alert {
        #[serde(with = "Saved")]
        severity: AlertSeverity,
        #[serde(with = "Saved")]
        alert: AlertType,
    },
    Flow {
        flow_id: FlowId,
        #[serde(with = "Saved")]
        event: FlowEventKind,
        #[serde(with = "Saved")]
        state: FlowAlertState,
    },
    Capability {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        messaging_limit: Option<MessagingLimit>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone_numbers_limit: Option<u64>,
    },
}

// A type that this version does not know has the effect that this version's parser gives it.
saved_as!(
    Violation,
    (String, Option<String>),
    |violation| {
        let kind = violation.kind.as_str().to_owned();
        (kind, violation.remediation.clone())
    },
    |(word, remediation)| {
        let known = ViolationType::parse(&word);
        let kind = if known.is_other() {
            ViolationType::from_unknown(&word)
        } else {
            known
        };
        Violation { kind, remediation }
    }
);

#[derive(Serialize, Deserialize)]
#[serde(remote = "template::WebhookUpdate")]
struct SavedTemplate {
    #[serde(with = "SavedIdentity")]
    identity: template::Identity,
    #[serde(with = "SavedTemplateUpdate")]
    update: template::Update,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "template::Identity")]
struct SavedIdentity {
    id: TemplateId,
    #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
    name: Option<CompactString>,
    #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
    language: Option<CompactString>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "template::Update", rename_all = "snake_case")]
enum SavedTemplateUpdate {
    Status {
        #[serde(with = "Saved")]
        event: template::EventKind,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        reason: Option<RejectedReason>,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        category: Option<Category>,
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        pause: Option<PauseTitle>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disable_at: Option<Timestamp>,
    },
    Quality {
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        previous: Option<QualityRating>,
        #[serde(with = "Saved")]
        new: QualityRating,
    },
    CategoryAnnounced {
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        present: Option<Category>,
        #[serde(with = "Saved")]
        coming: Category,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    CategoryChanged {
        #[serde(default, with = "Saved", skip_serializing_if = "Option::is_none")]
        previous: Option<Category>,
        #[serde(with = "Saved")]
        new: Category,
    },
    CategoryDetected {
        #[serde(with = "Saved")]
        correct: Category,
    },
}
