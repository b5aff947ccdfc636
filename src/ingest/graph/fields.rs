//! The fields asked for, by name, since what feeds a metric is seldom in Meta's default set.
//!
//! Meta refuses a whole call for one field it does not know. Such a field is dropped for a day, counted,
//! and the rest asked for again: should Meta have been wrong, we are not blind for ever.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Endpoint;
use crate::domain::{Timestamp, Word};
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

/// How long a field that Meta refused is not asked for: one wasted call a day buys the chance that it is
/// back.
const DROPPED_FOR: Duration = Duration::from_secs(24 * 3600);

/// What Meta has said it does not know, by endpoint, and until when it is not asked for.
#[derive(Debug, Default)]
pub(super) struct Fields {
    dropped: Mutex<BTreeMap<(Endpoint, &'static str), Timestamp>>,
}

impl Fields {
    /// The fields asked for at `now`, less the one to do without, separated by commas.
    pub fn asked(&self, endpoint: Endpoint, without: Option<&str>, now: Timestamp) -> String {
        let fields = declared(endpoint).iter().copied();
        fields
            .filter(|field| self.asks(endpoint, field, now) && Some(*field) != without)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Is this field asked for at `now`?
    pub fn asks(&self, endpoint: Endpoint, field: &'static str, now: Timestamp) -> bool {
        self.lock()
            .get(&(endpoint, field))
            .is_none_or(|until| *until <= now)
    }

    /// Drops a field; says whether that changes the next question.
    pub fn drop_field(
        &self,
        endpoint: Endpoint,
        field: &str,
        now: Timestamp,
        telemetry: &Telemetry,
    ) -> bool {
        let Some(known) = declared(endpoint).iter().find(|known| **known == field) else {
            return false;
        };
        let news = self.asks(endpoint, known, now);
        if news {
            self.lock().insert((endpoint, known), now.plus(DROPPED_FOR));
            telemetry
                .graph_fields_dropped
                .with_label_values(&[endpoint.as_str()])
                .inc();
            tracing::warn!(
                endpoint = endpoint.as_str(),
                field,
                "meta does not know this field, it is not asked for during a day"
            );
        }
        news
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Endpoint, &'static str), Timestamp>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of an account that is found: what patterns look at.
const FOUND_ACCOUNT: &[&str] = &["id", "name"];

fn declared(endpoint: Endpoint) -> &'static [&'static str] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_left_out_for_a_day_and_then_tried_again() {
        let (fields, telemetry) = (Fields::default(), Telemetry::new());
        let now = Timestamp::from_seconds(1_775_000_000);
        let endpoint = Endpoint::PhoneNumbers;
        assert!(fields.drop_field(endpoint, "account_mode", now, &telemetry));
        assert!(
            !fields.drop_field(endpoint, "account_mode", now, &telemetry),
            "it is dropped already"
        );
        assert!(!fields.drop_field(endpoint, "never_asked_for", now, &telemetry));
        let asked = |at| {
            fields
                .asked(endpoint, None, at)
                .split(',')
                .any(|field| field == "account_mode")
        };
        assert!(!asked(now) && asked(now.plus(DROPPED_FOR)));
        assert!(
            fields
                .asked(Endpoint::MessageTemplates, None, now)
                .contains("quality_score")
        );
        let counted = telemetry
            .graph_fields_dropped
            .with_label_values(&["phone_numbers"]);
        assert_eq!(counted.get(), 1);
    }
}
