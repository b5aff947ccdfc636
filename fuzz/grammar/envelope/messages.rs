//! Changes about messages, statuses, echoes and calls.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::message;

use super::super::super::draw::Draw;
use super::{DISPLAYED, SECONDS, maybe, word};

const NUMBERS: [&str; 2] = ["106540352242922", "900100200300400"];

pub(super) const CUSTOMERS: [&str; 3] = ["16505551234", "16505551235", ""];

const USERS: [&str; 3] = ["US.13491208655302741918", "US.13491208655302741919", ""];

const GROUP: &str = "Y2FwaV9ncm91cDox";

pub(super) fn messages(draw: &mut Draw<'_>) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": metadata(draw),
    });
    maybe(draw, &mut value, "contacts", |draw| {
        (0..=draw.below(2)).map(|_| contact(draw)).collect()
    });
    maybe(draw, &mut value, "messages", |draw| {
        (0..=draw.below(3)).map(|_| received(draw)).collect()
    });
    maybe(draw, &mut value, "statuses", |draw| {
        (0..=draw.below(3)).map(|_| status(draw)).collect()
    });
    if !draw.mostly() {
        value["errors"] = errors(draw);
    }
    value
}

fn received(draw: &mut Draw<'_>) -> Value {
    let mut message = json!({
        "id": format!("wamid.{}", draw.below(50)),
        "timestamp": draw.one_of(&SECONDS).to_string(),
        "type": word::<message::Kind>(draw),
        "text": { "body": "Hello" },
    });
    some_ids(draw, &mut message, ["from", "from_user_id"]);
    if !draw.mostly() {
        message["group_id"] = GROUP.into();
    }
    if !draw.mostly() {
        message["system"] = json!({
            "type": draw.one_of(&["user_changed_user_id", "user_changed_number", "user_identity_changed"]),
        });
        some_ids(draw, &mut message["system"], ["wa_id", "user_id"]);
        maybe(draw, &mut message["system"], "previous_user_id", |draw| {
            draw.one_of(&USERS).into()
        });
    }
    message
}

pub(super) fn calls(draw: &mut Draw<'_>) -> Value {
    let call = |draw: &mut Draw<'_>| {
        let mut call = json!({
            "id": format!("wacid.{}", draw.below(50)),
            "to": "15550100199",
            "event": draw.one_of(&["connect", "terminate", "Terminate"]),
            "timestamp": draw.one_of(&SECONDS).to_string(),
        });
        maybe(draw, &mut call, "direction", |draw| {
            draw.one_of(&["USER_INITIATED", "user_initiated", "BUSINESS_INITIATED"])
                .into()
        });
        some_ids(draw, &mut call, ["from", "from_user_id"]);
        call
    };
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata(draw) });
    value["calls"] = (0..=draw.below(2)).map(|_| call(draw)).collect();
    maybe(draw, &mut value, "contacts", |draw| {
        (0..=draw.below(1)).map(|_| contact(draw)).collect()
    });
    value
}

pub(super) fn metadata(draw: &mut Draw<'_>) -> Value {
    json!({ "display_phone_number": draw.one_of(&DISPLAYED), "phone_number_id": draw.one_of(&NUMBERS) })
}

fn contact(draw: &mut Draw<'_>) -> Value {
    let mut contact = json!({ "profile": { "name": "Pablo" } });
    some_ids(draw, &mut contact, ["wa_id", "user_id"]);
    contact
}

/// One id of a customer or both. An empty id counts as none.
fn some_ids(draw: &mut Draw<'_>, value: &mut Value, keys: [&str; 2]) {
    maybe(draw, value, keys[0], |draw| draw.one_of(&CUSTOMERS).into());
    maybe(draw, value, keys[1], |draw| draw.one_of(&USERS).into());
}

pub(super) fn echoes(draw: &mut Draw<'_>) -> Value {
    let echo = |draw: &mut Draw<'_>| {
        let mut echo = json!({
            "from": "15550100199",
            "id": format!("wamid.{}", draw.below(50)),
            "timestamp": draw.one_of(&SECONDS).to_string(),
            "type": word::<message::Kind>(draw),
        });
        let keys = draw.one_of(&[["to", "to_user_id"], ["recipient_id", "recipient_user_id"]]);
        some_ids(draw, &mut echo, keys);
        echo
    };
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata(draw) });
    value["message_echoes"] = (0..=draw.below(2)).map(|_| echo(draw)).collect();
    maybe(draw, &mut value, "contacts", |draw| {
        (0..=draw.below(2)).map(|_| contact(draw)).collect()
    });
    value
}

fn status(draw: &mut Draw<'_>) -> Value {
    let mut status = json!({
        "id": format!("wamid.{}", draw.below(50)),
        "status": word::<message::Status>(draw),
        "timestamp": draw.one_of(&SECONDS).to_string(),
    });
    some_ids(draw, &mut status, ["recipient_id", "recipient_user_id"]);
    if !draw.mostly() {
        status["recipient_type"] = draw.one_of(&["group", "GROUP", "individual"]).into();
    }
    maybe(draw, &mut status, "pricing", |draw| {
        json!({
            "billable": true, "pricing_model": "PMP",
            "type": word::<message::PricingType>(draw), "category": word::<message::Category>(draw),
        })
    });
    if !draw.mostly() {
        status["errors"] = errors(draw);
    }
    maybe(draw, &mut status, "biz_opaque_callback_data", |draw| {
        draw.one_of(&["spring", "journey=booking&step=date", ""])
            .into()
    });
    let member = draw.one_of(&[
        "recipient_participant_id",
        "participant_recipient_id",
        "recipient_participant_user_id",
    ]);
    if !draw.mostly() {
        status[member] = "16505550000".into();
    }
    status
}

fn errors(draw: &mut Draw<'_>) -> Value {
    let error = |draw: &mut Draw<'_>| {
        let code: u64 = draw.one_of(&[131_026, 131_049, 130_472, 999_999, 132_015]);
        json!({ "code": code, "title": "It failed", "error_data": { "details": "..." } })
    };
    (0..=draw.below(2)).map(|_| error(draw)).collect()
}
