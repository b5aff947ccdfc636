//! The public router: the only routes for untrusted clients.
//!
//! | route | response |
//! |---|---|
//! | `GET /webhook` | Meta's handshake: the challenge, if the verify token is correct |
//! | `POST /webhook` with an operator command | 200 after it is executed, 400 if it is rejected |
//! | `POST /webhook` | 200 after the delivery's facts are on disk, 503 if they cannot be stored; 401 for a bad signature |
//!
//! It includes the event API of `serve/events.rs` and, on a port of its own, the send gate of `serve/send_gate`.
//!
//! Meta retries deliveries for days until they get a 200. Therefore only a bad signature, a body over the limit, or a
//! body that is not JSON is refused.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::body::{self, BodyError};
use super::command::OperatorCommand;
use super::context::Public;
use super::forget::{ForgetError, ForgetRequest};
use super::reason::{BROKEN_OFF, NOT_STORED, TOO_LARGE, TOO_SLOW, WRONG_PORT};
use super::relay::{RelayRequest, relay_reports};
use super::{events, refusal, send_gate, signer};
use crate::clock;
use crate::domain::{Collector, Event, Fact, MAX_LANES, Timestamp, WabaId, number};
use crate::ingest::webhook::{
    Delivery, Handshake, HandshakeRefusal, Hashers, NotJson, SignatureError, Signer,
};
use crate::store::RelayDelivery;
use crate::telemetry::Refused;

/// Meta documents up to 3 MB, but not whether MB or MiB, so the limit is higher.
pub(super) const MAX_BODY: usize = 4 * 1024 * 1024;

/// The routes for applications, which authenticate with a token and not with Meta's certificate.
pub const OPEN_TO_ALL: [&str; 3] = ["/v1/events", "/v1/openapi.json", send_gate::PATH];

pub(super) const SIGNATURE: &str = "x-hub-signature-256";

const BAD_DRILL: &str = "bad_drill";
const BAD_FORGET: &str = "bad_forget";
const BAD_RELAY_COMMAND: &str = "bad_relay_command";

/// Reasons for refusing webhooks.
pub(super) fn reasons() -> impl Iterator<Item = &'static str> {
    let refusals = HandshakeRefusal::ALL.iter().map(|refusal| refusal.as_str());
    let signatures = SignatureError::ALL.iter().map(|error| error.as_str());
    let others = [
        TOO_LARGE,
        BROKEN_OFF,
        TOO_SLOW,
        NOT_STORED,
        BAD_DRILL,
        BAD_FORGET,
        BAD_RELAY_COMMAND,
        WRONG_PORT,
        NotJson.as_str(),
    ];
    refusals.chain(signatures).chain(others)
}

/// The public routes. Initializes the counter of every refusal reason to 0. On a shared port, the send gate is a route
/// of the operator.
pub fn router(public: Public, is_shared: bool) -> Router {
    for reason in reasons() {
        public
            .telemetry
            .webhook_rejected
            .with_label_values(&[reason]);
    }
    Router::new()
        .route("/webhook", get(handshake).post(delivery))
        .with_state(public.clone())
        .merge(events::router(public.clone()))
        .merge(if is_shared {
            Router::new()
        } else {
            send_gate::public_router(public)
        })
}

async fn handshake(State(public): State<Public>, Query(query): Query<Handshake>) -> Response {
    match public.secrets.load().tokens.challenge_to_echo(&query) {
        Ok(challenge) => {
            tracing::info!("answered webhook handshake");
            ([(header::CONTENT_TYPE, "text/plain")], challenge.to_owned()).into_response()
        }
        Err(refusal) => refuse(&public, StatusCode::FORBIDDEN, refusal.as_str()),
    }
}

async fn delivery(State(public): State<Public>, headers: HeaderMap, body: Body) -> Response {
    let signature = headers.get(SIGNATURE).map(|header| header.as_bytes());
    if signature.is_none() {
        body::discard(&headers, body);
        return refuse(
            &public,
            StatusCode::UNAUTHORIZED,
            SignatureError::Missing.as_str(),
        );
    }
    let whole = match public.body_budget.read(&headers, body, MAX_BODY).await {
        Ok(whole) => whole,
        Err(error) => return refuse_body(&public, error),
    };
    let body = whole.bytes.clone();
    let secrets = public.secrets.load_full();
    let signer = match secrets.verifier.verify(signature, &body) {
        Ok(signer) => signer,
        Err(error) => return refuse(&public, StatusCode::UNAUTHORIZED, error.as_str()),
    };
    match OperatorCommand::from_body(&body) {
        // Operators sign with the current secret. The previous one was replaced because it may have leaked.
        Some(_) if signer.is_previous() => {
            let bad = SignatureError::Bad.as_str();
            return refuse(&public, StatusCode::UNAUTHORIZED, bad);
        }
        Some(OperatorCommand::Drill) => return drill(&public, &body, signer),
        Some(OperatorCommand::Forget) => return forget(&public, &body, signer).await,
        Some(OperatorCommand::Relay) => return relay_command(&public, &body, signer).await,
        None => {}
    }
    signer::note_previous(signer, &public.telemetry, &public.previous_secrets);
    let receipt = clock::receipt();
    let received_at = receipt.at;
    let is_relayed = public.store.is_relay_enabled();
    let hashers = Hashers {
        conversations: secrets.tracked(),
        declared: Some(&secrets.trackers),
        lanes: Some(&secrets.customers).filter(|_| is_relayed),
    };
    match Delivery::parse_with(&body, receipt, hashers) {
        Ok(mut delivery) => {
            let relayed = signature.filter(|_| is_relayed);
            let relayed = relayed
                .map(|signature| to_relay_delivery(&mut delivery, received_at, signature, body));
            let (assignments, log) = (&secrets.assignments, &public.wrong_apps);
            let reporting = (public.telemetry.as_ref(), log.as_ref());
            signer::drop_wrong_accounts(&mut delivery, signer, assignments, reporting, received_at);
            let watched = delivery.accounts.iter();
            let watched = watched.filter(|activity| public.store.is_watched(&activity.waba_id));
            let sent_at = watched.filter_map(|activity| activity.claimed_time).max();
            sent_at.into_iter().for_each(clock::observe_delivery);
            accept(&public, delivery, relayed).await
        }
        Err(error) => refuse(&public, StatusCode::BAD_REQUEST, error.as_str()),
    }
}

fn drill(public: &Public, body: &[u8], signer: &Signer) -> Response {
    match public.drill.start(body, signer.name(), clock::now()) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => refuse_command(public, BAD_DRILL, &error),
    }
}

async fn forget(public: &Public, body: &[u8], signer: &Signer) -> Response {
    match forget_account(public, body, signer).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => refuse_command(public, BAD_FORGET, &error),
    }
}

async fn forget_account(public: &Public, body: &[u8], signer: &Signer) -> Result<(), ForgetError> {
    let waba_id = ForgetRequest::parse(body, clock::now())?;
    let assignments = Arc::clone(&public.secrets.load().assignments);
    if !assignments.contains(&waba_id) {
        return Err(ForgetError::Unknown);
    }
    if !assignments.is_watched_by(signer.current_apps(), &waba_id) {
        return Err(ForgetError::WrongApp);
    }
    let (answer, outcome) = oneshot::channel();
    let asked = public.forget.send((waba_id, answer)).await;
    asked.map_err(|_| ForgetError::Stopping)?;
    outcome.await.map_err(|_| ForgetError::Stopping)?
}

async fn relay_command(public: &Public, body: &[u8], signer: &Signer) -> Response {
    let assignments = Arc::clone(&public.secrets.load().assignments);
    let command = RelayRequest::parse(body, clock::now())
        .and_then(|request| request.authorize(signer.current_apps(), &assignments));
    let command = match command {
        Ok(command) => command,
        Err(error) => return refuse_command(public, BAD_RELAY_COMMAND, &error),
    };
    let (control, store) = (public.relay.load_full(), &public.store);
    let executed = control.execute_everywhere(&command, store, &public.telemetry);
    match executed.await {
        Ok(reports) => Json(relay_reports(&reports)).into_response(),
        Err(error) => refuse_command(public, BAD_RELAY_COMMAND, &error),
    }
}

fn refuse_command(public: &Public, reason: &'static str, error: &dyn Display) -> Response {
    let refusal = refuse(public, StatusCode::BAD_REQUEST, reason);
    refusal.map(|_| Body::from(format!("{error}\n")))
}

/// A delivery for the relay.
fn to_relay_delivery(
    delivery: &mut Delivery,
    received_at: Timestamp,
    signature: &[u8],
    body: Bytes,
) -> RelayDelivery {
    let accounts = delivery.accounts.iter().map(|it| it.waba_id.clone());
    // No real delivery is about more accounts than lanes.
    let waba_ids: BTreeSet<WabaId> = accounts.take(MAX_LANES).collect();
    RelayDelivery {
        received_at,
        waba_ids: waba_ids.into_iter().collect(),
        lanes: std::mem::take(&mut delivery.lanes).into_lanes(),
        // The signature has been verified, so it consists of hexadecimal digits.
        signature: String::from_utf8_lossy(signature).into_owned(),
        body,
    }
}

/// Commits the facts, and responds afterwards.
async fn accept(
    public: &Public,
    mut delivery: Delivery,
    relayed: Option<RelayDelivery>,
) -> Response {
    take_new_spellings(public, &mut delivery);
    let store = &public.store;
    delivery.record(
        &public.telemetry,
        |waba_id| store.is_watched(waba_id),
        |waba_id| store.exports_account(waba_id),
    );
    let looks: Vec<(WabaId, Collector)> = delivery
        .events
        .iter()
        .filter_map(|event| Some((event.waba_id.clone(), collector_to_poll(&event.fact)?)))
        .collect();
    let committed = public.store.commit_with(delivery.events, relayed).await;
    if committed.is_err() {
        // The store has logged the reason, and Meta will retry the delivery.
        return refuse(public, StatusCode::SERVICE_UNAVAILABLE, NOT_STORED);
    }
    for (waba_id, collector) in looks {
        public.trigger.load().poll_soon(waba_id, collector);
    }
    StatusCode::OK.into_response()
}

/// Keeps the spellings that the state does not have yet. Nearly all are known, and only new ones need a commit.
fn take_new_spellings(public: &Public, delivery: &mut Delivery) {
    let mut new: Vec<Event> = std::mem::take(&mut delivery.spellings);
    new.retain(|event| match &event.fact {
        Fact::NumberSpelled(spelling) => {
            let account = public.store.account(&event.waba_id);
            account.is_some_and(|account| !account.knows_spelling(spelling))
        }
        _ => false,
    });
    delivery.events.extend(new);
}

/// The poll to request after a fact. Quality events do not contain the rating, name decisions do not contain the
/// name, and the extent of a penalty is only in the account's health.
fn collector_to_poll(fact: &Fact) -> Option<Collector> {
    match fact {
        Fact::Number(number::WebhookUpdate { .. }) => Some(Collector::Numbers),
        Fact::Account(_) => Some(Collector::Account),
        // A webhook about a template contains all that a poll would; the others are not about the business' own
        // state.
        Fact::Template(_)
        | Fact::NumberSpelled(_)
        | Fact::Message(_)
        | Fact::AccountRead(_)
        | Fact::AccountLoss(_)
        | Fact::NumbersListed(_)
        | Fact::TemplatesListed(..)
        | Fact::InsightsRead(_)
        | Fact::Tracked(_)
        | Fact::CallsSpent(_)
        | Fact::TimePassed
        | Fact::ClockCorrected { .. }
        | Fact::Unwatched => None,
    }
}

/// Refuses a delivery whose body could not be read completely.
fn refuse_body(public: &Public, error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => refuse(public, StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
        BodyError::Disconnected => refuse(public, StatusCode::BAD_REQUEST, BROKEN_OFF),
        BodyError::TooSlow => refuse(public, StatusCode::REQUEST_TIMEOUT, TOO_SLOW),
    }
}

fn refuse(public: &Public, status: StatusCode, reason: &'static str) -> Response {
    public
        .telemetry
        .webhook_rejected
        .with_label_values(&[reason])
        .inc();
    let answer = (status, format!("{reason}\n")).into_response();
    refusal::mark(answer, Refused::Webhook, reason)
}
