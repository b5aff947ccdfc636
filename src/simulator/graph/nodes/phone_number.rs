//! The phone number node of the Graph API reference. `status` and the limits are not among the default fields.

use serde_json::{Map, Value, json};

use super::health;
use crate::simulator::clock::iso_text;
use crate::simulator::world::{PhoneNumber, World};

pub(super) const DEFAULT_FIELDS: &[&str] = &[
    "id",
    "display_phone_number",
    "verified_name",
    "quality_rating",
    "code_verification_status",
    "platform_type",
    "throughput",
    "webhook_configuration",
    "last_onboarded_time",
];

pub(super) const KNOWN_FIELDS: &[&str] = &[
    "account_mode",
    "certificate",
    "code_verification_status",
    "conversational_automation",
    "country_code",
    "country_dial_code",
    "display_phone_number",
    "eligibility_for_api_business_global_search",
    "health_status",
    "host_platform",
    "id",
    "is_official_business_account",
    "is_on_biz_app",
    "is_pin_enabled",
    "is_preverified_number",
    "last_onboarded_time",
    "messaging_limit_tier",
    "name_status",
    "new_certificate",
    "new_display_name",
    "new_name_status",
    "platform_type",
    "quality_rating",
    "quality_score",
    "search_visibility",
    "status",
    "throughput",
    "unified_cert_status",
    "username",
    "verified_name",
    "webhook_configuration",
    "whatsapp_business_manager_messaging_limit",
];

pub(super) fn value(world: &World, number: &PhoneNumber, field: &str) -> Option<Value> {
    Some(match field {
        "id" => json!(number.id),
        "display_phone_number" => json!(number.display_phone_number),
        "verified_name" => json!(number.verified_name),
        "quality_rating" => json!(number.quality_rating),
        "quality_score" => json!({"score": number.quality_rating}),
        "status" => json!(number.status),
        "messaging_limit_tier" => json!(number.messaging_limit_tier.as_ref()?),
        "whatsapp_business_manager_messaging_limit" => {
            json!(
                world
                    .business_of(world.accounts.get(&number.waba_id)?)?
                    .messaging_limit
            )
        }
        "throughput" => json!({"level": number.throughput_level}),
        "name_status" => json!(number.name_status),
        "new_name_status" => json!(number.new_name_status),
        "new_display_name" => json!(number.new_display_name.as_ref()?),
        "code_verification_status" => json!(number.code_verification_status),
        "account_mode" => json!(number.account_mode),
        "platform_type" | "host_platform" => json!(number.platform_type),
        "is_official_business_account" => json!(number.is_official_business_account),
        "is_pin_enabled" => json!(number.is_pin_enabled),
        "is_on_biz_app" | "is_preverified_number" => json!(false),
        "last_onboarded_time" => json!(iso_text(number.last_onboarded_time)),
        "webhook_configuration" => webhook_configuration(world, number)?,
        "search_visibility" => json!("NON_VISIBLE"),
        "eligibility_for_api_business_global_search" => json!("NON_ELIGIBLE_VERIFIED_LEVEL"),
        "unified_cert_status" => json!("APPROVED"),
        "country_dial_code" => json!("1"),
        "country_code" => json!("US"),
        "health_status" => health::for_phone_number(world, number)?,
        _ => return None,
    })
}

/// The callback URL at each level at which one is set.
fn webhook_configuration(world: &World, number: &PhoneNumber) -> Option<Value> {
    let account = world.accounts.get(&number.waba_id);
    let levels = [
        ("phone_number", number.override_callback_url.as_ref()),
        (
            "whatsapp_business_account",
            account.and_then(|account| account.override_callback_url.as_ref()),
        ),
        ("application", world.app.callback_url.as_ref()),
    ];
    let set: Map<String, Value> = levels
        .into_iter()
        .filter_map(|(level, url)| Some((level.to_owned(), json!(url?))))
        .collect();
    (!set.is_empty()).then_some(Value::Object(set))
}
