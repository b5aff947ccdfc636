//! Webhook fields that are not about quality, which an exporter must tolerate.

use serde_json::{Value, json};

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::WorldChange;

const TIME: &str = "1775000000";
const CUSTOMER: &str = "15550100180";
const CUSTOMER_USER_ID: &str = "US.13000000000000000000";

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
                "contacts": [contact()],
                "user_preferences": [{
                    "wa_id": CUSTOMER, "user_id": CUSTOMER_USER_ID, "detail": "text", "category": "marketing_messages",
                    "value": "stop", "timestamp": 1_775_000_000,
                }],
            }),
        ),
        traffic(
            "calls",
            json!({"contacts": [contact()], "calls": [{
                "id": "wacid.1", "to": CUSTOMER, "from": "15550100102", "event": "terminate",
                "direction": "BUSINESS_INITIATED", "timestamp": TIME, "status": "COMPLETED",
            }]}),
        ),
        webhook_only(GARDEN, "weather_update", json!({"event": "RAIN"})),
    ]
}

/// The customer of these webhooks: the first one of the traffic.
fn contact() -> Value {
    json!({"profile": {"name": "Customer"}, "wa_id": CUSTOMER, "user_id": CUSTOMER_USER_ID})
}

/// A webhook of Fern & Moss Orders with the keys that all message webhooks have.
fn traffic(field: &str, mut value: Value) -> WorldChange {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] =
        json!({"display_phone_number": "15550100102", "phone_number_id": GARDEN_ORDERS});
    webhook_only(GARDEN, field, value)
}
