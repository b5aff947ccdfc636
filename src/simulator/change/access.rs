//! Changes of the app's access: token, scopes, subscriptions, rate limits, retired fields.

use super::{Change, ChangeError, Webhook, webhook};
use crate::simulator::world::{RateLimit, World};

/// Applies a change of access. Changes about other entities have been handled before.
pub(super) fn apply(
    world: &mut World,
    change: &Change,
    now: i64,
) -> Result<Vec<Webhook>, ChangeError> {
    match change {
        Change::SubscriptionLost { waba_id } => {
            let app_id = world.app.id.clone();
            world
                .account(waba_id)?
                .subscribed_app_ids
                .retain(|id| *id != app_id);
        }
        Change::SubscriptionRegained { waba_id } => {
            let app_id = world.app.id.clone();
            let subscribed = &mut world.account(waba_id)?.subscribed_app_ids;
            if !subscribed.contains(&app_id) {
                subscribed.push(app_id);
            }
        }
        Change::WebhookFieldSubscribed {
            field,
            is_subscribed: true,
        } => {
            let version = world.graph_version.clone();
            world.app.webhook_fields.insert(field.clone(), version);
        }
        Change::WebhookFieldSubscribed {
            field,
            is_subscribed: false,
        } => {
            world.app.webhook_fields.remove(field);
        }
        Change::AccountVisibleChanged {
            waba_id,
            is_visible,
        } => world.account(waba_id)?.is_visible = *is_visible,
        Change::TokenExpiring { in_seconds } => {
            world.app.token.expires_at = now.saturating_add(*in_seconds);
        }
        Change::TokenExpired => {
            world.app.token.expires_at = now;
            world.app.token.is_valid = false;
        }
        Change::TokenRenewed { in_seconds } => {
            let token = &mut world.app.token;
            token.is_valid = true;
            token.issued_at = now;
            token.expires_at = in_seconds.map_or(0, |seconds| now.saturating_add(seconds));
            token.data_access_expires_at = token.expires_at;
        }
        Change::TokenScopeGranted {
            scope,
            is_granted: true,
        } => {
            world.app.token.scopes.insert(scope.clone());
        }
        Change::TokenScopeGranted {
            scope,
            is_granted: false,
        } => {
            world.app.token.scopes.remove(scope);
        }
        Change::RateLimited {
            waba_id,
            code,
            regain_minutes,
        } => {
            world.account(waba_id)?.rate_limit = Some(RateLimit {
                code: *code,
                regain_minutes: *regain_minutes,
            });
        }
        Change::RateLimitLifted { waba_id } => world.account(waba_id)?.rate_limit = None,
        Change::FieldRetired { field } => {
            world.retired_fields.insert(field.clone());
        }
        Change::FieldRestored { field } => {
            world.retired_fields.remove(field);
        }
        Change::WebhookOnly {
            entry_id,
            field,
            value,
        } => return Ok(webhook(entry_id, field, value.clone())),
        other => unreachable!("another noun takes this change: {other:?}"),
    }
    Ok(Vec::new())
}
