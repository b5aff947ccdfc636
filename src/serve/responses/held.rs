//! The bytes of a response, held within the budget until each client has read them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::budget::ResponseBudgetState;
use crate::serve::limiter::ActiveRequest;

/// Bytes of one frame: fewer than the layers below buffer anyway.
const FRAME: usize = 16 * 1024;

/// The bytes of a response. They count against the budget until the last reader is done.
#[derive(Debug)]
pub(in crate::serve) struct HeldBytes {
    pub(super) bytes: Bytes,
    pub(super) number: u64,
    pub(super) budget: Arc<ResponseBudgetState>,
}

impl HeldBytes {
    /// A body with these bytes for the client of `request`.
    pub fn body(self: &Arc<Self>, request: Option<&ActiveRequest>) -> Body {
        let reader = BodyReader::new(Arc::clone(self), request);
        Body::new(HeldBody(Bytes::from_owner(reader)))
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        let mut held = self.budget.held();
        if let Some(response) = held.responses.remove(&self.number) {
            held.bytes -= response.bytes;
        }
        drop(held);
        self.budget.released.notify_waiters();
    }
}

/// Registers the connection of a client as a reader of held bytes, until this is dropped. It owns the bytes of
/// every frame: the layers below buffer frames, the last one after the body is dropped.
struct BodyReader {
    held: Arc<HeldBytes>,
    number: u64,
}

impl BodyReader {
    fn new(held: Arc<HeldBytes>, request: Option<&ActiveRequest>) -> Self {
        let mut all = held.budget.held();
        let number = all.next_number();
        let response = all.responses.get_mut(&held.number);
        if let Some((response, request)) = response.zip(request) {
            let connection = Arc::clone(request.connection());
            response.readers.insert(number, connection);
        }
        drop(all);
        Self { held, number }
    }
}

impl AsRef<[u8]> for BodyReader {
    fn as_ref(&self) -> &[u8] {
        &self.held.bytes
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let mut all = self.held.budget.held();
        if let Some(response) = all.responses.get_mut(&self.held.number) {
            response.readers.remove(&self.number);
        }
    }
}

/// Sends held bytes frame by frame; contains the bytes that are left.
struct HeldBody(Bytes);

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let left = &mut self.0;
        if left.is_empty() {
            return Poll::Ready(None);
        }
        let frame = left.split_to(FRAME.min(left.len()));
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
