//! The requested fields. Meta's default set lacks most of the fields that metrics need.

use std::sync::LazyLock;

use super::{Endpoint, wire};

/// Requested fields of a phone number.
static PHONE_NUMBER: LazyLock<Vec<&str>> = LazyLock::new(|| fields_of(wire::number::PATHS));

/// Requested fields of a template.
static MESSAGE_TEMPLATE: LazyLock<Vec<&str>> = LazyLock::new(|| fields_of(wire::template::PATHS));

/// Requested fields of an account.
static ACCOUNT: LazyLock<Vec<&str>> = LazyLock::new(|| fields_of(wire::account::PATHS));

/// The node's id, and each field of these paths once.
fn fields_of(paths: &[&'static str]) -> Vec<&'static str> {
    let mut fields = vec!["id"];
    for path in paths {
        let (field, _) = wire::field_and_member(path);
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}

/// The edge that lists the apps which receive this account's webhooks.
pub(super) const SUBSCRIBED_APPS: &str = "subscribed_apps";

/// The field that shows whether an account has a means of payment.
pub(super) const PRIMARY_FUNDING_ID: &str = "primary_funding_id";

/// Requested parts of an account that Meta may refuse together with the whole node, if the token lacks a permission
/// for them.
pub(super) const REFUSABLE: [&str; 2] = [SUBSCRIBED_APPS, PRIMARY_FUNDING_ID];

/// The parameter that requests totals with the first page of templates. Meta may reject it like a field.
pub(super) const SUMMARY: &str = "summary";

/// The parameter that names the requested figures of templates. Meta may reject it like a field.
pub(super) const METRIC_TYPES: &str = "metric_types";

/// Requested fields of a discovered account: those that patterns match.
const FOUND_ACCOUNT: &[&str] = &["id", "name"];

/// The fields of an endpoint, in the order in which they are requested.
pub(super) fn declared(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::PhoneNumbers => &PHONE_NUMBER,
        Endpoint::MessageTemplates => &MESSAGE_TEMPLATE,
        Endpoint::Account => &ACCOUNT,
        Endpoint::OwnedAccounts | Endpoint::ClientAccounts => FOUND_ACCOUNT,
        Endpoint::SubscribedApps
        | Endpoint::DebugToken
        | Endpoint::Subscriptions
        | Endpoint::TemplateAnalytics
        | Endpoint::PricingAnalytics
        | Endpoint::Other => &[],
    }
}

/// The deprecated fields of a listing, each with the field that replaced it.
const REPLACED: &[(Endpoint, &str, &str)] = &[(
    Endpoint::PhoneNumbers,
    "messaging_limit_tier",
    "whatsapp_business_manager_messaging_limit",
)];

/// The field that replaced a deprecated one. `None` for a field that is not deprecated.
pub(super) fn replacement(endpoint: Endpoint, field: &str) -> Option<&'static str> {
    let of_field = replaced(endpoint).find(|(deprecated, _)| *deprecated == field);
    of_field.map(|(_, replacement)| replacement)
}

/// The deprecated fields of this listing, each with its replacement.
pub(super) fn replaced(endpoint: Endpoint) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_listing = REPLACED
        .iter()
        .filter(move |(listing, _, _)| *listing == endpoint);
    of_listing.map(|(_, deprecated, replacement)| (*deprecated, *replacement))
}

/// The name of a field or parameter that requests to this endpoint may omit.
pub(super) fn known(endpoint: Endpoint, name: &str) -> Option<&'static str> {
    let parameter = match endpoint {
        Endpoint::MessageTemplates => Some(&SUMMARY),
        Endpoint::TemplateAnalytics => Some(&METRIC_TYPES),
        _ => None,
    };
    let mut names = declared(endpoint).iter().chain(parameter);
    names.find(|known| **known == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deprecated_fields_and_their_replacements_are_declared() {
        for (endpoint, deprecated, replacement) in REPLACED {
            assert!(declared(*endpoint).contains(deprecated), "{deprecated}");
            assert!(declared(*endpoint).contains(replacement), "{replacement}");
        }
    }
}
