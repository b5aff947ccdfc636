//! Changes about accounts, phone numbers and templates.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::{QualityRating, account, number, template};

use super::super::super::draw::Draw;
use super::{ACCOUNTS, DISPLAYED, maybe, time, word};

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

pub(super) fn alert(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn update(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn capability(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn identity(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn template_quality(draw: &mut Draw<'_>) -> Value {
    let mut value = identity(draw);
    value["previous_quality_score"] = word::<QualityRating>(draw);
    value["new_quality_score"] = word::<QualityRating>(draw);
    value
}

pub(super) fn template_status(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn rejection_info(draw: &mut Draw<'_>) -> Value {
    let reason = if draw.mostly() {
        "The name is a prose text.".into()
    } else {
        word::<template::RejectedReason>(draw)
    };
    json!({ "reason": reason, "recommendation": "Change it." })
}

pub(super) fn category_update(draw: &mut Draw<'_>) -> Value {
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

pub(super) fn number_quality(draw: &mut Draw<'_>) -> Value {
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

fn limit(draw: &mut Draw<'_>) -> Value {
    match draw.below(4) {
        0 => json!(draw.one_of(&[250, 2_000, 10_000, -1])),
        1 => draw.one_of(&["250", "100000", "UNLIMITED", "-1"]).into(),
        _ => draw.one_of(&LIMITS).into(),
    }
}
