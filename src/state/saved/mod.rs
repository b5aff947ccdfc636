//! The stored form of the domain's values: Meta's words as Meta spells them, ids as digits, times as Unix milliseconds.
//! `domain` itself defines no format.
//!
//! Stored state and events must remain readable: a new field needs `#[serde(default)]`, and a word that a later version does
//! not know reads as `OTHER`.

mod event;
mod health;
mod journey;
mod mark;
mod message;
mod number;
mod spent_calls;
mod value;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) use journey::SavedProgress;
pub(super) use number::SavedWebhook;
pub(super) use value::Saved;

use super::journal::JournalValue;
use crate::domain::account::{
    Ban, BanState, Disconnection, DisconnectionReason, Initiator, Restriction, RestrictionScope,
    RestrictionType,
};
use crate::domain::journey::JourneyId;
use crate::domain::track::Actor;
use crate::domain::{
    BusinessId, CallbackOverride, CallbackUrl, ConversationKey, DeliveryKey, DisplayDigits, FlowId,
    MessagingLimit, PhoneNumberId, RecipientKey, TemplateId, Timestamp, WabaId,
    WebhookConfiguration, Word, insights,
};

macro_rules! saved_as_text {
    ($write:expr, $read:expr; $($type:ty),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> Cow<'_, str> = $write;
                serializer.serialize_str(&write(self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn(&str) -> Option<$type> = $read;
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                let unreadable = || de::Error::custom(concat!("the stored text is no valid ", stringify!($type)));
                read(&text).ok_or_else(unreadable)
            }
        }
    )+};
}

use saved_as_text;

saved_as_text! {
    |actor| actor.as_str().into(), |text| Actor::ALL.into_iter().find(|actor| actor.as_str() == text);
    Actor
}

saved_as_text!(
    |key| format!("{:032x}", key.0).into(),
    |text| u128::from_str_radix(text, 16).ok().map(DeliveryKey);
    DeliveryKey
);
saved_as_text!(
    |key| format!("{:032x}", key.0).into(),
    |text| u128::from_str_radix(text, 16).ok().map(ConversationKey);
    ConversationKey
);
saved_as_text!(
    |key| format!("{:032x}", key.0).into(),
    |text| u128::from_str_radix(text, 16).ok().map(RecipientKey);
    RecipientKey
);
saved_as_text!(|id| id.as_str().into(), WabaId::parse; WabaId);
saved_as_text!(|id| id.as_str().into(), BusinessId::parse; BusinessId);
saved_as_text!(|id| id.as_str().into(), FlowId::parse; FlowId);
saved_as_text!(|id| id.as_str().into(), PhoneNumberId::parse; PhoneNumberId);
saved_as_text!(|id| id.as_str().into(), TemplateId::parse; TemplateId);
saved_as_text!(|digits| digits.as_str().into(), DisplayDigits::parse; DisplayDigits);

saved_as_text!(|url| url.as_str().into(), CallbackUrl::new; CallbackUrl);

saved_as_text!(|limit| limit.journal_value(), |text| MessagingLimit::parse(text).ok()?; MessagingLimit);

/// Stores a type in the form of another one.
macro_rules! saved_as {
    ($type:ty, $form:ty, $write:expr, $read:expr) => {
        impl Saved for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> $form = $write;
                Saved::serialize(&write(self), serializer)
            }

            fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn($form) -> $type = $read;
                <$form as Saved>::deserialize(deserializer).map(read)
            }
        }
    };
}

use saved_as;

/// Implements serde's traits through [`Saved`], for structs that derive serde and contain these values.
macro_rules! serde_by_saved {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Saved::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Saved::deserialize(deserializer)
            }
        }
    )+};
}

serde_by_saved!(Timestamp, JourneyId, insights::Day);

saved_as!(
    Timestamp,
    i64,
    |moment| moment.as_millis(),
    Timestamp::from_millis
);

saved_as!(
    Ban,
    (BanState, Option<Timestamp>),
    |ban| (ban.state, ban.date),
    |(state, date)| Ban { state, date }
);

saved_as!(
    Restriction,
    (RestrictionType, Option<Timestamp>),
    |restriction| (restriction.kind, restriction.expires_at),
    |(kind, expires_at)| Restriction { kind, expires_at }
);

/// The type, followed by the digits of the number if there is one. Older versions stored the type alone.
impl Saved for RestrictionScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.kind.as_str();
        match &self.digits {
            Some(digits) => serializer.collect_str(&format_args!("{kind} {}", digits.as_str())),
            None => serializer.serialize_str(kind),
        }
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let (kind, digits) = text.split_once(' ').unwrap_or((&text, ""));
        Ok(Self {
            kind: RestrictionType::parse(kind),
            digits: DisplayDigits::parse(digits),
        })
    }
}

saved_as!(
    Disconnection,
    (Option<DisconnectionReason>, Option<Initiator>),
    |disconnection| (disconnection.reason, disconnection.initiated_by),
    |(reason, initiated_by)| Disconnection {
        reason,
        initiated_by
    }
);

saved_as!(
    CallbackOverride,
    Option<CallbackUrl>,
    |over| over.0.clone(),
    CallbackOverride
);

saved_as!(
    WebhookConfiguration,
    (
        Option<CallbackUrl>,
        Option<CallbackUrl>,
        Option<CallbackUrl>
    ),
    |levels| (
        levels.phone_number.clone(),
        levels.account.clone(),
        levels.application.clone()
    ),
    |(phone_number, account, application)| WebhookConfiguration {
        phone_number,
        account,
        application
    }
);

saved_as!(
    insights::Refusal,
    String,
    |refusal| {
        match refusal {
            insights::Refusal::NotEnabled => "not_enabled",
            insights::Refusal::Unavailable => "unavailable",
        }
        .to_owned()
    },
    |text| match text.as_str() {
        "not_enabled" => insights::Refusal::NotEnabled,
        _ => insights::Refusal::Unavailable,
    }
);

saved_as!(
    insights::Day,
    (Timestamp, Timestamp),
    |day| (day.start, day.end),
    |(start, end)| insights::Day { start, end }
);
