//! The routes while the store cannot be opened: the exporter's own metrics, probes, and the reason. Without the
//! store, there is no data about Meta.
//!
//! | route | response |
//! |---|---|
//! | `GET /metrics` | the exporter's own metrics; `whatsapp_exporter_store_up` is 0 |
//! | `GET /-/healthy` | 200: a restart would not help |
//! | `GET /-/ready` | 503 with the reason |
//! | `GET /`, `GET /api/v1/status`, `GET /api/v1/explain`, `GET /api/v1/history`, `GET /api/v1/gate` | 503 with the reason |
//! | `GET` and `POST /webhook` | 503: Meta retries it |
//! | `POST /v1/events` | 503: the application sends it again |

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::mpsc;

use super::error_response::error_response;
use super::gate::Gate;
use super::lifecycle::{self, Lifecycle, ReloadRequest};
use super::metrics::{ScrapeParameters, selection, wrong_parameters};
use super::responses::{self, ResponseBudget};
use super::{body, events, negotiation, public, reason, refusal, send_gate};
use crate::clock;
use crate::domain::Assignments;
use crate::domain::access::AccessStates;
use crate::expose::{self, Apps, Options};
use crate::insight::headroom::RecipientUnions;
use crate::state::Accounts;
use crate::telemetry::{Refused, Telemetry};

/// State of the routes.
#[derive(Clone, Debug)]
pub struct Outage {
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The options of the page, which has no series about accounts now.
    pub options: Options,
    /// Why the store cannot be opened, as text for operators.
    pub reason: Arc<ArcSwap<String>>,
}

/// The operator's routes.
pub fn operator_router(
    outage: Outage,
    gate: &Arc<Gate>,
    reload: mpsc::Sender<ReloadRequest>,
) -> Router {
    let limit = middleware::from_fn_with_state(ResponseBudget::default(), responses::limit);
    let lifecycle = Lifecycle::new(Arc::clone(gate), reload);
    let reload = Router::new()
        .route("/-/reload", post(lifecycle::reload))
        .with_state(lifecycle);
    let for_people = Router::new()
        .route("/", get(page))
        .route("/api/v1/status", get(api))
        .route("/api/v1/explain", get(api))
        .route("/api/v1/history", get(api))
        .route(send_gate::PATH, get(api))
        .merge(reload);
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/ready", get(page))
        .merge(gate.own_site(for_people))
        .layer(limit)
        .with_state(outage)
}

/// The public routes. They verify neither signature nor token, because they reveal and change nothing. On a shared port,
/// the send gate is a route of the operator.
pub fn public_router(outage: Outage, is_shared: bool) -> Router {
    // Starts at 0, so that the first refusal is an increase.
    let telemetry = &outage.telemetry;
    for reason in public::reasons() {
        telemetry.webhook_rejected.with_label_values(&[reason]);
    }
    for reason in events::REASONS {
        telemetry.event_batches_refused.with_label_values(&[reason]);
    }
    let batches = events::router_without_store(Arc::clone(&outage.telemetry));
    let mut routes = Router::new().route("/webhook", get(webhook).post(webhook));
    if !is_shared {
        routes = routes.route(send_gate::PATH, get(closed));
    }
    routes.with_state(outage).merge(batches)
}

async fn metrics(
    State(outage): State<Outage>,
    parameters: ScrapeParameters,
    headers: HeaderMap,
) -> Response {
    let selection = match selection(&parameters) {
        Ok(selection) => selection,
        Err(why) => return wrong_parameters(&why),
    };
    let accept = headers.get(header::ACCEPT);
    let format = negotiation::format_for(accept.and_then(|accept| accept.to_str().ok()));
    let scrape = expose::render(
        &Accounts::new(),
        &Apps::without_replicas(
            &AccessStates::new(),
            &Assignments::none(),
            &RecipientUnions::new(),
        ),
        &outage.telemetry.gather(),
        clock::now(),
        &outage.options,
        selection,
        format,
    );
    let kind = HeaderValue::from_static(format.content_type());
    ([(header::CONTENT_TYPE, kind)], scrape.text).into_response()
}

async fn page(State(outage): State<Outage>) -> Response {
    let text = format!("{}\n", outage.reason.load());
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn api(State(outage): State<Outage>) -> Response {
    error_response(StatusCode::SERVICE_UNAVAILABLE, &outage.reason.load())
}

/// The reason, which is for operators, is not shown.
async fn closed() -> Response {
    let why = "the store cannot be opened";
    error_response(StatusCode::SERVICE_UNAVAILABLE, why)
}

async fn webhook(State(outage): State<Outage>, headers: HeaderMap, body: Body) -> Response {
    body::discard(&headers, body);
    let rejected = &outage.telemetry.webhook_rejected;
    let reason = reason::NOT_STORED;
    rejected.with_label_values(&[reason]).inc();
    let answer = (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response();
    refusal::mark(answer, Refused::Webhook, reason)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;
    use axum::extract::Request;
    use bytes::Bytes;
    use hyper::body::Frame;
    use tokio::sync::oneshot;
    use tower::ServiceExt;

    use super::*;
    use crate::expose::{StateSets, TemplateDetail};
    use crate::telemetry::Labelled;

    fn outage() -> Outage {
        Outage {
            telemetry: Arc::new(Telemetry::new()),
            options: Options {
                template_detail: TemplateDetail::None,
                state_sets: StateSets::Full,
                created_timestamps: false,
                template_state_sets: StateSets::Full,
                template_series_limit: 0,
                journeys: crate::domain::journey::Journeys(Vec::new()),
                campaigns: Vec::new(),
                experiments: crate::domain::experiment::Experiments(Vec::new()),
                polls_insights: false,
                business_hours: None,
                callback: None,
            },
            reason: Arc::default(),
        }
    }

    /// An empty body that reports when it is read.
    struct Watched(Option<oneshot::Sender<()>>);

    impl HttpBody for Watched {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let read = self.0.take().map(|sender| sender.send(()));
            assert_eq!(read, Some(Ok(())), "it is read once");
            Poll::Ready(None)
        }
    }

    #[test]
    fn every_reason_has_a_counter_at_0() {
        let outage = outage();
        let telemetry = Arc::clone(&outage.telemetry);
        drop(public_router(outage, false));
        for (counter, reasons) in [
            (&telemetry.webhook_rejected, public::reasons().count()),
            (&telemetry.event_batches_refused, events::REASONS.len()),
        ] {
            let counted = Labelled::new(counter);
            assert_eq!(counted.by("reason").count(), reasons);
        }
    }

    #[tokio::test]
    async fn the_body_of_a_refused_delivery_is_read() {
        let (sender, read) = oneshot::channel();
        let request = Request::post("/webhook").body(Body::new(Watched(Some(sender))));
        let request = request.expect("a request");
        let answer = public_router(outage(), false).oneshot(request).await;
        assert_eq!(answer.expect("an answer").status(), 503);
        read.await.expect("the body is read");
    }
}
