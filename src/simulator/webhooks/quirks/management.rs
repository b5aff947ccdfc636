//! Unusual forms of webhooks about accounts, phone numbers and templates.

use serde_json::{Value, json};

use super::Quirk::{self, Form};
use super::form::{
    add, each, elements, remove, rename, replace, rewrite, to_displayed, to_list, to_single,
    to_text,
};
use crate::simulator::change::Webhook;
use crate::simulator::clock::{iso_text, prose_date};

const LANGUAGE: &str = "message_template_language";
const STATUS_FIELD: &str = "message_template_status_update";

/// All quirks, with a name for the count of their uses.
pub(super) const QUIRKS: &[(&str, Quirk)] = &[
    ("language with hyphen", Form(language_with_hyphen)),
    ("language without country", Form(language_without_country)),
    ("template id as text", Form(template_id_as_text)),
    (
        "quality under the status field",
        Form(quality_under_status_field),
    ),
    ("event in lower case", Form(event_in_lower_case)),
    ("no reason", Form(no_reason)),
    ("disable date in prose", Form(disable_date_in_prose)),
    ("disable date as text", Form(disable_date_as_text)),
    ("expiration as ISO text", Form(expiration_as_iso_text)),
    ("expiration as text", Form(expiration_as_text)),
    ("single restriction", Form(single_restriction)),
    ("ban state as list", Form(ban_state_as_list)),
    ("flat alert", Form(flat_alert)),
    ("limit as text", Form(limit_as_text)),
    ("old name of the limit", Form(old_name_of_limit)),
    ("limit of a quality update as number", Form(limit_as_number)),
    (
        "old keys of a detected category",
        Form(old_keys_of_category),
    ),
    ("category date as text", Form(category_date_as_text)),
    (
        "displayed phone number of an update",
        Form(displayed_phone_number),
    ),
    ("kind of setting in upper case", Form(setting_in_upper_case)),
    ("preference without number", Form(preference_without_number)),
    ("name without reason", Form(name_without_reason)),
];

fn is_template(webhook: &Webhook) -> bool {
    webhook.value.get("message_template_id").is_some()
}

fn language_with_hyphen(webhook: &mut Webhook) -> bool {
    rewrite(&mut webhook.value, LANGUAGE, |language| {
        language.replace('_', "-")
    })
}

fn language_without_country(webhook: &mut Webhook) -> bool {
    rewrite(&mut webhook.value, LANGUAGE, |language| {
        language.split('_').next().unwrap_or_default().to_owned()
    })
}

fn template_id_as_text(webhook: &mut Webhook) -> bool {
    to_text(&mut webhook.value, "message_template_id")
}

/// The syntax block and the example of Meta's own page.
fn quality_under_status_field(webhook: &mut Webhook) -> bool {
    let is_quality = webhook.field == "message_template_quality_update";
    if is_quality {
        STATUS_FIELD.clone_into(&mut webhook.field);
    }
    is_quality
}

/// Meta's page on pacing.
fn event_in_lower_case(webhook: &mut Webhook) -> bool {
    webhook.field == STATUS_FIELD && rewrite(&mut webhook.value, "event", str::to_lowercase)
}

fn no_reason(webhook: &mut Webhook) -> bool {
    is_template(webhook)
        && replace(&mut webhook.value, "reason", |reason| match reason {
            Value::Null => Some("NONE".into()),
            Value::String(text) if text == "NONE" => Some(Value::Null),
            _ => None,
        })
}

fn disable_date_in_prose(webhook: &mut Webhook) -> bool {
    webhook.value.get_mut("disable_info").is_some_and(|info| {
        replace(info, "disable_date", |date| {
            Some(prose_date(date.as_i64()?).into())
        })
    })
}

fn disable_date_as_text(webhook: &mut Webhook) -> bool {
    webhook
        .value
        .get_mut("disable_info")
        .is_some_and(|info| to_text(info, "disable_date"))
}

fn expiration_as_iso_text(webhook: &mut Webhook) -> bool {
    each(elements(&mut webhook.value, "restriction_info"), |info| {
        replace(info, "expiration", |end| {
            Some(iso_text(end.as_i64()?).into())
        })
    })
}

fn expiration_as_text(webhook: &mut Webhook) -> bool {
    each(elements(&mut webhook.value, "restriction_info"), |info| {
        to_text(info, "expiration")
    })
}

fn single_restriction(webhook: &mut Webhook) -> bool {
    to_single(&mut webhook.value, "restriction_info")
}

/// Meta's partner page.
fn ban_state_as_list(webhook: &mut Webhook) -> bool {
    let info = webhook.value.get_mut("ban_info");
    info.is_some_and(|info| to_list(info, "waba_ban_state"))
}

fn flat_alert(webhook: &mut Webhook) -> bool {
    let Some(value) = webhook.value.as_object_mut() else {
        return false;
    };
    match value.remove("alert_info") {
        Some(Value::Object(info)) => {
            value.extend(info);
            true
        }
        _ => false,
    }
}

fn limit_as_text(webhook: &mut Webhook) -> bool {
    webhook.field == "business_capability_update"
        && to_text(&mut webhook.value, "max_daily_conversations_per_business")
}

/// The form of subscriptions to v23 or older.
fn old_name_of_limit(webhook: &mut Webhook) -> bool {
    webhook.field == "business_capability_update"
        && rename(
            &mut webhook.value,
            "max_daily_conversations_per_business",
            "max_daily_conversation_per_phone",
        )
}

fn limit_as_number(webhook: &mut Webhook) -> bool {
    webhook.field == "phone_number_quality_update"
        && replace(
            &mut webhook.value,
            "max_daily_conversations_per_business",
            |limit| match limit.as_str()? {
                "TIER_2K" => Some(json!(2_000)),
                "TIER_10K" => Some(json!(10_000)),
                "TIER_100K" => Some(json!(100_000)),
                "TIER_UNLIMITED" | "UNLIMITED" => Some(json!(-1)),
                _ => None,
            },
        )
}

fn old_keys_of_category(webhook: &mut Webhook) -> bool {
    webhook.field == "template_correct_category_detection"
        && rename(&mut webhook.value, "category", "current_category")
        && rename(&mut webhook.value, "correct_category", "suggested_category")
}

fn category_date_as_text(webhook: &mut Webhook) -> bool {
    to_text(&mut webhook.value, "category_update_timestamp")
}

fn displayed_phone_number(webhook: &mut Webhook) -> bool {
    to_displayed(&mut webhook.value, "display_phone_number")
}

fn setting_in_upper_case(webhook: &mut Webhook) -> bool {
    webhook.field == "account_settings_update"
        && rewrite(&mut webhook.value, "type", str::to_uppercase)
}

/// Customers who hide their number.
fn preference_without_number(webhook: &mut Webhook) -> bool {
    if webhook.field != "user_preferences" {
        return false;
    }
    each(elements(&mut webhook.value, "contacts"), |contact| {
        remove(contact, "wa_id")
    });
    let preferences = elements(&mut webhook.value, "user_preferences");
    each(preferences, |preference| remove(preference, "wa_id"))
}

fn name_without_reason(webhook: &mut Webhook) -> bool {
    webhook.field == "phone_number_name_update"
        && (remove_null(&mut webhook.value, "rejection_reason")
            && add(&mut webhook.value, "rejection_reason", "NONE".into()))
}

fn remove_null(object: &mut Value, key: &str) -> bool {
    object.get(key).is_some_and(Value::is_null) && remove(object, key)
}
