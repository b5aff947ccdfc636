//! The business phone number that a change is about: its id and its digits in webhooks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{MessageItem, Messages};
use crate::domain::number::Spelling;
use crate::domain::{DisplayDigits, PhoneNumberId};
use crate::ingest::{MetaObject, ParseWarnings};

/// The part of a change that identifies the phone number. Everything else is skipped.
#[derive(Deserialize)]
struct NumberOnly<'a> {
    #[serde(borrow)]
    metadata: MessageMetadata<'a>,
}

#[derive(Deserialize)]
struct MessageMetadata<'a> {
    #[serde(borrow)]
    display_phone_number: Cow<'a, str>,
    #[serde(borrow)]
    phone_number_id: Cow<'a, str>,
}

/// The number's id and its digits in webhooks, if the change contains both as text.
pub fn spelling(value: &RawValue) -> Option<Spelling> {
    let NumberOnly { metadata } = serde_json::from_str(value.get()).ok()?;
    Some(Spelling {
        id: PhoneNumberId::parse(&metadata.phone_number_id)?,
        digits: DisplayDigits::parse(&metadata.display_phone_number)?,
    })
}

/// Like [`spelling`], for a parsed value.
pub fn spelling_in(value: &Value) -> Option<Spelling> {
    let metadata = value.get("metadata")?;
    Some(Spelling {
        id: PhoneNumberId::parse(metadata.get("phone_number_id")?.as_str()?)?,
        digits: DisplayDigits::parse(metadata.get("display_phone_number")?.as_str()?)?,
    })
}

/// The business phone number that a change is about.
pub struct BusinessNumber {
    /// Its id.
    pub id: PhoneNumberId,
    /// Its digits in webhooks.
    digits: Option<DisplayDigits>,
}

impl BusinessNumber {
    /// Reads the object of this key, `metadata` in most changes.
    pub fn read(
        change: &MetaObject<'_>,
        key: &'static str,
        warnings: &mut ParseWarnings,
    ) -> Option<Self> {
        let metadata = change.object(key, "metadata", warnings)?;
        let id = metadata.parsed("phone_number_id", PhoneNumberId::parse, warnings)?;
        let digits = metadata.text("display_phone_number", warnings);
        let digits = digits.and_then(|text| DisplayDigits::parse(&text));
        Some(Self { id, digits })
    }

    /// The updates of its change.
    pub fn with(self, items: Vec<MessageItem>) -> Messages {
        Messages {
            number: self.id,
            digits: self.digits,
            items,
        }
    }
}
