//! The webhooks of customers and of messages to them, in their current form.

use serde_json::{Value, json};

use super::message::BusinessMessage;
use super::person::{CustomerMessage, Person};

/// The error of messages that fail.
const UNDELIVERABLE: (u32, &str) = (131_026, "Message undeliverable");

/// A message of a customer at this time (Unix seconds). `source` is where the customer comes from.
pub(super) fn inbound(
    person: &Person,
    message: &CustomerMessage,
    (id, at): (&str, i64),
    source: Option<&str>,
) -> Value {
    let mut sent = json!({
        "from_user_id": person.user_id(), "id": id, "timestamp": at.to_string(),
    });
    if person.tells_number() {
        sent["from"] = person.wa_id().into();
    }
    let (kind, content, replies_to) = match message {
        CustomerMessage::Typed(text) => ("text", json!({ "body": text }), None),
        CustomerMessage::Chosen(offer, to) => {
            let kind = if offer.is_row {
                "list_reply"
            } else {
                "button_reply"
            };
            let reply = json!({"id": offer.id, "title": offer.title});
            (
                "interactive",
                json!({"type": kind, kind: reply}),
                Some(to.as_str()),
            )
        }
        CustomerMessage::Picture(to) => {
            let content = json!({"mime_type": "image/jpeg", "sha256": "", "id": "1002003004"});
            ("image", content, Some(to.as_str()))
        }
        CustomerMessage::Unsupported => ("unsupported", json!({"type": "poll"}), None),
        CustomerMessage::Reaction(to) => (
            "reaction",
            json!({"message_id": to, "emoji": "\u{1f44d}"}),
            None,
        ),
    };
    sent["type"] = kind.into();
    sent[kind] = content;
    if let Some(to) = replies_to {
        sent["context"] = json!({ "id": to });
    }
    if *message == CustomerMessage::Unsupported {
        sent["errors"] = json!([{"code": 131_051, "title": "Message type unknown"}]);
    }
    if let Some(source) = source {
        sent["referral"] = json!({
            "source_type": source, "source_id": "120200300400", "source_url": "https://fb.me/1x2y3z",
            "headline": "A table by the window", "media_type": "image",
        });
    }
    json!({"contacts": [contact(person, person.tells_number())], "messages": [sent]})
}

/// A status of a message at this time (Unix seconds). `None` for `to` if the recipient is no simulated customer.
pub(super) fn status(
    message: &BusinessMessage,
    to: Option<&Person>,
    status: &str,
    at: i64,
) -> Value {
    let mut content = json!({"id": message.id, "status": status, "timestamp": at.to_string()});
    let is_failed = status == "failed";
    let is_number = message.to.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        content["recipient_id"] = message.to.as_str().into();
    } else {
        content["recipient_user_id"] = message.to.as_str().into();
    }
    if let Some(person) = to.filter(|_| !is_failed) {
        content["recipient_user_id"] = person.user_id().into();
    }
    if let Some(data) = &message.callback_data {
        content["biz_opaque_callback_data"] = data.as_str().into();
    }
    if is_failed {
        let (code, title) = UNDELIVERABLE;
        content["errors"] = json!([{
            "code": code, "title": title, "message": title, "error_data": {"details": title},
        }]);
        return json!({ "statuses": [content] });
    }
    content["pricing"] = json!({
        "billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service",
    });
    let contacts: Vec<Value> = to
        .map(|person| contact(person, is_number))
        .into_iter()
        .collect();
    json!({"contacts": contacts, "statuses": [content]})
}

fn contact(person: &Person, with_number: bool) -> Value {
    let mut contact = json!({"profile": {"name": "Customer"}, "user_id": person.user_id()});
    if with_number {
        contact["wa_id"] = person.wa_id().into();
    }
    contact
}
