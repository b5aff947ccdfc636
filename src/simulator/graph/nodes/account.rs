//! The WhatsApp Business Account node of the Graph API reference.

use serde_json::{Value, json};

use super::health;
use crate::simulator::world::{Account, InsightsAccess, World};

pub(super) const DEFAULT_FIELDS: &[&str] = &[
    "id",
    "name",
    "currency",
    "timezone_id",
    "message_template_namespace",
];

/// An edge whose entries are not nodes. Like the others, it can be read along with the account.
pub(super) const SUBSCRIBED_APPS: &str = "subscribed_apps";

pub(super) const KNOWN_FIELDS: &[&str] = &[
    "account_review_status",
    "auth_international_rate_eligibility",
    "business_verification_status",
    "country",
    "creation_time",
    "currency",
    "disable_marketing_messages_on_cloud_api",
    "health_status",
    "id",
    "is_enabled_for_insights",
    "is_shared_with_partners",
    "linked_commerce_account",
    "marketing_messages_lite_api_status",
    "marketing_messages_onboarding_status",
    "message_template_namespace",
    "name",
    "on_behalf_of_business_info",
    "owner_business",
    "owner_business_info",
    "ownership_type",
    "primary_business_location",
    "primary_funding_id",
    "purchase_order_number",
    "status",
    SUBSCRIBED_APPS,
    "template_auto_archival_enabled",
    "timezone_id",
    "whatsapp_business_manager_messaging_limit",
];

pub(super) fn value(world: &World, account: &Account, field: &str) -> Option<Value> {
    let business = world.business_of(account);
    Some(match field {
        "id" => json!(account.id),
        "name" => json!(account.name),
        "currency" => json!(account.currency),
        "timezone_id" => json!(account.timezone_id),
        "country" => json!(account.country.as_ref()?),
        "message_template_namespace" => json!(format!("namespace_{}", account.id)),
        "account_review_status" => json!(account.account_review_status),
        "business_verification_status" => json!(business?.verification_status),
        "status" => json!(account.status),
        "ownership_type" => json!(account.ownership_type),
        "whatsapp_business_manager_messaging_limit" => json!(business?.messaging_limit),
        "owner_business" | "owner_business_info" => {
            json!({"id": business?.id, "name": business?.name})
        }
        "on_behalf_of_business_info" if account.client_of_business_id.is_some() => {
            json!({"id": business?.id, "name": business?.name, "status": "APPROVED", "type": "SELF"})
        }
        "health_status" => health::for_account(world, account),
        "primary_funding_id" => json!(account.funding_id.as_ref()?),
        "disable_marketing_messages_on_cloud_api" => json!(account.is_marketing_disabled),
        "marketing_messages_onboarding_status" => json!(account.marketing_onboarding_status),
        SUBSCRIBED_APPS => subscribed_apps(world, account),
        "marketing_messages_lite_api_status" => json!("ELIGIBLE"),
        "is_enabled_for_insights" => json!(account.insights == InsightsAccess::Enabled),
        "template_auto_archival_enabled" => json!(false),
        _ => return None,
    })
}

/// The apps that receive an account's webhooks.
pub(in crate::simulator::graph) fn subscribed_apps(world: &World, account: &Account) -> Value {
    let data: Vec<Value> = account
        .subscribed_app_ids
        .iter()
        .map(|id| {
            let is_ours = *id == world.app.id;
            let name = if is_ours {
                world.app.name.as_str()
            } else {
                "Another app"
            };
            let link = format!("https://www.facebook.com/games/?app_id={id}");
            let mut entry =
                json!({"whatsapp_business_api_data": {"id": id, "name": name, "link": link}});
            if let Some(url) = account.override_callback_url.as_ref().filter(|_| is_ours) {
                entry["override_callback_uri"] = url.as_str().into();
            }
            entry
        })
        .collect();
    json!({ "data": data })
}
