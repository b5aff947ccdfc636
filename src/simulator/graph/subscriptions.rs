//! Webhook subscriptions and token inspection: `subscribed_apps`, `/{app}/subscriptions`, `debug_token`.

use axum::http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::content::{Answer, RequestedSubscription};
use super::error::GraphError;
use super::nodes::{self, ReadableNode};
use crate::simulator::shared::SimulatorState;
use crate::simulator::webhooks::handshake;
use crate::simulator::world::{MANAGEMENT_SCOPE, World};

/// The only object whose fields are supported.
const OBJECT: &str = "whatsapp_business_account";
/// Maximum length of `override_callback_uri`, according to Meta's page "Webhook overrides".
const MAX_OVERRIDE_LENGTH: usize = 200;

/// `/{waba}/subscribed_apps`: GET lists, POST adds, DELETE removes.
pub(super) fn subscribed_apps(world: &mut World, call: &Call) -> Result<Value, GraphError> {
    let id = call.segments.first().map_or("", String::as_str);
    let missing = || GraphError::no_such_object(call.method.as_str(), id);
    let visible = match ReadableNode::find(world, id) {
        Some(ReadableNode::Account(account)) => account,
        Some(other) => {
            return Err(GraphError::nonexisting_field(
                "subscribed_apps",
                other.type_name(),
            ));
        }
        None => return Err(missing()),
    };
    if call.method == Method::GET {
        return Ok(nodes::subscribed_apps(world, visible));
    }
    let app_id = world.app.id.clone();
    let account = world.accounts.get_mut(id).ok_or_else(missing)?;
    match call.method {
        Method::POST => {
            let url = call
                .parameter("override_callback_uri")
                .filter(|url| !url.is_empty());
            if url.is_some_and(|url| url.len() > MAX_OVERRIDE_LENGTH) {
                return Err(GraphError::bad_request(
                    100,
                    "(#100) Param override_callback_uri must be no longer than 200 characters",
                ));
            }
            account.override_callback_url = url.map(str::to_owned);
            if !account.subscribed_app_ids.contains(&app_id) {
                account.subscribed_app_ids.push(app_id);
            }
        }
        Method::DELETE => account
            .subscribed_app_ids
            .retain(|listed| *listed != app_id),
        _ => return Err(missing()),
    }
    Ok(json!({"success": true}))
}

/// `/{app}/subscriptions`: GET lists, POST requests the handshake.
pub(super) fn app_subscriptions(world: &mut World, call: &Call) -> Result<Answer, GraphError> {
    let id = call.segments.first().map_or("", String::as_str);
    if id != world.app.id {
        if let Some(other) = ReadableNode::find(world, id) {
            return Err(GraphError::nonexisting_field(
                "subscriptions",
                other.type_name(),
            ));
        }
        return Err(GraphError::no_such_object(call.method.as_str(), id));
    }
    match call.method {
        Method::GET => Ok(Answer::Found(app_subscriptions_list(world))),
        Method::POST if call.token.as_deref() != Some(&world.app.app_token()) => {
            Err(GraphError::bad_request(
                15,
                "(#15) This method must be called with an app access_token.",
            ))
        }
        Method::POST => subscription(world, call).map(Answer::Subscribe),
        _ => Err(GraphError::bad_request(100, "Unsupported request.")),
    }
}

fn app_subscriptions_list(world: &World) -> Value {
    let Some(callback_url) = &world.app.callback_url else {
        return json!({"data": []});
    };
    let fields: Vec<Value> = world
        .app
        .webhook_fields
        .iter()
        .map(|(name, version)| json!({"name": name, "version": version}))
        .collect();
    json!({"data": [{"object": OBJECT, "callback_url": callback_url, "active": true, "fields": fields}]})
}

fn subscription(world: &World, call: &Call) -> Result<RequestedSubscription, GraphError> {
    let required = |name: &str| {
        call.parameter(name).map(str::to_owned).ok_or_else(|| {
            GraphError::bad_request(100, format!("(#100) The parameter {name} is required"))
        })
    };
    if required("object")? != OBJECT {
        return Err(GraphError::bad_request(
            100,
            "(#100) Param object must be whatsapp_business_account",
        ));
    }
    let named = call
        .parameter("fields")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let fields: Vec<String> = named.map(str::to_owned).collect();
    Ok(RequestedSubscription {
        callback_url: required("callback_url")?,
        verify_token: required("verify_token")?,
        fields: if fields.is_empty() {
            world.app.webhook_fields.keys().cloned().collect()
        } else {
            fields
        },
    })
}

/// Verifies that the callback has the verify token.
pub(super) async fn verify(
    client: &reqwest::Client,
    subscription: &RequestedSubscription,
) -> Result<(), String> {
    handshake::verify(
        client,
        &subscription.callback_url,
        &subscription.verify_token,
    )
    .await
}

/// Applies a verified subscription, or returns an error.
pub(super) fn conclude(
    state: &mut SimulatorState,
    subscription: &RequestedSubscription,
    verified: Result<(), String>,
) -> Answer {
    if let Err(reason) = verified {
        let message =
            format!("(#2200) Callback verification failed with the following errors: {reason}");
        return Answer::Failed(GraphError::bad_request(2200, message));
    }
    let app = &mut state.world.app;
    app.callback_url = Some(subscription.callback_url.clone());
    app.verify_token.clone_from(&subscription.verify_token);
    let version = state.world.graph_version.clone();
    app.webhook_fields = subscription
        .fields
        .iter()
        .map(|field| (field.clone(), version.clone()))
        .collect();
    Answer::Found(json!({"success": true}))
}

/// `debug_token`: an unknown token is not an error; the response states that it is invalid.
pub(super) fn debug_token(world: &World, call: &Call, now: i64) -> Value {
    let token = &world.app.token;
    if call.parameter("input_token") != Some(&token.text) {
        let error = json!({"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"});
        return json!({"data": {"error": error, "is_valid": false, "scopes": []}});
    }
    let visible: Vec<&str> = world
        .accounts
        .values()
        .filter(|account| account.is_visible)
        .map(|account| account.id.as_str())
        .collect();
    let granular: Vec<Value> = token
        .scopes
        .iter()
        .map(|scope| granular_scope(scope, &visible))
        .collect();
    json!({"data": {
        "app_id": world.app.id,
        "type": "SYSTEM_USER",
        "application": world.app.name,
        "data_access_expires_at": token.data_access_expires_at,
        "expires_at": token.expires_at,
        "is_valid": token.is_accepted(now),
        "issued_at": token.issued_at,
        "scopes": token.scopes,
        "granular_scopes": granular,
        "user_id": "100200300400500",
    }})
}

/// A granular scope. `target_ids` of the management scope are the accounts that the token can read; other scopes have
/// none.
fn granular_scope(scope: &str, visible: &[&str]) -> Value {
    if scope == MANAGEMENT_SCOPE {
        json!({"scope": scope, "target_ids": visible})
    } else {
        json!({ "scope": scope })
    }
}
