//! Refuses webhooks and events on the operator's port while the public side has a port of its own.
//!
//! Before 0.2, both sides shared a port by default, so a proxy may still forward Meta's deliveries there. Only
//! requests of Meta or an application are counted and logged as refused. A browser or a scanner gets the same
//! response without raising an alert.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::reason::WRONG_PORT;
use super::{body, public, refusal};
use crate::ingest::webhook::Handshake;
use crate::telemetry::{Refused, Telemetry};

#[derive(Clone)]
struct WrongPort {
    telemetry: Arc<Telemetry>,
    /// Port of the public side.
    right: u16,
}

/// The paths of the public routes. Each response contains the right port.
pub fn router(telemetry: Arc<Telemetry>, right: u16) -> Router {
    Router::new()
        .route("/webhook", any(webhook))
        .route("/v1/events", any(event_api))
        .route("/v1/openapi.json", any(event_api))
        .with_state(WrongPort { telemetry, right })
}

/// Whether the body of a response with status 421 is from these routes. Another proxy may have sent it: nginx and
/// Envoy use the same status if a request's host differs from that of the TLS handshake.
#[must_use]
pub fn is_refusal(body: &str) -> bool {
    body.starts_with(WRONG_PORT)
}

async fn webhook(
    State(here): State<WrongPort>,
    method: Method,
    query: Result<Query<Handshake>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    body::discard(&headers, body);
    let answer = here.answer("webhooks are received");
    let is_handshake = method == Method::GET && query.is_ok_and(|it| it.mode.is_some());
    let is_delivery = method == Method::POST && headers.contains_key(public::SIGNATURE);
    if !is_handshake && !is_delivery {
        return answer;
    }
    let refused = &here.telemetry.webhook_rejected;
    refused.with_label_values(&[WRONG_PORT]).inc();
    refusal::mark(answer, Refused::Webhook, WRONG_PORT)
}

async fn event_api(
    State(here): State<WrongPort>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    body::discard(&headers, body);
    let answer = here.answer("the event API is served");
    if method != Method::POST {
        return answer;
    }
    let refused = &here.telemetry.event_batches_refused;
    refused.with_label_values(&[WRONG_PORT]).inc();
    refusal::mark(answer, Refused::EventBatch, WRONG_PORT)
}

impl WrongPort {
    fn answer(&self, what: &str) -> Response {
        let reason = WRONG_PORT;
        let right = self.right;
        let text = format!("{reason}: {what} on port {right} (webhook.listen_address), not here\n");
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn status(router: &Router, method: &str, target: &str, signature: Option<&str>) -> u16 {
        let mut request = Request::builder().method(method).uri(target);
        if let Some(signature) = signature {
            request = request.header(public::SIGNATURE, signature);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await;
        answer
            .unwrap_or_else(|never| match never {})
            .status()
            .as_u16()
    }

    #[tokio::test]
    async fn only_deliveries_handshakes_and_batches_are_counted() {
        let telemetry = Arc::new(Telemetry::new());
        let router = router(Arc::clone(&telemetry), 10_133);
        let webhooks = telemetry.webhook_rejected.with_label_values(&[WRONG_PORT]);
        let batches = telemetry
            .event_batches_refused
            .with_label_values(&[WRONG_PORT]);
        for (method, target, signature) in [
            ("GET", "/webhook", None),
            ("GET", "/webhook", Some("sha256=0")),
            ("GET", "/webhook?hub.challenge=1", None),
            ("HEAD", "/webhook?hub.mode=subscribe", None),
            ("POST", "/webhook", None),
            ("POST", "/webhook?hub.mode=subscribe", None),
            ("PUT", "/webhook", Some("sha256=0")),
            ("GET", "/v1/events", None),
            ("GET", "/v1/openapi.json", None),
        ] {
            let status = status(&router, method, target, signature).await;
            assert_eq!(status, 421, "{method} {target}");
            assert_eq!((webhooks.get(), batches.get()), (0, 0), "{method} {target}");
        }
        for (method, target, signature, expected) in [
            ("POST", "/webhook", Some("sha256=0"), (1, 0)),
            ("GET", "/webhook?hub.mode=subscribe", None, (2, 0)),
            ("POST", "/v1/events", None, (2, 1)),
        ] {
            let status = status(&router, method, target, signature).await;
            assert_eq!(status, 421, "{method} {target}");
            assert_eq!(
                (webhooks.get(), batches.get()),
                expected,
                "{method} {target}"
            );
        }
    }
}
