//! Reads the bodies of requests within limits of size, time, rate and memory.
//!
//! Meta's deliveries may have 3 MB and mostly have 1 KB. A body takes memory from a budget that all bodies share, as
//! its bytes arrive, so a stalled body holds hardly more than it has sent. When the budget is used up, bodies that
//! stall or fall behind a minimum rate are dropped. If there are none, bodies wait, and one of them may exceed the
//! budget, so that they do not wait for each other.

mod discard;
mod memory;
mod progress;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::{timeout, timeout_at};

use super::limiter::MIN_RATE;
pub(super) use discard::discard;
use discard::linger;
use memory::{BodyBudgetState, Incomplete, Memory};

/// Time before the minimum rate applies to a body. A lost packet is retransmitted within 3 s.
const GRACE: Duration = Duration::from_secs(5);

/// Timeout of a body, whatever its rate. Meta gives up after some 10 s and retries.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Bytes of each body that do not count against the budget.
const SMALL: usize = 4 * 1024;

/// Budget of all bodies together, in bytes: thirty of Meta's largest.
const BUDGET: usize = 96 * 1024 * 1024;

/// The memory that bodies share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BodyBudget(Arc<BodyBudgetState>);

/// A complete body. It holds its part of the budget until it is dropped.
#[derive(Debug)]
pub(super) struct CompleteBody {
    pub bytes: Bytes,
    _memory: Memory,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Larger than the limit.
    TooLarge,
    /// The client closed the connection before the end.
    Disconnected,
    /// Over the time limit, below the minimum rate, or the slowest body when memory was used up.
    TooSlow,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self::with_bytes(BUDGET)
    }
}

impl BodyBudget {
    fn with_bytes(bytes: usize) -> Self {
        Self(Arc::new(BodyBudgetState::new(bytes)))
    }

    /// Reads a body of at most `limit` bytes. A body whose headers declare a greater length is not read.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<CompleteBody, BodyError> {
        if content_length(headers).is_some_and(|length| length > limit as u64) {
            discard(headers, body);
            return Err(BodyError::TooLarge);
        }
        let incomplete = self.0.begin();
        let dropped = incomplete.progress.dropped.clone();
        let reading = self.read_at_rate(body, limit, &incomplete);
        let reading = timeout(MAX_TIME, dropped.run_until_cancelled(reading));
        let whole = reading.await.ok().flatten();
        whole.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn read_at_rate(
        &self,
        mut body: Body,
        limit: usize,
        incomplete: &Incomplete<'_>,
    ) -> Result<CompleteBody, BodyError> {
        let (mut bytes, mut memory) = (BytesMut::new(), Memory::default());
        let progress = &incomplete.progress;
        loop {
            let due = progress.since + progress.waited() + time_for(bytes.len());
            let data = timeout_at(due, next(&mut body)).await;
            let Some(data) = data.map_err(|_| BodyError::TooSlow)?? else {
                let bytes = bytes.freeze();
                return Ok(CompleteBody {
                    bytes,
                    _memory: memory,
                });
            };
            let length = bytes.len() + data.len();
            if length > limit {
                linger(body);
                return Err(BodyError::TooLarge);
            }
            let most = most(&body, length, limit);
            self.0.grow(&mut memory, length, most, progress).await;
            bytes.extend_from_slice(&data);
            progress.note(length);
        }
    }
}

/// Maximum size that the body can reach, according to its remaining length.
fn most(body: &Body, so_far: usize, limit: usize) -> usize {
    let left = body.size_hint().upper();
    let left = left.and_then(|left| usize::try_from(left).ok());
    left.map_or(limit, |left| so_far.saturating_add(left).min(limit))
}

/// Time in which a client at the minimum rate sends the byte after the first `bytes`.
fn time_for(bytes: usize) -> Duration {
    GRACE + Duration::from_secs_f64(bytes as f64 / MIN_RATE as f64)
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Disconnected)?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
