//! Parses `messages` webhooks: one fact per message and status.
//!
//! Of a customer, only a keyed hash is kept; of a message, only its type and time.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::message::{Category, ErrorCode, Status, Update};
use crate::domain::number::Spelling;
use crate::domain::{ConversationKey, DisplayDigits, PhoneNumberId, Timestamp, Word};
use crate::ingest::{CustomerHasher, MetaObject, ParseWarning, ParseWarnings, json};

const NOUN: &str = "messages";

/// Keys of the sender. Since 2026 a customer may have an id of Meta's instead of a telephone number.
const SENDER: [&str; 2] = ["from", "from_user_id"];
const RECIPIENT: [&str; 2] = ["recipient_id", "recipient_user_id"];

/// Keys of a group member, in both spellings.
const MEMBER: [&str; 2] = ["recipient_participant_id", "participant_recipient_id"];

/// One message or status.
pub struct MessageItem {
    /// The item's own timestamp. `None` if it is missing.
    pub at: Option<Timestamp>,
    /// Key that identifies duplicates. `None` if Meta gives no id.
    pub identity: Option<String>,
    /// The update.
    pub update: Update,
}

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

/// The updates of one change, with their number.
pub struct Messages {
    /// Id of the number.
    pub number: PhoneNumberId,
    /// The digits of the number in webhooks.
    pub digits: Option<DisplayDigits>,
    /// The messages and statuses.
    pub items: Vec<MessageItem>,
}

/// Parses the value of one change. `None` if it is not an object.
pub fn parse(value: &RawValue, warnings: &mut ParseWarnings) -> Option<Value> {
    let value = json::read_text(value.get(), NOUN, warnings).filter(Value::is_object);
    if value.is_none() {
        warnings.push(ParseWarning::Malformed {
            noun: "change",
            key: "value",
        });
    }
    value
}

/// Reads one change.
pub fn read(
    value: &Value,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<Messages> {
    let change = MetaObject::new(NOUN, value)?;
    let metadata = change.object("metadata", "metadata", warnings)?;
    let id = metadata.parsed("phone_number_id", PhoneNumberId::parse, warnings)?;
    let digits = metadata.text("display_phone_number", warnings);
    let reader = MessageReader {
        customers,
        number: &id,
    };
    let mut items = Vec::new();
    for message in change.objects("messages", "message", warnings) {
        items.extend(reader.message(&message, warnings));
    }
    for status in change.objects("statuses", "status", warnings) {
        items.extend(reader.status(&status, warnings));
    }
    let errors = errors(&change, warnings);
    if !errors.is_empty() {
        items.push(MessageItem {
            at: None,
            identity: None,
            update: Update::Errors(errors),
        });
    }
    Some(Messages {
        number: id,
        digits: digits.and_then(|text| DisplayDigits::parse(&text)),
        items,
    })
}

struct MessageReader<'a> {
    customers: &'a CustomerHasher,
    number: &'a PhoneNumberId,
}

impl MessageReader<'_> {
    fn message(
        &self,
        message: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        message.require("type", warnings)?;
        let kind = message.word("type", warnings)?;
        Some(MessageItem {
            at: message.time("timestamp", warnings),
            identity: message.text("id", warnings),
            update: Update::Received {
                from: self.conversation(message, &SENDER),
                kind,
            },
        })
    }

    fn status(&self, status: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessageItem> {
        status.require("status", warnings)?;
        let word: Status = status.word("status", warnings)?;
        let pricing = status.object("pricing", "pricing", warnings);
        let category = pricing.and_then(|pricing| pricing.word("category", warnings));
        // A group's message has one id and a status for each member.
        let member = MEMBER.iter().find_map(|key| status.get(key)?.as_str());
        let member = member.unwrap_or_default();
        let id = status.text("id", warnings);
        Some(MessageItem {
            at: status.time("timestamp", warnings),
            identity: id.map(|id| format!("{id}\n{}\n{member}", word.as_str())),
            update: Update::Status {
                to: self.conversation(status, &RECIPIENT),
                status: word,
                category: category.unwrap_or(Category::Unknown),
                errors: errors(status, warnings),
            },
        })
    }

    fn conversation(&self, object: &MetaObject<'_>, keys: &[&str]) -> Option<ConversationKey> {
        let customer = keys.iter().find_map(|key| object.get(key)?.as_str());
        let customer = customer.filter(|customer| !customer.is_empty())?;
        Some(self.customers.conversation(self.number, customer))
    }
}

fn errors(object: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Vec<ErrorCode> {
    let errors = object.objects("errors", "error", warnings).into_iter();
    // An unknown code is counted as OTHER without a parse warning, because Meta has hundreds of codes.
    let code = |text: &str| Some(ErrorCode::parse(text));
    errors
        .filter_map(|error| error.parsed("code", code, warnings))
        .collect()
}
