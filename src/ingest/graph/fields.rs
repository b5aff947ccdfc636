//! The requested fields. Meta's default set lacks most of the fields that metrics need.

use super::Endpoint;

/// Of a phone number.
const PHONE_NUMBER: &[&str] = &[
    "id",
    "display_phone_number", // info, and the key of webhooks
    "verified_name",        // info
    "account_mode",         // info
    "platform_type",        // info
    "quality_rating",       // quality_rating
    "quality_score",        // the same, where the former is missing
    "status",               // status, flagged
    "whatsapp_business_manager_messaging_limit", // messaging_limit
    "messaging_limit_tier", // the same, before v24
    "throughput",           // throughput_level
    "name_status",          // name_status
    "new_name_status",      // new_name_status
    "code_verification_status", // code_verification_status
    "health_status",        // can_send_message, health_entity
];

/// Of a template. Never `components`: nothing here needs the text, and it makes pages large.
const MESSAGE_TEMPLATE: &[&str] = &[
    "id",
    "name",             // info
    "language",         // info
    "status",           // status
    "category",         // category
    "correct_category", // correct_category
    "quality_score",    // quality_rating
    "rejected_reason",  // rejected_reason, rejections
];

/// Of an account. The last is an edge, read with the node to save a call.
const ACCOUNT: &[&str] = &[
    "id",
    "name",                                      // info
    "currency",                                  // info
    "timezone_id",                               // info
    "owner_business_info",                       // info: business_id
    "account_review_status",                     // review_status
    "business_verification_status",              // business_verification_status
    "status",                                    // status
    "whatsapp_business_manager_messaging_limit", // messaging_limit
    "health_status",                             // can_send_message, health_entity
    SUBSCRIBED_APPS,                             // webhook_subscribed
];

/// The edge that tells which apps get this account's webhooks.
pub(super) const SUBSCRIBED_APPS: &str = "subscribed_apps";

/// The parameter that requests totals with the first page of templates. Meta may reject it like a field.
pub(super) const SUMMARY: &str = "summary";

/// Of an account that is found: what patterns look at.
const FOUND_ACCOUNT: &[&str] = &["id", "name"];

/// The fields of an endpoint, in the order in which they are requested.
pub(super) fn declared(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::PhoneNumbers => PHONE_NUMBER,
        Endpoint::MessageTemplates => MESSAGE_TEMPLATE,
        Endpoint::Account => ACCOUNT,
        Endpoint::OwnedAccounts | Endpoint::ClientAccounts => FOUND_ACCOUNT,
        Endpoint::SubscribedApps
        | Endpoint::DebugToken
        | Endpoint::Subscriptions
        | Endpoint::Other => &[],
    }
}

/// The name of a field or parameter that requests to this endpoint may omit.
pub(super) fn known(endpoint: Endpoint, name: &str) -> Option<&'static str> {
    let parameter = (endpoint == Endpoint::MessageTemplates).then_some(&SUMMARY);
    let mut names = declared(endpoint).iter().chain(parameter);
    names.find(|known| **known == name).copied()
}
