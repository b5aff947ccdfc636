//! Deliveries as Meta documents them: every field, in every shape that its pages show.

mod management;
mod messages;

use management::{
    alert, capability, category_update, identity, number_quality, rejection_info, template_quality,
    template_status, update,
};
use messages::{CUSTOMERS, calls, echoes, messages, metadata};
use serde_json::{Map, Value, json};
use whatsapp_business_exporter::domain::{WebhookField, Word, account, number, template};

use super::super::draw::Draw;

const ACCOUNTS: [&str; 3] = ["102290129340398", "800100200300400", "0"];

const DISPLAYED: [&str; 4] = [
    "15550783881",
    "+1 555-078-3881",
    "+55 (11) 5550-1234",
    "16505551111",
];

/// All are before [`super::super::NOW`], because a time ahead of the clock is read by other rules.
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

/// Has one arm for each field, and is therefore long.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of payload")]
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
            // Meta's page documents the payload of one field under the name of the other.
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
        // No metric depends on these fields, so their content is not read.
        _ => {
            json!({ "event": "UPDATE", "from": "15550100111", "list": [1, "2", { "three": null }] })
        }
    }
}

/// A time in one of the formats that Meta uses.
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

/// A word of this list. Sometimes it is an unknown word, or in lower case.
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
