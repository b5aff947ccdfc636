//! Refuses webhooks and events on the operator's port while the public side has a port of its own.
//!
//! Before 0.2, both sides shared a port by default, so a proxy may still forward Meta's deliveries there.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::{body, events, public, refusal};
use crate::telemetry::{Refused, Telemetry};

#[derive(Clone)]
struct WrongPort {
    telemetry: Arc<Telemetry>,
    /// Port of the public side.
    right: u16,
}

/// The paths of the public side, each of which says that they are served on the port `right`.
pub fn router(telemetry: Arc<Telemetry>, right: u16) -> Router {
    Router::new()
        .route("/webhook", any(webhook))
        .route("/v1/events", any(event_batch))
        .route("/v1/openapi.json", any(event_batch))
        .with_state(WrongPort { telemetry, right })
}

async fn webhook(State(here): State<WrongPort>, headers: HeaderMap, body: Body) -> Response {
    body::discard(&headers, body);
    let refused = &here.telemetry.webhook_rejected;
    refused.with_label_values(&[public::WRONG_PORT]).inc();
    here.refuse("webhooks are received", Refused::Webhook)
}

async fn event_batch(State(here): State<WrongPort>, headers: HeaderMap, body: Body) -> Response {
    body::discard(&headers, body);
    let refused = &here.telemetry.event_batches_refused;
    refused.with_label_values(&[events::WRONG_PORT]).inc();
    here.refuse("the event API is served", Refused::EventBatch)
}

impl WrongPort {
    fn refuse(&self, what: &str, refused: Refused) -> Response {
        let reason = public::WRONG_PORT;
        let right = self.right;
        let text = format!("{reason}: {what} on port {right} (webhook.listen_address), not here\n");
        let answer = (StatusCode::MISDIRECTED_REQUEST, text).into_response();
        refusal::mark(answer, refused, reason)
    }
}
