//! Webhook fields that are not about quality, and unusual forms of `messages` from Meta's examples, which an exporter
//! must tolerate.

use serde_json::{Value, json};

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::WorldChange;

const TIME: &str = "1775000000";
const CUSTOMER: &str = "15550100180";

/// Fields without their own metric, and one that Meta does not have.
pub(super) fn update() -> Vec<WorldChange> {
    vec![
        webhook_only(
            GARDEN,
            "flows",
            json!({
                "event": "ENDPOINT_AVAILABILITY", "message": "text", "flow_id": "500100200300400",
                "alert_state": "ACTIVATED", "availability": 75, "threshold": 90,
            }),
        ),
        webhook_only(
            GARDEN,
            "partner_solutions",
            json!({
                "event": "SOLUTION_CREATED", "solution_id": "400100200300400", "solution_status": "INITIATED",
            }),
        ),
        webhook_only(
            GARDEN,
            "payment_configuration_update",
            json!({
                "configuration_name": "main", "provider_name": "razorpay", "provider_mid": "m1",
                "status": "Needs Connecting", "created_timestamp": 1_775_000_000, "updated_timestamp": 1_775_000_001,
            }),
        ),
        webhook_only(
            GARDEN,
            "account_settings_update",
            json!({
                "messaging_product": "whatsapp", "timestamp": TIME, "type": "phone_number_settings",
                "phone_number_settings": {"phone_number_id": GARDEN_ORDERS, "calling": {"status": "ENABLED"}},
            }),
        ),
        webhook_only(
            GARDEN,
            "business_username_updates",
            json!({
                "display_phone_number": "15550100102", "username": "fern_moss", "status": "approved",
            }),
        ),
        traffic(
            "user_preferences",
            json!({
                "contacts": [{"profile": {"name": "Customer"}, "wa_id": CUSTOMER}],
                "user_preferences": [{
                    "wa_id": CUSTOMER, "detail": "text", "category": "marketing_messages",
                    "value": "stop", "timestamp": 1_775_000_000,
                }],
            }),
        ),
        traffic(
            "calls",
            json!({"calls": [{
                "id": "wacid.1", "to": CUSTOMER, "from": "15550100102", "event": "terminate",
                "direction": "BUSINESS_INITIATED", "timestamp": TIME, "status": "COMPLETED",
            }]}),
        ),
        webhook_only(GARDEN, "weather_update", json!({"event": "RAIN"})),
    ]
}

/// `messages` webhooks without a message: an error, a click, a reader without a phone number.
pub(super) fn odd_messages() -> Vec<WorldChange> {
    vec![
        traffic(
            "messages",
            json!({"errors": [{
                "code": 130_429, "title": "Rate limit hit", "message": "Rate limit hit", "error_data": {"details": "d"},
            }]}),
        ),
        traffic(
            "messages",
            json!({"user_actions": [{
                "action_type": "marketing_messages_link_click", "timestamp": TIME,
                "marketing_messages_link_click_data": {"click_component": "cta", "click_id": "k", "tracking_token": "t"},
            }]}),
        ),
        traffic(
            "messages",
            json!({"statuses": [{
                "id": "wamid.ODD1", "status": "read", "timestamp": TIME, "recipient_user_id": "US.100200",
            }]}),
        ),
    ]
}

/// A webhook of Fern & Moss Orders with the keys that all message webhooks have.
fn traffic(field: &str, mut value: Value) -> WorldChange {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] =
        json!({"display_phone_number": "15550100102", "phone_number_id": GARDEN_ORDERS});
    webhook_only(GARDEN, field, value)
}
