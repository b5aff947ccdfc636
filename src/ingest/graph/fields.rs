//! The fields asked for, by name, since what feeds a metric is seldom in Meta's default set.
//!
//! Meta refuses a whole call for one field it does not know. Such a field is dropped for the client's
//! life, counted, and the rest asked for again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Endpoint;
use crate::domain::Word;
use crate::telemetry::Telemetry;

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

/// What Meta has said it does not know, by endpoint.
#[derive(Debug, Default)]
pub(super) struct Fields {
    dropped: Mutex<BTreeSet<(Endpoint, &'static str)>>,
}

impl Fields {
    /// The fields still asked for, separated by commas.
    pub fn asked(&self, endpoint: Endpoint) -> String {
        let dropped = self.lock();
        let asked = declared(endpoint)
            .iter()
            .filter(|field| !dropped.contains(&(endpoint, **field)));
        asked.copied().collect::<Vec<_>>().join(",")
    }

    /// Is this field still asked for?
    pub fn asks(&self, endpoint: Endpoint, field: &'static str) -> bool {
        !self.lock().contains(&(endpoint, field))
    }

    /// Drops a field; says whether that changes the next question.
    pub fn drop_field(&self, endpoint: Endpoint, field: &str, telemetry: &Telemetry) -> bool {
        let Some(known) = declared(endpoint).iter().find(|known| **known == field) else {
            return false;
        };
        let news = self.lock().insert((endpoint, known));
        if news {
            telemetry
                .graph_fields_dropped
                .with_label_values(&[endpoint.as_str()])
                .inc();
            tracing::warn!(
                endpoint = endpoint.as_str(),
                field,
                "meta does not know this field, it is no longer asked for"
            );
        }
        news
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Endpoint, &'static str)>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn declared(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::PhoneNumbers => PHONE_NUMBER,
        Endpoint::MessageTemplates => MESSAGE_TEMPLATE,
        Endpoint::Account => ACCOUNT,
        Endpoint::SubscribedApps | Endpoint::DebugToken | Endpoint::Other => &[],
    }
}
