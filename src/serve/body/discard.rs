//! Reads and discards the body of a refused request.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use tokio::time::timeout;

use super::next;

/// Time and bytes for which a refused body is read on and discarded. Without it, the client would get a
/// reset connection instead of the response.
const LINGER: Duration = Duration::from_secs(3);

const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// Reads the rest of a refused request's body in the background, as [`linger`] does. If the client waits for `100
/// Continue`, it has sent no body, so nothing is read.
pub(in crate::serve) fn discard(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        linger(body);
    }
}

/// Reads and discards a body, so that a client that is still sending gets the response.
pub(super) fn linger(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(LINGER, async move {
        let mut discarded = 0;
        while let Ok(Some(data)) = next(&mut body).await {
            discarded += data.len();
            if discarded > MAX_DISCARDED {
                break;
            }
        }
    }));
}
