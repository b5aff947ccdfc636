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
use crate::ingest::{CustomerHasher, Object, ParseWarning, ParseWarnings, json};

const NOUN: &str = "messages";

/// Since 2026 a customer may have no telephone number, but an id of Meta's instead.
const SENDER: [&str; 2] = ["from", "from_user_id"];
const RECIPIENT: [&str; 2] = ["recipient_id", "recipient_user_id"];

/// A member of a group, in both spellings.
const MEMBER: [&str; 2] = ["recipient_participant_id", "participant_recipient_id"];

/// One thing that happened.
pub struct Item {
    /// When, by its own timestamp.
    pub at: Option<Timestamp>,
    /// Key that identifies repeats; `None` if Meta gives no id.
    pub identity: Option<String>,
    /// The update.
    pub update: Update,
}

/// The part of a change that identifies the phone number. Everything else is skipped.
#[derive(Deserialize)]
struct NumberOnly<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
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

/// As [`spelling`], of a value that is parsed already.
pub fn spelling_in(value: &Value) -> Option<Spelling> {
    let metadata = value.get("metadata")?;
    Some(Spelling {
        id: PhoneNumberId::parse(metadata.get("phone_number_id")?.as_str()?)?,
        digits: DisplayDigits::parse(metadata.get("display_phone_number")?.as_str()?)?,
    })
}

/// The updates of one change, with their number.
pub struct Messages {
    /// The number.
    pub number: PhoneNumberId,
    /// The digits that webhooks use for it.
    pub digits: Option<DisplayDigits>,
    /// The update.
    pub items: Vec<Item>,
}

/// The value of one change, which is an object.
pub fn parse(value: &RawValue, odd: &mut ParseWarnings) -> Option<Value> {
    let value = json::read_text(value.get(), NOUN, odd).filter(Value::is_object);
    if value.is_none() {
        odd.push(ParseWarning::Malformed {
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
    odd: &mut ParseWarnings,
) -> Option<Messages> {
    let change = Object::new(NOUN, value)?;
    let metadata = change.object("metadata", "metadata", odd)?;
    let id = metadata.parsed("phone_number_id", PhoneNumberId::parse, odd)?;
    let digits = metadata.text("display_phone_number", odd);
    let reader = Reader {
        customers,
        number: &id,
    };
    let mut items = Vec::new();
    for message in change.objects("messages", "message", odd) {
        items.extend(reader.message(&message, odd));
    }
    for status in change.objects("statuses", "status", odd) {
        items.extend(reader.status(&status, odd));
    }
    let errors = errors(&change, odd);
    if !errors.is_empty() {
        items.push(Item {
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

struct Reader<'a> {
    customers: &'a CustomerHasher,
    number: &'a PhoneNumberId,
}

impl Reader<'_> {
    fn message(&self, message: &Object<'_>, odd: &mut ParseWarnings) -> Option<Item> {
        message.needs("type", odd)?;
        let kind = message.word("type", odd)?;
        Some(Item {
            at: message.time("timestamp", odd),
            identity: message.text("id", odd),
            update: Update::Received {
                from: self.conversation(message, &SENDER),
                kind,
            },
        })
    }

    fn status(&self, status: &Object<'_>, odd: &mut ParseWarnings) -> Option<Item> {
        status.needs("status", odd)?;
        let word: Status = status.word("status", odd)?;
        let pricing = status.object("pricing", "pricing", odd);
        let category = pricing.and_then(|pricing| pricing.word("category", odd));
        // A group's message has one id and a status for each member.
        let member = MEMBER.iter().find_map(|key| status.get(key)?.as_str());
        let member = member.unwrap_or_default();
        let id = status.text("id", odd);
        Some(Item {
            at: status.time("timestamp", odd),
            identity: id.map(|id| format!("{id}\n{}\n{member}", word.as_str())),
            update: Update::Status {
                to: self.conversation(status, &RECIPIENT),
                status: word,
                category: category.unwrap_or(Category::Unknown),
                errors: errors(status, odd),
            },
        })
    }

    fn conversation(&self, object: &Object<'_>, keys: &[&str]) -> Option<ConversationKey> {
        let customer = keys.iter().find_map(|key| object.get(key)?.as_str());
        let customer = customer.filter(|customer| !customer.is_empty())?;
        Some(self.customers.conversation(self.number, customer))
    }
}

fn errors(object: &Object<'_>, odd: &mut ParseWarnings) -> Vec<ErrorCode> {
    let errors = object.objects("errors", "error", odd).into_iter();
    // A code that is not known is counted as OTHER and is no parse_warning: Meta has hundreds.
    let code = |text: &str| Some(ErrorCode::parse(text));
    errors
        .filter_map(|error| error.parsed("code", code, odd))
        .collect()
}
