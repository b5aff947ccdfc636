//! Changes of the app's access: token, scopes, subscriptions, rate limits, retired fields.

use super::{ChangeError, Webhook, WorldChange, webhook};
use crate::simulator::world::{ForcedRateLimit, World};

/// Applies a change of access. Changes about other entities have been handled before.
///
/// One `match`, however long, so that it can be compared with the catalogue.
#[expect(clippy::too_many_lines, reason = "one arm for each change")]
pub(super) fn apply(
    world: &mut World,
    change: &WorldChange,
    now: i64,
) -> Result<Vec<Webhook>, ChangeError> {
    match change {
        WorldChange::SubscriptionLost { waba_id } => {
            let app_id = world.app.id.clone();
            world
                .account(waba_id)?
                .subscribed_app_ids
                .retain(|id| *id != app_id);
        }
        WorldChange::SubscriptionRegained { waba_id } => {
            let app_id = world.app.id.clone();
            let subscribed = &mut world.account(waba_id)?.subscribed_app_ids;
            if !subscribed.contains(&app_id) {
                subscribed.push(app_id);
            }
        }
        WorldChange::AccountCallbackOverridden {
            waba_id,
            callback_url,
        } => world
            .account(waba_id)?
            .override_callback_url
            .clone_from(callback_url),
        WorldChange::WebhookFieldSubscribed {
            field,
            is_subscribed: true,
        } => {
            let version = world.graph_version.clone();
            world.app.webhook_fields.insert(field.clone(), version);
        }
        WorldChange::WebhookFieldSubscribed {
            field,
            is_subscribed: false,
        } => {
            world.app.webhook_fields.remove(field);
        }
        WorldChange::AccountVisibleChanged {
            waba_id,
            is_visible,
        } => world.account(waba_id)?.is_visible = *is_visible,
        WorldChange::TokenExpiring { in_seconds } => {
            world.app.token.expires_at = now.saturating_add(*in_seconds);
        }
        WorldChange::TokenExpired => {
            world.app.token.expires_at = now;
            world.app.token.is_valid = false;
        }
        WorldChange::TokenRenewed { in_seconds } => {
            let token = &mut world.app.token;
            token.is_valid = true;
            token.issued_at = now;
            token.expires_at = in_seconds.map_or(0, |seconds| now.saturating_add(seconds));
            token.data_access_expires_at = token.expires_at;
        }
        WorldChange::TokenScopeGranted {
            scope,
            is_granted: true,
        } => {
            world.app.token.scopes.insert(scope.clone());
        }
        WorldChange::TokenScopeGranted {
            scope,
            is_granted: false,
        } => {
            world.app.token.scopes.remove(scope);
        }
        WorldChange::RateLimited {
            waba_id,
            code,
            regain_minutes,
        } => {
            world.account(waba_id)?.rate_limit = Some(ForcedRateLimit {
                code: *code,
                regain_minutes: *regain_minutes,
            });
        }
        WorldChange::RateLimitLifted { waba_id } => world.account(waba_id)?.rate_limit = None,
        WorldChange::FieldRetired { field } => {
            world.retired_fields.insert(field.clone());
        }
        WorldChange::FieldRestored { field } => {
            world.retired_fields.remove(field);
        }
        WorldChange::WebhookOnly {
            entry_id,
            field,
            value,
        } => return Ok(webhook(entry_id, field, value.clone())),
        other => unreachable!("another noun takes this change: {other:?}"),
    }
    Ok(Vec::new())
}
