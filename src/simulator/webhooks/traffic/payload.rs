//! The payloads of message traffic in their current form: `contacts` beside messages and statuses, user ids everywhere.

use serde_json::{Value, json};

use super::customer::Customer;
use super::price::Price;

/// A message or status of one conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// Unix seconds.
    pub(super) now: i64,
    /// Distinguishes the ids of conversations.
    pub(super) conversation: &'a str,
}

impl Moment<'_> {
    fn message_id(&self, prefix: &str) -> String {
        format!("wamid.{prefix}{}", self.conversation)
    }
}

/// A message of the customer, in a group if there is one.
pub(super) fn inbound(moment: Moment<'_>, customer: Customer, group_id: Option<&str>) -> Value {
    let mut message = message(moment, customer, "IN", "text");
    message["text"] = json!({"body": "Is this still available?"});
    if let Some(group_id) = group_id {
        message["group_id"] = group_id.into();
    }
    from_customer(customer, &message)
}

/// Adds what the business sent as `biz_opaque_callback_data` to each status.
pub(super) fn add_callback_data(content: &mut Value, text: &str) {
    let statuses = content.get_mut("statuses").and_then(Value::as_array_mut);
    for status in statuses.into_iter().flatten() {
        status["biz_opaque_callback_data"] = text.into();
    }
}

/// The customer edits the message.
pub(super) fn edited(moment: Moment<'_>, customer: Customer) -> Value {
    let mut message = message(moment, customer, "EDIT", "edit");
    message["edit"] = json!({
        "original_message_id": moment.message_id("IN"),
        "message": {"type": "text", "text": {"body": "Is this still available today?"}},
    });
    from_customer(customer, &message)
}

/// The customer deletes the message.
pub(super) fn revoked(moment: Moment<'_>, customer: Customer) -> Value {
    let mut message = message(moment, customer, "REVOKE", "revoke");
    message["revoke"] = json!({"original_message_id": moment.message_id("IN")});
    from_customer(customer, &message)
}

/// The customer has changed the telephone number. Such messages have no `contacts`.
pub(super) fn id_changed(moment: Moment<'_>, before: Customer, after: Customer) -> Value {
    let mut message = message(moment, before, "CHANGE", "system");
    message["system"] = json!({
        "body": format!("User changed from {} to {}", before.wa_id(), after.wa_id()),
        "type": "user_changed_number",
        "wa_id": after.wa_id(),
        "previous_user_id": before.user_id(),
        "user_id": after.user_id(),
    });
    json!({ "messages": [message] })
}

fn message(moment: Moment<'_>, customer: Customer, prefix: &str, kind: &str) -> Value {
    let mut message = json!({
        "from_user_id": customer.user_id(),
        "id": moment.message_id(prefix),
        "timestamp": moment.now.to_string(),
        "type": kind,
    });
    if customer.tells_number() {
        message["from"] = customer.wa_id().into();
    }
    message
}

fn from_customer(customer: Customer, message: &Value) -> Value {
    let contact = customer.contact(customer.tells_number());
    json!({"contacts": [contact], "messages": [message]})
}

/// A status of the response.
pub(super) fn status(
    moment: Moment<'_>,
    customer: Customer,
    status: &str,
    price: Option<Price>,
) -> Value {
    let mut content = plain_status(moment, status, price);
    content["recipient_user_id"] = customer.user_id().into();
    if customer.is_sent_to_number() {
        content["recipient_id"] = customer.wa_id().into();
    }
    let contact = customer.contact(customer.is_sent_to_number());
    json!({"contacts": [contact], "statuses": [content]})
}

/// A failed response names only the id that it was sent to. Meta's page has no `contacts` with it, client libraries
/// expect them without the other id: the form of the page is a quirk.
pub(super) fn failed(moment: Moment<'_>, customer: Customer, code: u32, title: &str) -> Value {
    let mut content = plain_status(moment, "failed", None);
    let mut contact = customer.contact(customer.is_sent_to_number());
    if customer.is_sent_to_number() {
        content["recipient_id"] = customer.wa_id().into();
        if let Some(contact) = contact.as_object_mut() {
            contact.remove("user_id");
        }
    } else {
        content["recipient_user_id"] = customer.user_id().into();
    }
    content["errors"] = json!([{
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": title},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }]);
    json!({"contacts": [contact], "statuses": [content]})
}

/// A status for each member of a group, all with the same message id.
pub(super) fn group_statuses(
    moment: Moment<'_>,
    group_id: &str,
    members: &[Customer],
    status: &str,
    price: Option<Price>,
) -> Value {
    let statuses = members.iter().map(|member| {
        let mut content = plain_status(moment, status, price);
        content["recipient_id"] = group_id.into();
        content["recipient_type"] = "group".into();
        content["recipient_participant_user_id"] = member.user_id().into();
        if member.tells_number() {
            content["recipient_participant_id"] = member.wa_id().into();
        }
        content
    });
    let statuses: Vec<Value> = statuses.collect();
    let contacts: Vec<Value> = members
        .iter()
        .map(|member| member.contact(member.tells_number()))
        .collect();
    json!({"contacts": contacts, "statuses": statuses})
}

fn plain_status(moment: Moment<'_>, status: &str, price: Option<Price>) -> Value {
    let mut content = json!({
        "id": moment.message_id("OUT"),
        "status": status,
        "timestamp": moment.now.to_string(),
    });
    if let Some(price) = price {
        content["pricing"] = price.to_json();
    }
    content
}

/// A person responds in the WhatsApp Business app.
pub(super) fn echo(moment: Moment<'_>, from: &str, customer: Customer) -> Value {
    json!({
        "contacts": [customer.contact(true)],
        "message_echoes": [{
            "from": from,
            "to": customer.wa_id(),
            "id": moment.message_id("ECHO"),
            "timestamp": moment.now.to_string(),
            "type": "text",
            "text": {"body": "Yes, it is."},
        }],
    })
}

/// The same content in `standby`. Meta's example has no `contacts`.
pub(super) fn on_standby(mut content: Value) -> Value {
    if let Some(content) = content.as_object_mut() {
        content.remove("contacts");
    }
    json!({ "standby": content })
}
