//! `GET /api/v1/gate`: whether a campaign may be sent, with the reasons.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `phone_number_id` | id of the sending phone number | required |
//! | `template` | name of the template | only the phone number and its account are checked |
//! | `language` | language of the template | all languages of the name are checked |
//! | `recipients` | number of customers | only whether anything is left of the limit |
//!
//! The operator's listener serves it like the other APIs. The public listener serves it with the token `gate.token`,
//! and responds with 404 without one.

mod answer;
mod decision;
mod parameters;

use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::bearer::bearer;
use super::context::{Operator, Public, note_unread};
use super::error_response::error_response;
use super::gate::UNAUTHORIZED;
use super::refusal;
use crate::telemetry::{Refused, Telemetry};
use parameters::{GateParameters, GateQuery};

pub use answer::{GateAnswer, GateLimit, GateReason};
pub use decision::SendGate;

/// The path on both listeners.
pub const PATH: &str = "/api/v1/gate";

/// Listener label of the public listener.
const LISTENER: &str = "webhook";

/// The result of the extractor.
type ExtractedParameters = Result<Query<GateParameters>, QueryRejection>;

/// The operator's route.
pub(super) async fn for_operator(
    State(operator): State<Operator>,
    asked: ExtractedParameters,
) -> Response {
    answer(&operator.send_gate, asked).await
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
        return answer(&public.send_gate, asked).await;
    }
    unauthorized(&public.telemetry).inc();
    let how = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    let why = error_response(
        StatusCode::UNAUTHORIZED,
        "send the token: Authorization: Bearer ...",
    );
    refusal::mark((how, why).into_response(), Refused::Request, UNAUTHORIZED)
}

fn unauthorized(telemetry: &Telemetry) -> prometheus::IntCounter {
    let refused = &telemetry.requests_refused;
    refused.with_label_values(&[LISTENER, UNAUTHORIZED])
}

async fn answer(gate: &SendGate, asked: ExtractedParameters) -> Response {
    let query = asked
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(parameters)| GateQuery::parse(parameters));
    match query {
        Ok(query) => {
            note_unread(gate.store.read_for_decision(&query.phone_number_id).await);
            let answer = gate.decide(&query);
            ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
        Err(why) => error_response(StatusCode::BAD_REQUEST, &why),
    }
}
