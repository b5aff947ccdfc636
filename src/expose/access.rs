//! Renders the state of the apps' access.

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use crate::domain::access::{Access, AccessStates, End, Token};
use crate::domain::{AppId, Timestamp, WebhookField, Word};

metrics! {
    TOKEN_VALID: Gauge "whatsapp_access_token_valid" ["app", "app_id"]
        "Whether Meta accepts the access token: 1 if it does, 0 if not. Absent until checked.";
    TOKEN_EXPIRES: Gauge "whatsapp_access_token_expires_timestamp_seconds" ["app", "app_id"]
        "Expiry time of the access token. Absent if it does not expire, or while unknown.";
    DATA_ACCESS_EXPIRES: Gauge "whatsapp_access_token_data_access_expires_timestamp_seconds" ["app", "app_id"]
        "Expiry time of the access token's data access. Absent if it does not expire, or while unknown.";
    MISSING_SCOPES: Gauge "whatsapp_access_token_missing_scopes" ["app", "app_id", "scope"]
        "Whether the access token lacks a required permission: 1 if it does, 0 if not. Absent until checked.";
    FIELD_SUBSCRIBED: Gauge "whatsapp_app_webhook_field_subscribed" ["app", "app_id", "field"]
        "Whether the app is subscribed to a webhook field that the exporter reads: 1 if it is, 0 if not. Absent if the app's id and secret are not configured, and until checked.";
    CALLBACK_MATCHES: Gauge "whatsapp_app_webhook_callback_matches" ["app", "app_id"]
        "Whether the app's callback URL at Meta equals webhook.callback_url: 1 if it does, 0 if not. Absent if webhook.callback_url is not configured, and until checked.";
}

/// Writes the families of the apps that this process exports.
pub(super) fn write(page: &mut Page, accesses: &AccessStates, exports: impl Fn(&str) -> bool) {
    let apps: Rows<'_, Access> = accesses
        .iter()
        .filter(|(name, _)| exports(name))
        .map(|(name, access)| (entity(name, access), access))
        .collect();
    write_token(page, &apps);
    write_subscription(page, &apps);
}

/// Several configured apps may share an id, with one token per client, so the labels include the name. The id is empty
/// until it is known.
fn entity(name: &str, access: &Access) -> EntityLabels {
    let app_id = access.app_id.as_ref().map_or("", AppId::as_str);
    EntityLabels::new(&[("app", name), ("app_id", app_id)])
}

fn write_token(page: &mut Page, apps: &Rows<'_, Access>) {
    apps.value(page, &TOKEN_VALID, |access| {
        let token = access.token.as_ref()?;
        Some(SampleValue::Flag(token.is_valid))
    });
    apps.time(page, &TOKEN_EXPIRES, |access| {
        moment(access, |token| token.expires)
    });
    apps.time(page, &DATA_ACCESS_EXPIRES, |access| {
        moment(access, |token| token.data_access_expires)
    });
    apps.each(page, &MISSING_SCOPES, |family, entity, access| {
        for (scope, is_missing) in access.token.iter().flat_map(Token::needed_scopes) {
            family.sample(entity, &[scope], SampleValue::Flag(is_missing));
        }
    });
}

fn moment(access: &Access, end: impl Fn(&Token) -> Option<End>) -> Option<Timestamp> {
    match end(access.token.as_ref()?)? {
        End::At(at) => Some(at),
        End::Never => None,
    }
}

fn write_subscription(page: &mut Page, apps: &Rows<'_, Access>) {
    apps.each(page, &FIELD_SUBSCRIBED, |family, entity, access| {
        let Some(subscription) = &access.subscription else {
            return;
        };
        for field in WebhookField::WATCHED {
            let field = field.as_str();
            family.sample(entity, &[field], SampleValue::Flag(subscription.has(field)));
        }
    });
    apps.value(page, &CALLBACK_MATCHES, |access| {
        access.callback_matches.map(SampleValue::Flag)
    });
}
