//! Deliveries as Meta documents them: every field, and of each field all the shapes that its pages show.

use serde_json::{Map, Value, json};
use whatsapp_business_exporter::domain::{
    QualityRating, WebhookField, Word, account, message, number, template,
};

use super::super::draw::Draw;

const ACCOUNTS: [&str; 3] = ["102290129340398", "800100200300400", "0"];

const NUMBERS: [&str; 2] = ["106540352242922", "900100200300400"];

const CUSTOMERS: [&str; 3] = ["16505551234", "16505551235", ""];
const USERS: [&str; 3] = ["US.13491208655302741918", "US.13491208655302741919", ""];
const GROUP: &str = "Y2FwaV9ncm91cDox";
const DISPLAYED: [&str; 4] = [
    "15550783881",
    "+1 555-078-3881",
    "+55 (11) 5550-1234",
    "16505551111",
];

const LIMITS: [&str; 8] = [
    "TIER_50",
    "TIER_250",
    "TIER_2K",
    "TIER_10K",
    "TIER_100K",
    "TIER_UNLIMITED",
    "TIER_NOT_SET",
    "TIER_7M",
];

/// All of them before [`super::super::NOW`]: how a time ahead of the clock is read depends on the clock.
const SECONDS: [i64; 4] = [1_773_999_000, 1_773_990_000, 1_773_000_000, 1_760_000_123];

/// One delivery of up to three entries with up to three changes each.
pub fn draw(draw: &mut Draw<'_>) -> Value {
    let entries: Vec<Value> = (0..=draw.below(3)).map(|_| entry(draw)).collect();
    json!({ "object": "whatsapp_business_account", "entry": entries })
}

fn entry(draw: &mut Draw<'_>) -> Value {
    let changes: Vec<Value> = (0..=draw.below(3)).map(|_| change(draw)).collect();
    let id = draw.one_of(&ACCOUNTS);
    let mut entry = json!({ "id": id, "changes": changes });
    if draw.mostly() {
        entry["time"] = time(draw);
    }
    entry
}

fn change(draw: &mut Draw<'_>) -> Value {
    let field = draw.one_of(WebhookField::ALL);
    let mut change = Map::new();
    change.insert("value".to_owned(), value(field, draw));
    let name = if field.is_other() {
        "brand_new_field"
    } else {
        field.as_str()
    };
    change.insert("field".to_owned(), name.into());
    if field == WebhookField::MessageTemplateStatusUpdate && !draw.mostly() {
        change.insert("rejection_info".to_owned(), rejection_info(draw));
    }
    Value::Object(change)
}

fn value(field: WebhookField, draw: &mut Draw<'_>) -> Value {
    match field {
        WebhookField::AccountAlerts => alert(draw),
        WebhookField::AccountReviewUpdate => {
            json!({ "decision": word::<account::ReviewStatus>(draw) })
        }
        WebhookField::AccountUpdate => update(draw),
        WebhookField::BusinessCapabilityUpdate => capability(draw),
        WebhookField::MessageTemplateQualityUpdate => template_quality(draw),
        WebhookField::MessageTemplateStatusUpdate => {
            // Meta's page publishes the one under the other's name.
            if draw.mostly() {
                template_status(draw)
            } else {
                template_quality(draw)
            }
        }
        WebhookField::Messages => messages(draw),
        WebhookField::Standby => json!({
            "metadata": metadata(draw),
            "standby": messages(draw),
        }),
        WebhookField::SmbMessageEchoes | WebhookField::MessageEchoes => echoes(draw),
        WebhookField::MessagingHandovers => json!({
            "sender": { "phone_number": draw.one_of(&CUSTOMERS) },
            "recipient": metadata(draw),
            "timestamp": draw.one_of(&SECONDS).to_string(),
            "type": "control_passed",
            "control_passed": { "previous_owner_role": "business", "new_owner_role": draw.one_of(&["partner", "a b\u{e9}/"]) },
        }),
        WebhookField::Calls => calls(draw),
        WebhookField::PartnerSolutions => {
            let mut value = json!({ "event": "SOLUTION_CREATED", "solution_id": "774485461512159", "solution_status": "INITIATED" });
            maybe(
                draw,
                &mut value,
                "waba_info",
                |draw| json!({ "waba_id": draw.one_of(&ACCOUNTS) }),
            );
            value
        }
        WebhookField::PhoneNumberNameUpdate => json!({
            "display_phone_number": draw.one_of(&DISPLAYED),
            "decision": word::<number::NameDecision>(draw),
            "requested_verified_name": "Fern & Moss",
            "rejection_reason": if draw.mostly() {
                Value::Null
            } else {
                word::<number::NameRejectionReason>(draw)
            },
        }),
        WebhookField::Security => json!({
            "display_phone_number": draw.one_of(&DISPLAYED),
            "event": word::<number::SecurityEventKind>(draw),
            "requester": "2329417887457253",
        }),
        WebhookField::Flows => {
            let mut value = json!({ "event": word::<account::FlowEventKind>(draw), "message": "text", "flow_id": "500100200300400" });
            maybe(
                draw,
                &mut value,
                "alert_state",
                word::<account::FlowAlertState>,
            );
            value
        }
        WebhookField::GroupStatusUpdate => json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": draw.one_of(&DISPLAYED), "phone_number_id": "900100200300400" },
            "groups": [{ "timestamp": time(draw), "group_id": "g1", "type": word::<number::GroupStatusKind>(draw) }],
        }),
        WebhookField::PhoneNumberQualityUpdate => number_quality(draw),
        WebhookField::TemplateCategoryUpdate => category_update(draw),
        WebhookField::TemplateCorrectCategoryDetection => {
            let mut value = identity(draw);
            value["category"] = word::<template::Category>(draw);
            let key = draw.one_of(&["correct_category", "suggested_category"]);
            value[key] = word::<template::Category>(draw);
            value
        }
        // What no metric depends on is not looked into, whatever it is.
        _ => {
            json!({ "event": "UPDATE", "from": "15550100111", "list": [1, "2", { "three": null }] })
        }
    }
}

fn alert(draw: &mut Draw<'_>) -> Value {
    let mut info = json!({ "alert_type": word::<account::AlertType>(draw) });
    maybe(
        draw,
        &mut info,
        "alert_severity",
        word::<account::AlertSeverity>,
    );
    maybe(draw, &mut info, "alert_status", |_| "NONE".into());
    maybe(draw, &mut info, "alert_description", |_| "Sample".into());
    let (kind, id) = ("BUSINESS", "123456");
    if draw.mostly() {
        json!({ "entity_type": kind, "entity_id": id, "alert_info": info })
    } else {
        info["entity_type"] = kind.into();
        info["entity_id"] = id.into();
        info
    }
}

fn update(draw: &mut Draw<'_>) -> Value {
    let mut value = json!({ "event": word::<account::EventKind>(draw) });
    maybe(draw, &mut value, "phone_number", |draw| {
        draw.one_of(&DISPLAYED).into()
    });
    maybe(draw, &mut value, "country", |_| "US".into());
    maybe(draw, &mut value, "timestamp", time);
    maybe(
        draw,
        &mut value,
        "waba_info",
        |draw| json!({ "waba_id": draw.one_of(&ACCOUNTS), "owner_business_id": "2329417887457253" }),
    );
    maybe(draw, &mut value, "violation_info", |draw| {
        let mut info = json!({ "violation_type": word::<account::ViolationType>(draw) });
        maybe(draw, &mut info, "remediation", |_| "Wait.".into());
        info
    });
    maybe(draw, &mut value, "disconnection_info", |draw| {
        let mut info = json!({ "reason": word::<account::DisconnectionReason>(draw) });
        maybe(draw, &mut info, "initiated_by", word::<account::Initiator>);
        info
    });
    maybe(draw, &mut value, "ban_info", |draw| {
        let state = word::<account::BanState>(draw);
        let states = if draw.mostly() {
            state
        } else {
            json!(["SCHEDULE_FOR_DISABLE", state])
        };
        json!({ "waba_ban_state": states, "waba_ban_date": time(draw) })
    });
    maybe(draw, &mut value, "restriction_info", |draw| {
        let infos: Vec<Value> = (0..draw.below(4)).map(|_| restriction(draw)).collect();
        match infos.as_slice() {
            [single] if draw.mostly() => single.clone(),
            _ => Value::Array(infos),
        }
    });
    value
}

fn restriction(draw: &mut Draw<'_>) -> Value {
    let mut info = json!({ "restriction_type": word::<account::RestrictionType>(draw) });
    maybe(draw, &mut info, "expiration", time);
    maybe(draw, &mut info, "remediation", |_| "Wait.".into());
    info
}

fn capability(draw: &mut Draw<'_>) -> Value {
    let mut value = json!({});
    maybe(
        draw,
        &mut value,
        "max_daily_conversations_per_business",
        limit,
    );
    maybe(draw, &mut value, "max_daily_conversation_per_phone", limit);
    maybe(draw, &mut value, "max_phone_numbers_per_business", |_| {
        20.into()
    });
    maybe(draw, &mut value, "max_phone_numbers_per_waba", |_| {
        25.into()
    });
    value
}

fn identity(draw: &mut Draw<'_>) -> Value {
    let id = 7_001_002_003_004_000 + draw.below(20) as u64;
    let id: Value = if draw.mostly() {
        id.into()
    } else {
        id.to_string().into()
    };
    json!({
        "message_template_id": id,
        "message_template_name": draw.one_of(&["spring_offer", "otp", "größe", ""]),
        "message_template_language": draw.one_of(&["en_US", "en-US", "pt_BR", "de"]),
    })
}

fn template_quality(draw: &mut Draw<'_>) -> Value {
    let mut value = identity(draw);
    value["previous_quality_score"] = word::<QualityRating>(draw);
    value["new_quality_score"] = word::<QualityRating>(draw);
    value
}

fn template_status(draw: &mut Draw<'_>) -> Value {
    let mut value = identity(draw);
    value["event"] = word::<template::EventKind>(draw);
    maybe(draw, &mut value, "reason", |draw| {
        let reasons = [
            word::<template::RejectedReason>(draw),
            Value::Null,
            "NONE".into(),
        ];
        reasons[draw.below(3)].clone()
    });
    maybe(
        draw,
        &mut value,
        "message_template_category",
        word::<template::Category>,
    );
    maybe(
        draw,
        &mut value,
        "other_info",
        |draw| json!({ "title": word::<template::PauseTitle>(draw), "description": "Paused." }),
    );
    maybe(
        draw,
        &mut value,
        "disable_info",
        |draw| json!({ "disable_date": time(draw) }),
    );
    maybe(draw, &mut value, "rejection_info", rejection_info);
    value
}

fn rejection_info(draw: &mut Draw<'_>) -> Value {
    let reason = if draw.mostly() {
        "The name is a prose text.".into()
    } else {
        word::<template::RejectedReason>(draw)
    };
    json!({ "reason": reason, "recommendation": "Change it." })
}

fn category_update(draw: &mut Draw<'_>) -> Value {
    let mut value = identity(draw);
    value["new_category"] = word::<template::Category>(draw);
    maybe(
        draw,
        &mut value,
        "previous_category",
        word::<template::Category>,
    );
    maybe(
        draw,
        &mut value,
        "correct_category",
        word::<template::Category>,
    );
    maybe(draw, &mut value, "category_update_timestamp", time);
    value
}

fn number_quality(draw: &mut Draw<'_>) -> Value {
    let mut value = json!({
        "display_phone_number": draw.one_of(&DISPLAYED),
        "event": word::<number::QualityEventKind>(draw),
    });
    maybe(draw, &mut value, "current_limit", limit);
    maybe(draw, &mut value, "old_limit", limit);
    maybe(
        draw,
        &mut value,
        "max_daily_conversations_per_business",
        limit,
    );
    maybe(draw, &mut value, "max_daily_conversation_per_phone", limit);
    value
}

fn messages(draw: &mut Draw<'_>) -> Value {
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

fn calls(draw: &mut Draw<'_>) -> Value {
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

fn metadata(draw: &mut Draw<'_>) -> Value {
    json!({ "display_phone_number": draw.one_of(&DISPLAYED), "phone_number_id": draw.one_of(&NUMBERS) })
}

fn contact(draw: &mut Draw<'_>) -> Value {
    let mut contact = json!({ "profile": { "name": "Pablo" } });
    some_ids(draw, &mut contact, ["wa_id", "user_id"]);
    contact
}

/// One id of a customer or both; an empty one counts as none.
fn some_ids(draw: &mut Draw<'_>, value: &mut Value, keys: [&str; 2]) {
    maybe(draw, value, keys[0], |draw| draw.one_of(&CUSTOMERS).into());
    maybe(draw, value, keys[1], |draw| draw.one_of(&USERS).into());
}

fn echoes(draw: &mut Draw<'_>) -> Value {
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

fn limit(draw: &mut Draw<'_>) -> Value {
    match draw.below(4) {
        0 => json!(draw.one_of(&[250, 2_000, 10_000, -1])),
        1 => draw.one_of(&["250", "100000", "UNLIMITED", "-1"]).into(),
        _ => draw.one_of(&LIMITS).into(),
    }
}

/// A moment in each of the spellings that Meta uses.
fn time(draw: &mut Draw<'_>) -> Value {
    let seconds = draw.one_of(&SECONDS);
    match draw.below(6) {
        0 | 1 => json!(seconds),
        2 => seconds.to_string().into(),
        3 => json!(seconds * 1_000 + 7),
        4 => draw
            .one_of(&[
                "2026-03-16T14:00:00+0000",
                "2026-02-28T23:59:59Z",
                "2024-02-29T00:00:00+0000",
            ])
            .into(),
        _ => draw
            .one_of(&["March 17, 2026", "February 3, 2026", "December 31, 2025"])
            .into(),
    }
}

/// A word of this list, at times one that this version does not know, or in lower case.
fn word<W: Word>(draw: &mut Draw<'_>) -> Value {
    let word = draw.one_of(W::ALL);
    let text = if word.is_other() {
        "SOMETHING_NEW"
    } else {
        word.as_str()
    };
    if draw.byte() == 255 {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

fn maybe(
    draw: &mut Draw<'_>,
    value: &mut Value,
    key: &str,
    make: impl FnOnce(&mut Draw<'_>) -> Value,
) {
    if draw.mostly() {
        value[key] = make(draw);
    }
}
