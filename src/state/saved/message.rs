//! The stored form of webhooks about messages, and of the events of applications.
//!
//! They contain customers only as keyed hashes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::mark::is_default;
use super::{Saved, SavedProgress, saved_as_text};
use crate::domain::journey::{JourneyId, Progress};
use crate::domain::mark::{Mark, MessageContext};
use crate::domain::message::{
    Category, Kind, MarketingPreference, Price, PricingType, Status, Update, WebhookUpdate,
};
use crate::domain::track::{Actor, AppEvent, Happening};
use crate::domain::{CustomerIds, ErrorCode, PhoneNumberId, RecipientIds, Timestamp};

saved_as_text!(|code| code.to_string().into(), |text| Some(ErrorCode::parse(text)); ErrorCode);

/// The serde form of [`CustomerIds`].
#[derive(Serialize, Deserialize)]
struct SavedIds<K> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<K>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    others: Vec<K>,
}

impl<K: Serialize + Copy + PartialEq> Serialize for CustomerIds<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (user_id, others) = (self.user_id(), self.others().to_vec());
        Serialize::serialize(&SavedIds { user_id, others }, serializer)
    }
}

impl<'de, K: Deserialize<'de> + Copy + PartialEq> Deserialize<'de> for CustomerIds<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedIds { user_id, others } = Deserialize::deserialize(deserializer)?;
        Self::new(user_id, others).ok_or_else(|| de::Error::custom("a customer without an id"))
    }
}

/// The serde form of [`WebhookUpdate`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "WebhookUpdate")]
pub(super) struct SavedMessage {
    phone_number_id: PhoneNumberId,
    received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<RecipientIds>,
    #[serde(with = "SavedUpdate")]
    update: Update,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Update", rename_all = "snake_case")]
enum SavedUpdate {
    Received {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<CustomerIds>,
        #[serde(with = "Saved")]
        kind: Kind,
        #[serde(default, skip_serializing_if = "is_default")]
        context: MessageContext,
    },
    Status {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<CustomerIds>,
        #[serde(with = "Saved")]
        status: Status,
        #[serde(with = "Saved")]
        category: Category,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        errors: Vec<ErrorCode>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Mark>,
    },
    Priced(#[serde(with = "SavedPrice")] Price),
    Errors(Vec<ErrorCode>),
    Echo {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<CustomerIds>,
        #[serde(with = "Saved")]
        kind: Kind,
        actor: Actor,
    },
    IdChanged(CustomerIds),
    ThreadOwner {
        of: CustomerIds,
        role: String,
    },
    Preference {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<CustomerIds>,
        #[serde(with = "Saved")]
        preference: MarketingPreference,
    },
    Called,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Price")]
struct SavedPrice {
    #[serde(with = "Saved")]
    category: Category,
    #[serde(with = "Saved")]
    pricing_type: PricingType,
}

/// The serde form of [`AppEvent`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "AppEvent")]
pub(super) struct SavedAppEvent {
    phone_number_id: PhoneNumberId,
    customer: CustomerIds,
    received_at: Timestamp,
    #[serde(with = "SavedHappening")]
    happening: Happening,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Happening", rename_all = "snake_case")]
enum SavedHappening {
    Inbound,
    Reply(Actor),
    OnJourney(JourneyId, #[serde(with = "SavedProgress")] Progress),
}
