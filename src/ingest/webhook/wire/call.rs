//! Parses `calls` webhooks: a call from a customer opens a customer service window, whether it is answered or not.

use serde_json::Value;

use super::message::{BusinessNumber, MessageItem, Messages, NamedIds};
use crate::domain::message::Update;
use crate::ingest::{CustomerHasher, MetaObject, ParseWarnings, text_or_number};

const NOUN: &str = "calls";

/// The direction of a call from a customer. A call from the business opens no window.
const FROM_CUSTOMER: &str = "USER_INITIATED";

/// The event at the end of a call, which is dated by the end.
const END: &str = "terminate";

/// Reads one change.
pub fn read(
    value: &Value,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<Messages> {
    let change = MetaObject::new(NOUN, value)?;
    let number = BusinessNumber::read(&change, "metadata", warnings)?;
    let calls = change.objects("calls", "call", warnings);
    let contacts = change.objects("contacts", "contact", warnings);
    // Both ids of the customer, if the contact is certainly theirs.
    let contact = contacts
        .first()
        .filter(|_| calls.len() == 1 && contacts.len() == 1);
    let items = calls
        .iter()
        .filter_map(|call| from_customer(call, contact, customers, warnings))
        .collect();
    Some(number.with(items))
}

/// The call, unless this is its end: the window opens when the customer calls.
fn from_customer(
    call: &MetaObject<'_>,
    contact: Option<&MetaObject<'_>>,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<MessageItem> {
    let direction = call.text("direction", warnings)?;
    let event = call.text("event", warnings).unwrap_or_default();
    if !direction.eq_ignore_ascii_case(FROM_CUSTOMER) || event.eq_ignore_ascii_case(END) {
        return None;
    }
    let of_contact = |key| contact.and_then(|contact| id(contact, key));
    let ids = NamedIds {
        user_id: id(call, "from_user_id").or_else(|| of_contact("user_id")),
        others: vec![id(call, "from"), of_contact("wa_id")],
    };
    let identity = call.text("id", warnings);
    Some(MessageItem {
        at: call.time("timestamp", warnings),
        identity: identity.map(|id| format!("{id}\n{event}\ncall")),
        recipient: ids.recipient(customers),
        update: Update::Called,
    })
}

/// A non-empty id.
fn id(object: &MetaObject<'_>, key: &str) -> Option<String> {
    let text = object.get(key).and_then(text_or_number);
    text.filter(|text| !text.is_empty())
}
