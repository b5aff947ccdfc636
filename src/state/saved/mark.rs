//! The stored form of the marks and contexts of messages.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::saved_as_text;
use crate::domain::journey::{Choice, JourneyId, ReplyPattern};
use crate::domain::mark::{EntryPoint, IgnoredMark, JourneyMark, Mark, MessageContext};
use crate::domain::{MessageKey, Word};

saved_as_text!(|pattern| pattern.as_str().into(), ReplyPattern::new; ReplyPattern);
saved_as_text!(|from| from.as_str().into(), |text| Some(EntryPoint::parse(text)); EntryPoint);
saved_as_text!(|why| why.as_str().into(), |text| Some(IgnoredMark::parse(text)); IgnoredMark);
saved_as_text!(
    |key| format!("{:032x}", key.0).into(),
    |text| u128::from_str_radix(text, 16).ok().map(MessageKey);
    MessageKey
);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Mark")]
struct SavedMark {
    #[serde(default, skip_serializing_if = "is_default")]
    campaign: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    journey: Option<JourneyMark>,
    #[serde(default, skip_serializing_if = "is_default")]
    ignored: Option<IgnoredMark>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "JourneyMark")]
struct SavedJourneyMark {
    id: JourneyId,
    #[serde(default, skip_serializing_if = "is_default")]
    step: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    variant: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    is_goal: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    message: Option<MessageKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MessageContext")]
struct SavedContext {
    #[serde(default, skip_serializing_if = "is_default")]
    replies_to: Option<MessageKey>,
    #[serde(default, skip_serializing_if = "is_default")]
    choice: Option<Choice>,
    #[serde(default, skip_serializing_if = "is_default")]
    entry_point: EntryPoint,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Choice")]
struct SavedChoice(BTreeSet<ReplyPattern>);

/// Implements serde's traits through a form.
macro_rules! serde_by_form {
    ($($type:ty as $form:ty),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$form>::deserialize(deserializer)
            }
        }
    )+};
}

serde_by_form! {
    Mark as SavedMark,
    JourneyMark as SavedJourneyMark,
    MessageContext as SavedContext,
    Choice as SavedChoice,
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
