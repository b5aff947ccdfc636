//! The stored form of webhooks about a phone number.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Saved, saved_as};
use crate::domain::{DeliveryKey, DisplayDigits, MessagingLimit, number};

/// The serde form of [`number::WebhookUpdate`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "number::WebhookUpdate")]
pub(in crate::state) struct SavedWebhook {
    digits: DisplayDigits,
    #[serde(with = "SavedUpdate", rename = "news")]
    update: number::Update,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "number::Update")]
enum SavedUpdate {
    Quality {
        #[serde(with = "Saved")]
        event: number::QualityEventKind,
        old_limit: Option<MessagingLimit>,
        current_limit: Option<MessagingLimit>,
    },
    Name(#[serde(with = "Saved")] number::NameReview),
    Security(#[serde(with = "Saved")] number::SecurityEventKind),
    Groups(#[serde(with = "Saved")] Vec<number::GroupStatus>),
}

/// The decision alone, as in older versions, or with the reason of a rejection.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SavedNameReview {
    Decision(#[serde(with = "Saved")] number::NameDecision),
    Rejection(#[serde(with = "Saved")] (number::NameDecision, number::NameRejectionReason)),
}

impl Saved for number::NameReview {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.rejection_reason {
            None => SavedNameReview::Decision(self.decision),
            Some(reason) => SavedNameReview::Rejection((self.decision, reason)),
        };
        Serialize::serialize(&form, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Deserialize::deserialize(deserializer)? {
            SavedNameReview::Decision(decision) => Self {
                decision,
                rejection_reason: None,
            },
            SavedNameReview::Rejection((decision, reason)) => Self {
                decision,
                rejection_reason: Some(reason),
            },
        })
    }
}

saved_as!(
    number::GroupStatus,
    (DeliveryKey, bool),
    |status| (status.group, status.is_suspended),
    |(group, is_suspended)| number::GroupStatus {
        group,
        is_suspended
    }
);
