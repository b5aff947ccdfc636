//! `POST /{phone number}/messages`, with the checks that a sender meets most often. See
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>.

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::Call;
use super::error::GraphError;
use super::nodes::ReadableNode;
use crate::simulator::customers::{BusinessMessage, Offer};
use crate::simulator::shared::SimulatorState;

/// Meta's limits.
const MAX_CALLBACK_DATA: usize = 512;
const MAX_TEXT: usize = 4_096;
const MAX_BUTTONS: usize = 3;
const MAX_ROWS: usize = 10;
const MAX_ID: usize = 200;
const MAX_BUTTON_TITLE: usize = 20;
const MAX_ROW_TITLE: usize = 24;

/// Types of messages whose content has no check here.
const OTHER_TYPES: [&str; 9] = [
    "audio", "contacts", "document", "image", "location", "reaction", "sticker", "template",
    "video",
];

/// Sends a message at `now` (Unix seconds). Its statuses follow as webhooks.
pub(super) fn send(state: &mut SimulatorState, call: &Call, now: i64) -> Result<Value, GraphError> {
    let id = call.segments.first().map_or("", String::as_str);
    let Some(ReadableNode::PhoneNumber(_)) = ReadableNode::find(&state.world, id) else {
        return Err(GraphError::no_such_object(call.method.as_str(), id));
    };
    if call.method != Method::POST {
        return Err(GraphError::bad_request(100, "Unsupported get request."));
    }
    if state.customers.is_full() {
        let message = "(#130429) Rate limit hit";
        return Err(GraphError::bad_request(130_429, message));
    }
    let mut message = read(call)?;
    id.clone_into(&mut message.phone_number_id);
    message.id = format!("wamid.OUT{now}N{}", state.answers);
    state.customers.send(&message, now, Instant::now());
    let is_number = message.to.bytes().all(|byte| byte.is_ascii_digit());
    let key = if is_number { "wa_id" } else { "user_id" };
    Ok(json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": message.to, key: message.to}],
        "messages": [{"id": message.id}],
    }))
}

/// The message of a call, without its id and sender.
fn read(call: &Call) -> Result<BusinessMessage, GraphError> {
    if required(call, "messaging_product")? != "whatsapp" {
        let message = "(#100) Param messaging_product must be one of {WHATSAPP}";
        return Err(GraphError::bad_request(100, message));
    }
    // A user id is sent in a parameter of its own.
    let to = match call.parameter("recipient") {
        Some(user_id) if !user_id.is_empty() => user_id.to_owned(),
        _ => digits(required(call, "to")?)?,
    };
    let callback_data = call.parameter("biz_opaque_callback_data");
    if callback_data.is_some_and(|data| data.chars().count() > MAX_CALLBACK_DATA) {
        return Err(too_long("biz_opaque_callback_data", MAX_CALLBACK_DATA));
    }
    let offers = match call.parameter("type").unwrap_or("text") {
        "text" => {
            check_text(&content(call, "text")?["body"], "text['body']", MAX_TEXT)?;
            Vec::new()
        }
        "interactive" => offers(&content(call, "interactive")?)?,
        other if OTHER_TYPES.contains(&other) => {
            content(call, other)?;
            Vec::new()
        }
        other => {
            let message = format!("(#100) Param type is not a type of message: {other}");
            return Err(GraphError::bad_request(100, message));
        }
    };
    Ok(BusinessMessage {
        id: String::new(),
        phone_number_id: String::new(),
        to,
        offers,
        callback_data: callback_data.map(str::to_owned),
    })
}

fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, GraphError> {
    let value = call.parameter(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> GraphError {
    GraphError::bad_request(100, format!("(#100) The parameter {name} is required."))
}

fn too_long(name: &str, most: usize) -> GraphError {
    let message = format!("(#100) Param {name} must be at most {most} characters long.");
    GraphError::bad_request(100, message)
}

fn digits(number: &str) -> Result<String, GraphError> {
    let is_punctuation = |character: &char| matches!(character, '+' | ' ' | '-' | '(' | ')');
    let digits: String = number
        .chars()
        .filter(|character| !is_punctuation(character))
        .collect();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        .then_some(digits)
        .ok_or_else(|| GraphError::invalid_value("to is not a valid telephone number"))
}

/// The object that has the type's name.
fn content(call: &Call, kind: &str) -> Result<Value, GraphError> {
    let content = serde_json::from_str(required(call, kind)?);
    let content: Option<Value> = content.ok().filter(Value::is_object);
    content.ok_or_else(|| GraphError::invalid_value(format!("{kind} must be an object")))
}

fn check_text(text: &Value, name: &str, most: usize) -> Result<(), GraphError> {
    let text = text.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| missing(name))?;
    if text.chars().count() > most {
        return Err(too_long(name, most));
    }
    Ok(())
}

/// The buttons or rows of an interactive message.
fn offers(interactive: &Value) -> Result<Vec<Offer>, GraphError> {
    let body = &interactive["body"]["text"];
    check_text(body, "interactive['body']['text']", MAX_TEXT)?;
    let action = &interactive["action"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_list = match interactive["type"].as_str() {
        Some("button") => false,
        Some("list") => true,
        _ => {
            let details = "interactive['type'] must be button or list";
            return Err(GraphError::invalid_value(details));
        }
    };
    let offers: Vec<Offer> = if is_list {
        check_text(&action["button"], "action['button']", MAX_BUTTON_TITLE)?;
        let sections = list(&action["sections"]).into_iter();
        let rows = sections.flat_map(|section| list(&section["rows"]));
        rows.map(|row| offer(&row, true))
            .collect::<Result<_, _>>()?
    } else {
        let buttons = list(&action["buttons"]).into_iter();
        let replies = buttons.map(|button| offer(&button["reply"], false));
        replies.collect::<Result<_, _>>()?
    };
    let most = if is_list { MAX_ROWS } else { MAX_BUTTONS };
    if offers.is_empty() || offers.len() > most {
        let details = format!("action must have between 1 and {most} replies");
        return Err(GraphError::invalid_value(details));
    }
    let has_twin = |(place, offer): (usize, &Offer)| {
        let before = &offers[..place];
        before.iter().any(|other| other.id == offer.id)
    };
    if offers.iter().enumerate().any(has_twin) {
        let details = "the ids of the replies of a message must differ";
        return Err(GraphError::invalid_value(details));
    }
    Ok(offers)
}

fn offer(reply: &Value, is_row: bool) -> Result<Offer, GraphError> {
    let most = if is_row {
        MAX_ROW_TITLE
    } else {
        MAX_BUTTON_TITLE
    };
    check_text(&reply["id"], "id", MAX_ID)?;
    check_text(&reply["title"], "title", most)?;
    let text = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
    Ok(Offer {
        id: text("id"),
        title: text("title"),
        is_row,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::*;

    fn message(body: &Value) -> Result<BusinessMessage, GraphError> {
        let body = body.to_string();
        let uri = Uri::from_static("/v25.0/900100/messages");
        read(&Call::read(
            &Method::POST,
            &uri,
            &HeaderMap::new(),
            body.as_bytes(),
        ))
    }

    fn text() -> Value {
        json!({
            "messaging_product": "whatsapp", "to": "+1 555-010-0111", "type": "text",
            "text": {"body": "Which day suits you?"}, "biz_opaque_callback_data": "journey=booking&step=date",
        })
    }

    fn buttons(ids: &[&str]) -> Value {
        let buttons: Vec<Value> = ids
            .iter()
            .map(|id| json!({"type": "reply", "reply": {"id": id, "title": id}}))
            .collect();
        let mut message = text();
        message["type"] = "interactive".into();
        message["interactive"] = json!({
            "type": "button", "body": {"text": "Which day suits you?"}, "action": {"buttons": buttons},
        });
        message
    }

    #[test]
    fn a_message_says_to_whom_it_goes_and_what_it_offers() {
        let sent = message(&buttons(&["today", "later"])).expect("a valid message");
        assert_eq!(sent.to, "15550100111");
        let ids: Vec<&str> = sent.offers.iter().map(|offer| offer.id.as_str()).collect();
        assert_eq!(ids, ["today", "later"]);
        assert_eq!(
            sent.callback_data.as_deref(),
            Some("journey=booking&step=date")
        );
        let mut to_user = text();
        to_user["recipient"] = "US.13000000000000000001".into();
        let to = message(&to_user).expect("a valid message").to;
        assert_eq!(to, "US.13000000000000000001");
    }

    #[test]
    fn what_meta_refuses_is_refused_with_its_code() {
        let with = |key: &str, value: Value| {
            let mut message = text();
            message[key] = value;
            message
        };
        for (refused, code) in [
            (with("messaging_product", Value::Null), 100),
            (with("messaging_product", "sms".into()), 100),
            (with("to", "".into()), 100),
            (with("to", "nobody".into()), 131_009),
            (with("type", "telegram".into()), 100),
            (with("text", json!({})), 100),
            (with("text", "Hello".into()), 131_009),
            (
                with("biz_opaque_callback_data", "a".repeat(513).into()),
                100,
            ),
            (with("type", "interactive".into()), 100),
            (buttons(&[]), 131_009),
            (buttons(&["a", "b", "c", "d"]), 131_009),
            (buttons(&["a", "a"]), 131_009),
            (buttons(&["a title that is too long"]), 100),
        ] {
            let error = message(&refused).expect_err("refused");
            assert_eq!((error.status, error.code), (400, code), "{refused}");
        }
        let longest = with("biz_opaque_callback_data", "a".repeat(512).into());
        assert!(message(&longest).is_ok());
    }
}
