//! Unusual forms of message traffic.

use serde_json::{Value, json};

use super::Quirk::{self, Beside, Form};
use super::form::{
    add, each, elements, remove, rename, replace, rewrite, to_displayed, to_number, to_single,
    to_text,
};
use crate::simulator::change::Webhook;

/// Lists of items of message traffic.
const ITEMS: [&str; 3] = ["messages", "statuses", "message_echoes"];
/// Keys with the digits of a telephone number.
const NUMBERS: [&str; 4] = ["from", "recipient_id", "recipient_participant_id", "to"];
/// A telephone number and the user id next to it.
const PAIRS: [(&str, &str); 2] = [
    ("from", "from_user_id"),
    ("recipient_id", "recipient_user_id"),
];

/// All quirks, with a name for the count of their uses.
pub(super) const QUIRKS: &[(&str, Quirk)] = &[
    ("times as numbers", Form(times_as_numbers)),
    ("statuses without contacts", Form(statuses_without_contacts)),
    ("contacts without profile", Form(contacts_without_profile)),
    ("empty telephone numbers", Form(empty_numbers)),
    ("no user ids", Form(no_user_ids)),
    ("telephone numbers as numbers", Form(numbers_as_numbers)),
    ("phone number id as number", Form(phone_number_id_as_number)),
    ("displayed phone number", Form(displayed_phone_number)),
    ("price only in sent", Form(price_only_in_sent)),
    ("price without type", Form(price_without_type)),
    ("conversation beside price", Form(conversation_beside_price)),
    ("category with underscore", Form(category_with_underscore)),
    ("other key of members", Form(other_key_of_members)),
    ("single contact", Form(single_contact)),
    ("single item", Form(single_item)),
    ("null for absent", Form(null_for_absent)),
    ("error code as text", Form(error_code_as_text)),
    ("single error", Form(single_error)),
    ("item without time", Form(item_without_time)),
    ("changed id without number", Form(changed_id_without_number)),
    ("echo without contacts", Form(echo_without_contacts)),
    ("errors without a message", Beside(errors_only)),
    ("click", Beside(click)),
    ("unknown status", Beside(unknown_status)),
    ("unknown kind of message", Beside(unknown_kind)),
    ("test button", Beside(test_button)),
];

/// The object with the items: in `standby`, it is one level deeper.
fn content(webhook: &mut Webhook) -> Option<&mut Value> {
    match webhook.field.as_str() {
        "standby" => webhook.value.get_mut("standby"),
        "messages" | "smb_message_echoes" => Some(&mut webhook.value),
        _ => None,
    }
}

/// Edits every item; true if one of them changed.
fn any_item(webhook: &mut Webhook, edit: impl Fn(&mut Value) -> bool) -> bool {
    let Some(content) = content(webhook) else {
        return false;
    };
    let mut has_changed = false;
    for key in ITEMS {
        has_changed |= each(elements(content, key), &edit);
    }
    has_changed
}

fn times_as_numbers(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| to_number(item, "timestamp"))
}

/// The form of 2025.
fn statuses_without_contacts(webhook: &mut Webhook) -> bool {
    content(webhook)
        .is_some_and(|content| content.get("statuses").is_some() && remove(content, "contacts"))
}

fn contacts_without_profile(webhook: &mut Webhook) -> bool {
    content(webhook).is_some_and(|content| {
        each(elements(content, "contacts"), |contact| {
            remove(contact, "profile")
        })
    })
}

/// Meta's page of December 2025: the number is present and empty beside the user id.
fn empty_numbers(webhook: &mut Webhook) -> bool {
    let has_changed = any_item(webhook, |item| {
        let mut has_changed = false;
        for (number, user_id) in PAIRS {
            has_changed |= item.get(user_id).is_some() && add(item, number, "".into());
        }
        has_changed
    });
    if has_changed && let Some(content) = content(webhook) {
        for contact in elements(content, "contacts") {
            add(contact, "wa_id", "".into());
        }
    }
    has_changed
}

/// The form of 2025, of customers who do not hide their number. A change of ids has no such form.
fn no_user_ids(webhook: &mut Webhook) -> bool {
    let Some(content) = content(webhook) else {
        return false;
    };
    let tells = |contact: &Value| {
        contact["profile"].get("username").is_none() && contact.get("wa_id").is_some()
    };
    let contacts = content.get("contacts").and_then(Value::as_array);
    if !contacts.is_some_and(|contacts| contacts.iter().all(tells)) {
        return false;
    }
    for contact in elements(content, "contacts") {
        remove(contact, "user_id");
    }
    any_item(webhook, |item| {
        let mut has_changed = false;
        for (number, user_id) in PAIRS {
            has_changed |= item.get(number).is_some() && remove(item, user_id);
        }
        has_changed
    })
}

fn numbers_as_numbers(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        let mut has_changed = false;
        for key in NUMBERS {
            has_changed |= to_number(item, key);
        }
        has_changed
    })
}

fn phone_number_id_as_number(webhook: &mut Webhook) -> bool {
    content(webhook).is_some() && to_number(&mut webhook.value["metadata"], "phone_number_id")
}

fn displayed_phone_number(webhook: &mut Webhook) -> bool {
    content(webhook).is_some()
        && to_displayed(&mut webhook.value["metadata"], "display_phone_number")
}

/// The pricing page has the price in `sent` and in one of `delivered` and `read`; its example has it in one of them.
fn price_only_in_sent(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        item["status"] != "sent" && remove(item, "pricing")
    })
}

/// The form before July 2025.
fn price_without_type(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        let is_first = item["status"] == "sent";
        item.get_mut("pricing").is_some_and(|pricing| {
            pricing["pricing_model"] = "CBP".into();
            !is_first && remove(pricing, "type")
        })
    })
}

fn conversation_beside_price(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        let Some(category) = item
            .get("pricing")
            .map(|pricing| pricing["category"].clone())
        else {
            return false;
        };
        let conversation = json!({
            "id": "0123456789abcdef",
            "expiration_timestamp": 1_775_086_400,
            "origin": {"type": category},
        });
        add(item, "conversation", conversation)
    })
}

fn category_with_underscore(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        item.get_mut("pricing").is_some_and(|pricing| {
            rewrite(pricing, "category", |category| category.replace('-', "_"))
        })
    })
}

fn other_key_of_members(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        rename(item, "recipient_participant_id", "participant_recipient_id")
    })
}

fn single_contact(webhook: &mut Webhook) -> bool {
    content(webhook).is_some_and(|content| to_single(content, "contacts"))
}

fn single_item(webhook: &mut Webhook) -> bool {
    let Some(content) = content(webhook) else {
        return false;
    };
    let mut has_changed = false;
    for key in ITEMS {
        has_changed |= to_single(content, key);
    }
    has_changed
}

fn null_for_absent(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        let mut has_changed = false;
        for key in ["context", "errors", "pricing", "referral"] {
            has_changed |= add(item, key, Value::Null);
        }
        has_changed
    })
}

/// Older errors also have neither `message` nor `href`.
fn error_code_as_text(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        each(elements(item, "errors"), |error| {
            remove(error, "message");
            remove(error, "href");
            to_text(error, "code")
        })
    })
}

fn single_error(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| to_single(item, "errors"))
}

fn item_without_time(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| remove(item, "timestamp"))
}

/// A customer who hides the number changes ids: Meta's usual form, which pywa 4.5 cannot read.
fn changed_id_without_number(webhook: &mut Webhook) -> bool {
    any_item(webhook, |item| {
        let is_change = item.get_mut("system").is_some_and(|system| {
            system["type"] = "user_changed_user_id".into();
            remove(system, "wa_id")
        });
        is_change && remove(item, "from")
    })
}

/// Meta's own example.
fn echo_without_contacts(webhook: &mut Webhook) -> bool {
    webhook.field == "smb_message_echoes" && remove(&mut webhook.value, "contacts")
}

/// Another webhook of the same phone number.
fn sibling(webhook: &Webhook, key: &str, items: Value) -> Option<Webhook> {
    if webhook.field != "messages" {
        return None;
    }
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": webhook.value["metadata"],
    });
    value[key] = items;
    Some(Webhook {
        value,
        ..webhook.clone()
    })
}

fn errors_only(webhook: &Webhook) -> Option<Webhook> {
    let error = json!({
        "code": 130_429, "title": "Rate limit hit", "message": "Rate limit hit", "error_data": {"details": "d"},
    });
    sibling(webhook, "errors", json!([error]))
}

fn click(webhook: &Webhook) -> Option<Webhook> {
    let data = json!({"click_component": "cta", "click_id": "k", "tracking_token": "t"});
    let action = json!({
        "action_type": "marketing_messages_link_click", "timestamp": "1775000000",
        "marketing_messages_link_click_data": data,
    });
    sibling(webhook, "user_actions", json!([action]))
}

fn unknown_status(webhook: &Webhook) -> Option<Webhook> {
    let mut status = webhook.value.get("statuses")?.get(0)?.clone();
    remove(&mut status, "pricing");
    remove(&mut status, "errors");
    replace(&mut status, "status", |_| Some("in_orbit".into()));
    sibling(webhook, "statuses", json!([status]))
}

fn unknown_kind(webhook: &Webhook) -> Option<Webhook> {
    let message = webhook.value.get("messages")?.get(0)?;
    let id = format!("{}H", message["id"].as_str()?);
    let mut message = message.clone();
    message["id"] = id.into();
    message["type"] = "hologram".into();
    sibling(webhook, "messages", json!([message]))
}

/// The App Dashboard's Test button sends an invented account.
fn test_button(webhook: &Webhook) -> Option<Webhook> {
    let metadata = json!({"display_phone_number": "16505551111", "phone_number_id": "123456123"});
    let message = json!({
        "from": "16315551181", "id": "ABGGFlA5Fpa", "timestamp": "1504902988", "type": "text",
        "text": {"body": "this is a text message"},
    });
    let mut test = sibling(webhook, "messages", json!([message]))?;
    test.value["metadata"] = metadata;
    test.entry_id = "0".into();
    Some(test)
}
