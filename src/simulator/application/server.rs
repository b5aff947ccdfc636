//! Receives relayed deliveries over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::time::sleep;

use super::behaviour::{Phase, Reaction};
use super::delivery::RelayedDelivery;
use super::shared::SharedApplication;
use crate::simulator::signature;

/// The path of the application's webhook endpoint.
pub(super) const PATH: &str = "/whatsapp";

/// The routes.
pub(super) fn router(shared: Arc<SharedApplication>) -> Router {
    Router::new().route(PATH, post(receive)).with_state(shared)
}

/// Verifies a delivery as an application without a relay would: with Meta's signature and the app secret.
async fn receive(
    State(shared): State<Arc<SharedApplication>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers
        .get("x-hub-signature-256")
        .and_then(|value| value.to_str().ok());
    if !signature.is_some_and(|sent| signature::is_valid(&shared.app_secret, &body, sent)) {
        return StatusCode::UNAUTHORIZED;
    }
    let Some(delivery) = RelayedDelivery::parse(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let answer = answer(&shared, &delivery);
    tokio::select! {
        () = sleep(answer.delay) => {}
        () = shared.stopping.cancelled() => return StatusCode::SERVICE_UNAVAILABLE,
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_success() {
        let replies = delivery.sent.iter().map(|message| message.reply_event());
        shared.events().extend(replies);
    }
    status
}

/// Decides on the response, and logs what changes, like the events of the story.
fn answer(shared: &SharedApplication, delivery: &RelayedDelivery) -> Reaction {
    let elapsed = shared.start.elapsed();
    let mut behaviour = shared.behaviour();
    if let Some(phase) = behaviour.change_phase(elapsed) {
        let what = match phase {
            Phase::Normal => "The application responds as usual again",
            Phase::Slow => "The application responds late to relayed deliveries",
            Phase::Unavailable => "The application responds with status 503 to relayed deliveries",
        };
        tracing::info!(what, "story event");
    }
    behaviour.answer(elapsed, delivery)
}
