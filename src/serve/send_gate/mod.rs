//! `GET /api/v1/gate`: whether a campaign may be sent, with the reasons.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `phone_number_id` | id of the sending phone number | required |
//! | `template` | name of the template | only the phone number and its account are judged |
//! | `language` | language of the template | all languages of the name are judged |
//! | `recipients` | number of customers | only whether anything is left of the limit |
//!
//! The operator's listener serves it like the other APIs. The public listener serves it with the token `gate.token`,
//! and responds with 404 without one.

mod answer;
mod parameters;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::bearer::bearer;
use super::context::{Operator, Public};
use super::gate::UNAUTHORIZED;
use super::refusal;
use crate::clock;
use crate::domain::send_gate::{SendPolicy, SendVerdict};
use crate::domain::{Assignments, PhoneNumberId, Timestamp};
use crate::expose::Options;
use crate::ingest::poll::AccessRegistry;
use crate::insight::headroom::{self, Headroom, MessageWebhooks};
use crate::insight::opt_out_surge::{OptOutSurge, opt_out_surge};
use crate::insight::send_gate::{Campaign, Candidate, TemplateName, decide};
use crate::state::Account;
use crate::store::Store;
use crate::telemetry::{Refused, Telemetry};
use parameters::{GateParameters, GateQuery};

pub use answer::{GateAnswer, GateLimit, GateReason};

/// The path on both listeners.
pub const PATH: &str = "/api/v1/gate";

/// Listener label of the public listener.
const LISTENER: &str = "webhook";

/// The result of the extractor.
type ExtractedParameters = Result<Query<GateParameters>, QueryRejection>;

/// What a decision needs.
#[derive(Clone, Debug)]
pub struct SendGate {
    /// The store, for reads.
    pub store: Arc<Store>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The policy; a reload replaces it.
    pub policy: Arc<ArcSwap<SendPolicy>>,
    /// The access states of the apps.
    pub access: Arc<AccessRegistry>,
    /// The accounts of each app.
    pub assignments: Arc<ArcSwap<Assignments>>,
    /// The settings of the exposition, with the expected callback URL.
    pub options: Arc<ArcSwap<Options>>,
}

/// The operator's route.
pub(super) async fn for_operator(
    State(operator): State<Operator>,
    asked: ExtractedParameters,
) -> Response {
    answer(&operator.send_gate, asked)
}

/// The public route.
pub(super) fn public_router(public: Public) -> Router {
    // Creates the counter before its first increment.
    unauthorized(&public.telemetry);
    Router::new()
        .route(PATH, get(for_public))
        .with_state(public)
}

async fn for_public(
    State(public): State<Public>,
    headers: HeaderMap,
    asked: ExtractedParameters,
) -> Response {
    let secrets = public.secrets.load_full();
    let Some(token) = &secrets.gate else {
        let how = "the send gate is disabled on this listener; set gate.token_file\n";
        return (StatusCode::NOT_FOUND, how).into_response();
    };
    if bearer(&headers).is_some_and(|sent| token.knows(sent)) {
        return answer(&public.send_gate, asked);
    }
    unauthorized(&public.telemetry).inc();
    let how = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    let why = complain(
        StatusCode::UNAUTHORIZED,
        "send the token: Authorization: Bearer ...",
    );
    refusal::mark((how, why).into_response(), Refused::Request, UNAUTHORIZED)
}

fn unauthorized(telemetry: &Telemetry) -> prometheus::IntCounter {
    let refused = &telemetry.requests_refused;
    refused.with_label_values(&[LISTENER, UNAUTHORIZED])
}

fn answer(gate: &SendGate, asked: ExtractedParameters) -> Response {
    let query = asked
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(parameters)| GateQuery::parse(parameters));
    match query {
        Ok(query) => {
            let answer = gate.decide(&query);
            ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
        Err(why) => complain(StatusCode::BAD_REQUEST, &why),
    }
}

impl SendGate {
    fn decide(&self, query: &GateQuery) -> GateAnswer {
        let now = clock::now();
        let accounts = self.store.accounts_of_number(&query.phone_number_id);
        let candidates = accounts.iter().map(|(waba_id, account)| Candidate {
            waba_id,
            account,
            portfolio: self.headroom(account, now),
            opt_out_surge: surge_of(account, &query.phone_number_id, now),
        });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        let name = query.template.as_deref();
        let campaign = Campaign {
            phone_number_id: &query.phone_number_id,
            template: name.map(|name| TemplateName {
                name,
                language: query.language.as_deref(),
            }),
            recipients: query.recipients,
        };
        let decision = decide(&campaign, &candidates, &self.policy.load(), now);
        self.count(decision.verdict);
        GateAnswer::from(&decision)
    }

    /// The use of the messaging limit of the portfolio that owns the account.
    fn headroom(&self, account: &Account, now: Timestamp) -> Headroom {
        let Some(business_id) = account.business_id.value() else {
            return Headroom::default();
        };
        let (access, assignments) = (self.access.read(), self.assignments.load());
        let options = self.options.load();
        let webhooks = MessageWebhooks {
            access: &access,
            assignments: &assignments,
            callback: options.callback.as_ref(),
        };
        let used = headroom::of_portfolio(business_id, &self.store.snapshot(), &webhooks, now);
        used.unwrap_or_default()
    }

    fn count(&self, verdict: SendVerdict) {
        let decisions = &self.telemetry.gate_decisions;
        decisions.with_label_values(&[verdict.as_str()]).inc();
    }
}

/// A surge of opt-outs that the account has seen.
fn surge_of(account: &Account, id: &PhoneNumberId, now: Timestamp) -> Option<OptOutSurge> {
    let mut traffic = account.traffic().filter(|traffic| traffic.id == *id);
    opt_out_surge(&traffic.next()?.activity, now)
}

fn complain(status: StatusCode, why: &str) -> Response {
    let error = serde_json::json!({ "error": why });
    (status, Json(error)).into_response()
}
