//! Limits the memory of responses that clients read slowly, and compresses responses on request.
//!
//! A client that does not read holds its response for as long as its connection lasts. All responses of the process
//! share one budget. If a new one does not fit, the connections of readers that are behind a minimum rate are closed,
//! those of the oldest response first. If none is behind, the new response waits for a while, then the connection of
//! the oldest response is closed. Responses are sent in small frames, so that no lower layer keeps a copy.

mod budget;
mod gzip;
mod held;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::limiter::ActiveRequest;
use budget::ResponseBudgetState;
pub(super) use gzip::{GZIP, accepts_gzip, gzip, tight, vary};
pub(super) use held::HeldBytes;

/// Budget of all responses together, in bytes. A page of 50,000 templates has some 50 MB, but Prometheus requests it
/// compressed, at a twentieth of the size.
const BUDGET: usize = 64 * 1024 * 1024;

/// Bytes of each response that do not count against the budget: with every connection in use, some megabytes.
const SMALL: usize = 4 * 1024;

/// Maximum time that a new response waits for readers that are not behind. Prometheus waits 10 s for the whole
/// scrape.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Interval at which a waiting response searches again for readers that are behind.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Reason label of slow readers that are closed.
pub(super) const SLOW_READER: &str = "slow_reader";

/// The memory that responses share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ResponseBudget(Arc<ResponseBudgetState>);

impl Default for ResponseBudget {
    fn default() -> Self {
        Self::with_bytes(BUDGET)
    }
}

impl ResponseBudget {
    fn with_bytes(limit: usize) -> Self {
        Self(Arc::new(ResponseBudgetState::new(limit)))
    }

    /// Takes memory for these bytes, closing slow readers if necessary. A response over the whole budget is admitted
    /// once no other holds memory.
    pub(super) async fn hold(&self, bytes: Bytes) -> Arc<HeldBytes> {
        let budget = &self.0;
        let end = Instant::now() + MAX_WAIT;
        loop {
            let mut released = std::pin::pin!(budget.released.notified());
            released.as_mut().enable();
            if let Some(number) = budget.reserve(bytes.len()) {
                let budget = Arc::clone(budget);
                return Arc::new(HeldBytes {
                    bytes,
                    number,
                    budget,
                });
            }
            let now = Instant::now();
            budget.close_readers(bytes.len(), now >= end);
            // A closed connection releases its memory as soon as its task has run.
            drop(timeout_at(now + LOOK_AGAIN, released).await);
        }
    }
}

/// Compresses responses, and holds them within the budget. Only for responses that are completely in memory.
pub(super) async fn limit(
    State(budget): State<ResponseBudget>,
    request: Request,
    next: Next,
) -> Response {
    let active = request.extensions().get::<ActiveRequest>().cloned();
    let takes_gzip = accepts_gzip(request.headers());
    let (mut parts, body) = next.run(request).await.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.append(header::VARY, vary());
    if bytes.len() <= SMALL {
        return Response::from_parts(parts, Body::from(bytes));
    }
    let bytes = if takes_gzip {
        let compressed = tokio::task::spawn_blocking(move || gzip(&bytes)).await;
        let Ok(compressed) = compressed else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert(header::CONTENT_ENCODING, GZIP);
        compressed
    } else {
        bytes
    };
    let held = budget.hold(bytes).await;
    Response::from_parts(parts, held.body(active.as_ref()))
}
