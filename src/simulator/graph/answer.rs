//! Computes the response to a call. Pure, apart from the quota that it counts and the messages that it sends.

use axum::http::Method;
use serde_json::{Value, json};

use super::access;
use super::analytics;
use super::call::{Call, TokenSource, version_number};
use super::content::Answer;
use super::endpoint::Endpoint;
use super::error::GraphError;
use super::fields;
use super::messages;
use super::nodes::ReadableNode;
use super::render::{EdgeQuery, Renderer, Rules};
use super::subscriptions;
use crate::simulator::fault::{self, Fault};
use crate::simulator::shared::SimulatorState;
use crate::simulator::world::{MANAGEMENT_SCOPE, MESSAGING_SCOPE};

/// A response, with the values of its headers.
#[derive(Debug)]
pub struct Answered {
    /// The content.
    pub answer: Answer,
    /// Version of the response.
    pub version: String,
    /// `X-Business-Use-Case-Usage`, if the call belongs to an account.
    pub account_usage: Option<String>,
    /// Number of the response, from which its trace id is derived.
    pub number: u64,
}

/// Responds to a call at `now` (Unix seconds).
pub fn answer(state: &mut SimulatorState, call: &Call, faults: &[Fault], now: i64) -> Answered {
    state.answers += 1;
    let version = answering_version(&state.world.graph_version, call.version.as_deref());
    let result = respond(state, call, faults, &version, now);
    let is_app_limit = matches!(&result, Err(error) if error.code == 4);
    let account_usage = tied_account(state, call)
        .filter(|_| !is_app_limit)
        .map(|waba_id| state.quota.usage(&state.world.accounts[&waba_id], now));
    let answer = match result {
        Ok(Answer::Found(mut body)) => {
            fault::distort(&mut body, faults);
            Answer::Found(body)
        }
        Ok(other) => other,
        Err(error) => Answer::Failed(error),
    };
    Answered {
        answer,
        version,
        account_usage,
        number: state.answers,
    }
}

fn respond(
    state: &mut SimulatorState,
    call: &Call,
    faults: &[Fault],
    version: &str,
    now: i64,
) -> Result<Answer, GraphError> {
    if let Some(error) = faults.iter().find_map(ordered_error) {
        return Err(error);
    }
    access::check_token(&state.world, call, now)?;
    let endpoint = Endpoint::new(&state.world, call);
    match endpoint {
        Endpoint::DebugToken => {
            return Ok(Answer::Found(subscriptions::debug_token(
                &state.world,
                call,
                now,
            )));
        }
        Endpoint::Me => {
            return Ok(Answer::Found(
                json!({"id": "100200300400500", "name": "Monitoring system user"}),
            ));
        }
        Endpoint::AppSubscriptions => {
            return subscriptions::app_subscriptions(&mut state.world, call);
        }
        Endpoint::Messages => access::check_scope(&state.world, MESSAGING_SCOPE)?,
        _ => access::check_scope(&state.world, MANAGEMENT_SCOPE)?,
    }
    if faults.contains(&Fault::InvalidCursor) && call.parameter("after").is_some() {
        return Err(GraphError::bad_request(131_059, "(#131059) Invalid cursor"));
    }
    if let Some(waba_id) = tied_account(state, call) {
        state.quota.count(&state.world.accounts[&waba_id], now)?;
    }
    if endpoint == Endpoint::Messages {
        return messages::send(state, call, now).map(Answer::Found);
    }
    if endpoint == Endpoint::SubscribedApps {
        return subscriptions::subscribed_apps(&mut state.world, call).map(Answer::Found);
    }
    if let Some(figures) = analytics::answer(&state.world, call, now) {
        return figures.map(Answer::Found);
    }
    let rules = rules(call, faults, version);
    read(
        Renderer {
            world: &state.world,
            rules: &rules,
        },
        call,
    )
    .map(Answer::Found)
}

fn read(renderer: Renderer<'_>, call: &Call) -> Result<Value, GraphError> {
    let id = call.segments.first().map_or("", String::as_str);
    let node = ReadableNode::find(renderer.world, id)
        .ok_or_else(|| GraphError::no_such_object(call.method.as_str(), id))?;
    if call.method != Method::GET {
        return Err(GraphError::bad_request(
            100,
            format!(
                "Unsupported {} request.",
                call.method.as_str().to_lowercase()
            ),
        ));
    }
    let fields = match call.parameter("fields") {
        None | Some("") => None,
        Some(text) => Some(fields::parse(text).ok_or_else(|| {
            GraphError::bad_request(2500, format!("Syntax error in the field list: {text}"))
        })?),
    };
    match call.segments.get(1..).unwrap_or_default() {
        [] => renderer.node(&node, fields.as_deref()),
        [edge] => {
            let is_page_parameter = |name: &str| name != "fields" && name != "appsecret_proof";
            let parameters = call
                .parameters
                .iter()
                .filter(|(name, _)| is_page_parameter(name))
                .cloned()
                .collect();
            renderer.edge(&node, edge, &EdgeQuery { fields, parameters })
        }
        _ => Err(GraphError::bad_request(2500, "Unknown path components")),
    }
}

/// The account whose quota a call uses, if the token can read one.
fn tied_account(state: &SimulatorState, call: &Call) -> Option<String> {
    let account = state.world.account_of(call.segments.first()?)?;
    account.is_visible.then(|| account.id.clone())
}

fn ordered_error(fault: &Fault) -> Option<GraphError> {
    match fault {
        Fault::GraphError {
            status,
            code,
            subcode,
            message,
            is_transient,
        } => Some(GraphError {
            status: *status,
            subcode: *subcode,
            is_transient: *is_transient,
            ..GraphError::bad_request(*code, message.clone())
        }),
        _ => None,
    }
}

fn rules(call: &Call, faults: &[Fault], version: &str) -> Rules {
    let mut rules = Rules {
        version: version.to_owned(),
        ..Rules::default()
    };
    if call.token_source == TokenSource::Query {
        rules.token_in_urls.clone_from(&call.token);
    }
    for fault in faults {
        match fault {
            Fault::FieldGone { field } => rules.gone_fields.push(field.clone()),
            Fault::FieldDeprecated { field } => rules.deprecated_fields.push(field.clone()),
            Fault::FieldMissing { field } => rules.missing_fields.push(field.clone()),
            Fault::ExpansionRefused => rules.refuses_expansion = true,
            Fault::EndlessCursors => rules.pages_never_end = true,
            Fault::NextElsewhere { origin } => rules.next_origin = Some(origin.clone()),
            _ => {}
        }
    }
    rules
}

/// Requests for an older version than Meta's current one get a response of the current one, as in recorded calls.
/// Meta's versioning page does not document this for WhatsApp.
fn answering_version(present: &str, asked: Option<&str>) -> String {
    asked
        .filter(|asked| version_number(asked) > version_number(present))
        .unwrap_or(present)
        .to_owned()
}
