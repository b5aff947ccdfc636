//! The simulated Graph API: `/{version}/…`, as documented and recorded, with the injected faults.
//!
//! A request passes these stages: `call` parses it, `access` and `quota` check it, `answer` renders the response,
//! `reply` adds Meta's headers. All stages but the last are pure.

mod access;
mod analytics;
mod answer;
mod call;
mod content;
mod endpoint;
mod error;
mod fields;
mod messages;
mod nodes;
mod paging;
mod quota;
mod render;
mod reply;
mod requests;
mod subscriptions;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use tower_http::compression::CompressionLayer;

pub use analytics::has_buttons;
pub use call::TokenSource;
pub use endpoint::Endpoint;
pub use error::GraphError;
pub use quota::Quota;
pub use requests::{AnsweredRequest, Requests};

use super::clock::http_date;
use super::fault::Fault;
use super::shared::SharedSimulator;
use call::Call;
use content::Answer;
use reply::Reply;

/// The Graph API as a router. It handles every path that no other router does.
pub(super) fn router(shared: Arc<SharedSimulator>) -> Router {
    Router::new()
        .fallback(serve)
        .layer(CompressionLayer::new())
        .with_state(shared)
}

async fn serve(
    State(shared): State<Arc<SharedSimulator>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call::read(&method, &uri, &headers, &body);
    let (mut reply, faults, endpoint) = {
        let mut state = shared.lock();
        let endpoint = Endpoint::new(&state.world, &call);
        state.requests.remember(&call, endpoint);
        let faults = state.faults.hit(endpoint);
        (
            answer::answer(&mut state, &call, &faults, shared.clock.now()),
            faults,
            endpoint,
        )
    };
    shared.announce();
    if let Answer::Subscribe(subscription) = &reply.answer {
        let verified = subscriptions::verify(&shared.client, subscription).await;
        reply.answer = subscriptions::conclude(&mut shared.lock(), subscription, verified);
    }
    hang(&shared, &faults).await;
    if endpoint == Endpoint::Messages {
        shared.wake_customers.notify_one();
    }
    let date = http_date(shared.clock.date());
    Reply::new(&call, reply, &faults, date).into_response()
}

/// Waits for the delay of the faults, but not beyond the end of the simulation.
async fn hang(shared: &SharedSimulator, faults: &[Fault]) {
    for fault in faults {
        if let Fault::Hang { milliseconds } = fault {
            tokio::select! {
                () = shared.stopping.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(*milliseconds)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
