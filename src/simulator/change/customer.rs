//! Actions of customers besides the steady traffic: their choices about marketing, conversations with a person in the
//! WhatsApp Business app, calls, and new ids.

use serde_json::{Map, Value, json};

use super::{SentWebhooks, Webhook, WorldChange, conversation_webhook};
use crate::simulator::world::{PhoneNumber, World};

/// The seconds that a customer waits for the person in the app.
const WAITED_SECONDS: i64 = 40;

/// Applies the change. `None` if it is not about customers.
pub(super) fn apply(world: &mut World, change: &WorldChange, now: i64) -> Option<SentWebhooks> {
    let webhooks = match change {
        WorldChange::MarketingPreferenceChanged {
            phone_number_id,
            wa_id,
            user_id,
            value,
        } => world.number(phone_number_id).map(|number| {
            let customer = ids([("wa_id", wa_id.as_deref()), ("user_id", user_id.as_deref())]);
            preference_changed(number, customer, value, now)
        }),
        WorldChange::CustomerAnsweredInApp {
            phone_number_id,
            wa_id,
            user_id,
        } => world
            .number(phone_number_id)
            .map(|number| answered_in_app(number, wa_id, user_id, now)),
        WorldChange::CustomerCalled {
            phone_number_id,
            wa_id,
            user_id,
            is_answered,
        } => world
            .number(phone_number_id)
            .map(|number| called(number, [wa_id, user_id], *is_answered, now)),
        WorldChange::CustomerIdChanged {
            phone_number_id,
            wa_id,
            previous_user_id,
            user_id,
        } => world.number(phone_number_id).map(|number| {
            let user_ids = [previous_user_id.as_str(), user_id.as_str()];
            id_changed(number, wa_id, user_ids, now)
        }),
        _ => return None,
    };
    Some(webhooks)
}

/// The ids that the customer has.
fn ids(ids: [(&str, Option<&str>); 2]) -> Map<String, Value> {
    let ids = ids.into_iter();
    ids.filter_map(|(key, id)| Some((key.to_owned(), id?.into())))
        .collect()
}

fn preference_changed(
    number: &PhoneNumber,
    customer: Map<String, Value>,
    value: &str,
    now: i64,
) -> Vec<Webhook> {
    let mut preference = customer.clone();
    let detail = format!("User requested to {value} marketing messages");
    preference.insert("detail".into(), detail.into());
    preference.insert("category".into(), "marketing_messages".into());
    preference.insert("value".into(), value.into());
    preference.insert("timestamp".into(), now.into());
    let value = json!({"contacts": [contact(customer)], "user_preferences": [preference]});
    vec![conversation_webhook(number, "user_preferences", value)]
}

/// The question comes as always; the answer comes as an echo, and without statuses.
fn answered_in_app(number: &PhoneNumber, wa_id: &str, user_id: &str, now: i64) -> Vec<Webhook> {
    let contact = || contact(ids([("wa_id", Some(wa_id)), ("user_id", Some(user_id))]));
    let question = json!({
        "from": wa_id, "from_user_id": user_id, "id": format!("wamid.APPIN{now}"),
        "timestamp": (now - WAITED_SECONDS).to_string(), "type": "text", "text": {"body": "Is a person there?"},
    });
    let answer = json!({
        "from": number.digits(), "to": wa_id, "id": format!("wamid.APPOUT{now}"),
        "timestamp": now.to_string(), "type": "text", "text": {"body": "Yes, I am."},
    });
    vec![
        conversation_webhook(
            number,
            "messages",
            json!({"contacts": [contact()], "messages": [question]}),
        ),
        conversation_webhook(
            number,
            "smb_message_echoes",
            json!({"contacts": [contact()], "message_echoes": [answer]}),
        ),
    ]
}

/// A call that ends in the second in which it began.
fn called(
    number: &PhoneNumber,
    [wa_id, user_id]: [&str; 2],
    is_answered: bool,
    now: i64,
) -> Vec<Webhook> {
    let event = |event: &str, more: &[(&str, &str)]| {
        let mut call = json!({
            "id": format!("wacid.CALL{now}"), "from": wa_id, "from_user_id": user_id, "to": number.digits(),
            "event": event, "direction": "USER_INITIATED", "timestamp": now.to_string(),
        });
        for (key, value) in more {
            call[key] = (*value).into();
        }
        let contact = contact(ids([("wa_id", Some(wa_id)), ("user_id", Some(user_id))]));
        let value = json!({"contacts": [contact], "calls": [call]});
        conversation_webhook(number, "calls", value)
    };
    let status = if is_answered { "COMPLETED" } else { "FAILED" };
    vec![
        event("connect", &[]),
        event("terminate", &[("status", status)]),
    ]
}

/// A system message, which has no `contacts`.
fn id_changed(
    number: &PhoneNumber,
    wa_id: &str,
    [previous_user_id, user_id]: [&str; 2],
    now: i64,
) -> Vec<Webhook> {
    let message = json!({
        "from": wa_id, "from_user_id": previous_user_id, "id": format!("wamid.CHANGE{now}"),
        "timestamp": now.to_string(), "type": "system",
        "system": {
            "body": "User has a new id", "type": "user_changed_number", "wa_id": wa_id,
            "previous_user_id": previous_user_id, "user_id": user_id,
        },
    });
    vec![conversation_webhook(
        number,
        "messages",
        json!({"messages": [message]}),
    )]
}

fn contact(mut ids: Map<String, Value>) -> Value {
    ids.insert("profile".into(), json!({"name": "Customer"}));
    Value::Object(ids)
}
