//! The operator's router.
//!
//! | route | response |
//! |---|---|
//! | `GET /metrics` | the scrape, as text 0.0.4 or OpenMetrics 1.0, gzip on request; one rendering for concurrent scrapes with the same parameters |
//! | `GET /` | the status page |
//! | `GET /api/v1/status` | the status as JSON |
//! | `GET /api/v1/explain` | likely causes of the last fall of a phone number's quality rating, as JSON |
//! | `GET /api/v1/history` | the history of changes, as JSON or CSV |
//! | `GET /api/v1/gate` | whether a campaign may be sent, as JSON |
//! | `GET /api/v1/experiments` | the declared experiments with their current figures, as JSON |
//! | `GET /api/v1/insights` | the daily figures of templates and phone numbers, as JSON or CSV |
//! | `GET /-/healthy` | 200 while the process responds |
//! | `GET /-/ready` | 200 while webhooks are accepted, 503 during shutdown and while the store cannot commit |
//! | `POST /-/reload` | reloads the configuration; 500 with every error if it is not valid; 403 unless enabled |
//!
//! Pages, APIs and `/-/reload` require an allowed host name, see `serve/gate/origin.rs`. Scrapes and probes do not.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;

use super::context::Operator;
use super::lifecycle::{self, Lifecycle};
use super::metrics::metrics;
use super::responses::{self, ResponseBudget};
use super::scrapes::Scrapes;
use super::status::route;
use super::{experiments, explain, history, insights, send_gate};

/// Timeout of a response, which takes milliseconds. A client that needs longer has disconnected.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The operator's routes.
pub fn router(operator: Operator) -> Router {
    let budget = ResponseBudget::default();
    let scrapes = Scrapes::new(budget.clone());
    let limit = middleware::from_fn_with_state(budget, responses::limit);
    let timeout = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT);
    let answers = Arc::new(Semaphore::new(route::MAX_ANSWERS));
    let of_page = Arc::clone(&answers);
    // Creates the counters before their first increment.
    history::refused(&operator.telemetry);
    super::metrics::refused(&operator.telemetry);
    let past = Arc::new(Semaphore::new(history::MAX_ANSWERS));
    let explanations = Arc::new(Semaphore::new(explain::MAX_ANSWERS));
    let of_experiments = Arc::new(Semaphore::new(experiments::MAX_ANSWERS));
    let of_insights = Arc::clone(&past);
    let gate = Arc::clone(&operator.gate);
    let lifecycle = Lifecycle::new(Arc::clone(&gate), operator.reload.clone());
    let reload = Router::new()
        .route("/-/reload", post(lifecycle::reload))
        .with_state(lifecycle);
    let for_people = Router::new()
        .route(
            "/",
            get(move |State(operator), asked| route::page(operator, asked, of_page)),
        )
        .route(
            "/api/v1/status",
            get(move |State(operator), asked| route::json(operator, asked, answers)),
        )
        .route(
            "/api/v1/explain",
            get(move |State(operator), asked| explain::explain(operator, asked, explanations)),
        )
        .route(
            "/api/v1/history",
            get(move |state, asked| history::history(state, asked, past)),
        )
        .route(send_gate::PATH, get(send_gate::for_operator))
        .route(
            "/api/v1/experiments",
            get(move |State(operator)| experiments::experiments(operator, of_experiments)),
        )
        .route(
            "/api/v1/insights",
            get(move |state, asked| insights::insights(state, asked, of_insights)),
        )
        .route_layer(limit)
        .merge(reload);
    Router::new()
        .route(
            "/metrics",
            get(move |state, parameters, headers, active| {
                metrics(state, parameters, headers, active, scrapes)
            }),
        )
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .merge(gate.own_site(for_people))
        .layer(timeout)
        .with_state(operator)
}

async fn ready(State(operator): State<Operator>) -> Response {
    let not_ready = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if operator.stop.is_cancelled() {
        return not_ready("stopping\n".to_owned());
    }
    match operator.store.is_sound() {
        Ok(()) => "ready\n".into_response(),
        Err(unavailable) => not_ready(format!("{unavailable}\n")),
    }
}
