//! Apps: what is known of their access, to families.

use super::metric::metrics;
use super::page::{Entity, Page, Value};
use super::rows::Rows;
use crate::domain::access::{Access, Accesses, End, Token};
use crate::domain::{AppId, Timestamp, WebhookField, Word};

metrics! {
    TOKEN_VALID: Gauge "whatsapp_access_token_valid" ["app", "app_id"]
        "1 if Meta accepts the access token, 0 if not; absent until Meta has told.";
    TOKEN_EXPIRES: Gauge "whatsapp_access_token_expires_timestamp_seconds" ["app", "app_id"]
        "When the access token ends; absent if never, or not known.";
    DATA_ACCESS_EXPIRES: Gauge "whatsapp_access_token_data_access_expires_timestamp_seconds" ["app", "app_id"]
        "When the access token's access to data ends; absent if never, or not known.";
    MISSING_SCOPES: Gauge "whatsapp_access_token_missing_scopes" ["app", "app_id", "scope"]
        "1 if the access token lacks this needed permission, 0 if it has it.";
    FIELD_SUBSCRIBED: Gauge "whatsapp_app_webhook_field_subscribed" ["app", "app_id", "field"]
        "1 if the app is subscribed to this webhook field, which the exporter reads, 0 if not; absent without the app's id and secret.";
    CALLBACK_MATCHES: Gauge "whatsapp_app_webhook_callback_matches" ["app", "app_id"]
        "1 if the app's webhooks go to webhook.callback_url, 0 if not; absent where that is not configured.";
}

/// Writes the families of all apps.
pub(super) fn write(page: &mut Page, accesses: &Accesses) {
    let apps: Rows<'_, Access> = accesses
        .iter()
        .map(|(name, access)| (entity(name, access), access))
        .collect();
    write_token(page, &apps);
    write_subscription(page, &apps);
}

/// Several configured apps may share an id, with one token per client, so the name is needed too. The id is
/// empty until it is known.
fn entity(name: &str, access: &Access) -> Entity {
    let app_id = access.app_id.as_ref().map_or("", AppId::as_str);
    Entity::of(&[("app", name), ("app_id", app_id)])
}

fn write_token(page: &mut Page, apps: &Rows<'_, Access>) {
    apps.value(page, &TOKEN_VALID, |access| {
        let token = access.token.as_ref()?;
        Some(Value::Flag(token.is_valid))
    });
    apps.time(page, &TOKEN_EXPIRES, |access| {
        moment(access, |token| token.expires)
    });
    apps.time(page, &DATA_ACCESS_EXPIRES, |access| {
        moment(access, |token| token.data_access_expires)
    });
    apps.each(page, &MISSING_SCOPES, |family, entity, access| {
        for (scope, is_missing) in access.token.iter().flat_map(Token::needed_scopes) {
            family.sample(entity, &[scope], Value::Flag(is_missing));
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
            family.sample(entity, &[field], Value::Flag(subscription.has(field)));
        }
    });
    apps.value(page, &CALLBACK_MATCHES, |access| {
        access.callback_matches.map(Value::Flag)
    });
}
