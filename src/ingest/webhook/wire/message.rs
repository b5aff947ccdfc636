//! Parses the webhooks about conversations: one fact per message and status.
//!
//! Of a customer, only keyed hashes are kept; of a message, only its type and time.

mod business_number;
mod customer;
mod handover;
mod reader;
mod status;

use serde_json::Value;

pub use self::business_number::{BusinessNumber, spelling, spelling_in};
pub use self::customer::NamedIds;
use self::customer::{Contacts, NumberHasher};
use self::handover::handover;
use self::reader::MessageReader;
use self::status::price;
use crate::domain::message::Update;
use crate::domain::track::{Actor, Trackers};
use crate::domain::{
    DisplayDigits, ErrorCode, PhoneNumberId, RecipientIds, Timestamp, WebhookField,
};
use crate::ingest::{CustomerHasher, MetaObject, ParseWarnings};

const NOUN: &str = "messages";

/// One message or status.
pub struct MessageItem {
    /// The item's own timestamp. `None` if it is missing.
    pub at: Option<Timestamp>,
    /// Key that identifies duplicates. `None` if Meta gives no id.
    pub identity: Option<String>,
    /// The customer, if the update matters for the count of recipients. `None` for a group.
    pub recipient: Option<RecipientIds>,
    /// The update.
    pub update: Update,
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

/// Whether the field's webhooks are about conversations.
pub fn is_about_conversations(field: WebhookField) -> bool {
    matches!(
        field,
        WebhookField::Messages
            | WebhookField::Standby
            | WebhookField::SmbMessageEchoes
            | WebhookField::MessageEchoes
            | WebhookField::MessagingHandovers
    )
}

/// Reads one change of a field that is about conversations.
pub fn read(
    field: WebhookField,
    value: &Value,
    (customers, declared): (&CustomerHasher, &Trackers),
    warnings: &mut ParseWarnings,
) -> Option<Messages> {
    let change = MetaObject::new(NOUN, value)?;
    // A handover has the number in `recipient`.
    let key = if field == WebhookField::MessagingHandovers {
        "recipient"
    } else {
        "metadata"
    };
    let number = BusinessNumber::read(&change, key, warnings)?;
    let hasher = NumberHasher {
        customers,
        number: &number.id,
    };
    let read_lists = |lists: &MetaObject<'_>, echoed, warnings: &mut ParseWarnings| {
        read_lists(lists, (hasher, declared), echoed, warnings)
    };
    let items = match field {
        WebhookField::MessagingHandovers => {
            handover(&change, hasher, warnings).into_iter().collect()
        }
        // Another application controls these conversations.
        WebhookField::Standby => change
            .object("standby", NOUN, warnings)
            .map(|lists| read_lists(&lists, Actor::Unknown, warnings))
            .unwrap_or_default(),
        // A person wrote in the WhatsApp Business app.
        WebhookField::SmbMessageEchoes => read_lists(&change, Actor::Agent, warnings),
        _ => read_lists(&change, Actor::Unknown, warnings),
    };
    Some(number.with(items))
}

/// Reads the lists of messages, statuses, echoes and errors.
fn read_lists(
    change: &MetaObject<'_>,
    (hasher, declared): (NumberHasher<'_>, &Trackers),
    echoed: Actor,
    warnings: &mut ParseWarnings,
) -> Vec<MessageItem> {
    let messages = change.objects("messages", "message", warnings);
    let statuses = change.objects("statuses", "status", warnings);
    let echoes = change.objects("message_echoes", "message", warnings);
    let contacts = change.objects("contacts", "contact", warnings);
    let reader = MessageReader {
        hasher,
        declared,
        contacts: Contacts {
            is_of_one: messages.len() + statuses.len() + echoes.len() == 1,
            contacts,
        },
        echoed,
    };
    let mut items = Vec::new();
    for message in messages {
        items.extend(reader.message(&message, warnings));
        items.extend(reader.id_change(&message, warnings));
    }
    for status in statuses {
        items.extend(reader.status(&status, warnings));
        items.extend(price(&status, warnings));
    }
    for echo in echoes {
        items.extend(reader.echo(&echo, warnings));
    }
    let errors = errors(change, warnings);
    if !errors.is_empty() {
        items.push(MessageItem {
            at: None,
            identity: None,
            recipient: None,
            update: Update::Errors(errors),
        });
    }
    items
}

fn errors(object: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Vec<ErrorCode> {
    let errors = object.objects("errors", "error", warnings).into_iter();
    let code = |text: &str| Some(ErrorCode::parse(text));
    errors
        .filter_map(|error| error.parsed("code", code, warnings))
        .collect()
}
