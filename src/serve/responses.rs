//! Limits the memory of responses that clients read slowly, and compresses responses on request.
//!
//! A client that does not read holds its response for as long as its connection lasts. All responses of the process
//! share one budget. If a new one does not fit, the connections of readers that are behind a minimum rate are closed,
//! those of the oldest response first. If none is behind, the new response waits for a while, then the connection of
//! the oldest response is closed. Responses are sent in small frames, so that no lower layer keeps a copy.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::limiter::{ActiveRequest, Connection};

/// Budget of all responses together, in bytes. A page of 50,000 templates has some 50 MB, but Prometheus requests it
/// compressed, at a twentieth of the size.
const BUDGET: usize = 64 * 1024 * 1024;

/// Bytes of each response that do not count against the budget: with every connection in use, some megabytes.
const SMALL: usize = 4 * 1024;

/// Rate below which a reader is closed while others need the memory, in bytes per second. A scraper reads megabytes
/// per second.
const MIN_RATE: u64 = 64 * 1024;

/// Maximum time that a new response waits for readers that are not behind. Prometheus waits 10 s for the whole
/// scrape.
const MOST_WAIT: Duration = Duration::from_secs(2);

/// Interval at which a waiting response searches again for readers that are behind.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Bytes of one frame: fewer than the layers below buffer anyway.
const FRAME: usize = 16 * 1024;

/// Reason label of slow readers that are closed.
pub(super) const SLOW_READER: &str = "slow_reader";

/// The memory that responses share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ResponseBudget(Arc<ResponseBudgetState>);

#[derive(Debug)]
struct ResponseBudgetState {
    limit: usize,
    held: Mutex<Held>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    next: u64,
    /// By age, oldest first.
    responses: BTreeMap<u64, Reserved>,
}

#[derive(Debug)]
struct Reserved {
    bytes: usize,
    /// Connections of the clients that have not read the whole response, one entry for each body.
    readers: BTreeMap<u64, Arc<Connection>>,
}

/// The bytes of a response. They count against the budget until the last reader is done.
#[derive(Debug)]
pub(super) struct HeldBytes {
    bytes: Bytes,
    number: u64,
    budget: Arc<ResponseBudgetState>,
}

impl Default for ResponseBudget {
    fn default() -> Self {
        Self::with_bytes(BUDGET)
    }
}

impl ResponseBudget {
    fn with_bytes(limit: usize) -> Self {
        Self(Arc::new(ResponseBudgetState {
            limit,
            held: Mutex::default(),
            released: Notify::new(),
        }))
    }

    /// Takes memory for these bytes, closing slow readers if necessary. A response over the whole budget is admitted
    /// once no other holds memory.
    pub(super) async fn hold(&self, bytes: Bytes) -> Arc<HeldBytes> {
        let budget = &self.0;
        let end = Instant::now() + MOST_WAIT;
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

impl ResponseBudgetState {
    fn reserve(&self, bytes: usize) -> Option<u64> {
        let mut held = self.held();
        if held.bytes + bytes > self.limit && !held.responses.is_empty() {
            return None;
        }
        let number = held.next_number();
        held.bytes += bytes;
        let readers = BTreeMap::new();
        held.responses.insert(number, Reserved { bytes, readers });
        Some(number)
    }

    /// Closes readers that are behind until `bytes` would fit. With `even_fast`, closes all readers of the oldest
    /// responses.
    fn close_readers(&self, bytes: usize, even_fast: bool) {
        let now = Instant::now();
        let held = self.held();
        let mut to_free = (held.bytes + bytes).saturating_sub(self.limit);
        for response in held.responses.values() {
            if to_free == 0 {
                return;
            }
            let mut are_all_closed = true;
            for reader in response.readers.values() {
                let is_behind = reader.bytes_behind(MIN_RATE, now) >= MIN_RATE;
                if is_behind || even_fast {
                    reader.close(SLOW_READER);
                }
                are_all_closed &= reader.closed().is_cancelled();
            }
            if are_all_closed && !response.readers.is_empty() {
                to_free = to_free.saturating_sub(response.bytes);
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn next_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
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

/// Whether the client accepts gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let codings = lines.flat_map(|line| line.to_str().unwrap_or("").split(','));
    let mut codings = codings.map(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        (
            name,
            weight.is_none_or(|it| it.parse().is_ok_and(|it: f32| it > 0.0)),
        )
    });
    codings.any(|(name, is_wanted)| {
        is_wanted
            && ["gzip", "x-gzip"]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it))
    })
}

/// Compresses at the fastest level: the text is repetitive, and a scraper waits for it.
pub(super) fn gzip(bytes: &[u8]) -> Bytes {
    let room = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    tight(written.expect("a vector takes every byte"))
}

/// The bytes without the spare capacity of the vector.
pub(super) fn tight(bytes: Vec<u8>) -> Bytes {
    Bytes::from(bytes.into_boxed_slice())
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

/// The value of `Content-Encoding`.
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The value of `Vary` for responses that may be compressed.
pub(super) const fn vary() -> HeaderValue {
    HeaderValue::from_static("accept-encoding")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto::Builder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::limiter::{ConnectionGuard, ConnectionLimiter, Precedence};
    use super::super::tracked::ResponseBody;
    use super::*;

    /// Serves these bytes to the client at the other end of the stream, as often as it requests them.
    fn serve(guard: &ConnectionGuard, held: Arc<HeldBytes>) -> DuplexStream {
        let (client, server) = duplex(1024);
        let connection = Arc::clone(guard.connection());
        tokio::spawn(async move {
            let service = service_fn(move |_: Request<hyper::body::Incoming>| {
                let request = connection.begin(Precedence::Scrape);
                request.work();
                let body = held.body(Some(&request));
                let body = ResponseBody::new(body, request, None);
                async move { Ok::<_, std::convert::Infallible>(Response::new(body)) }
            });
            let builder = Builder::new(TokioExecutor::new()).http1_only();
            let served = builder.serve_connection(TokioIo::new(server), service);
            served.await.expect("the client closes the connection");
        });
        client
    }

    /// Requests a response of `bytes`, and reads it.
    async fn scrape(client: &mut DuplexStream, bytes: usize) {
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        client.write_all(request).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.expect("a head"));
        }
        let mut body = vec![0; bytes];
        client.read_exact(&mut body).await.expect("a body");
    }

    async fn reader(limiter: &ConnectionLimiter) -> (ConnectionGuard, ActiveRequest) {
        let guard = limiter.admit("no_room").await;
        let request = guard.connection().begin(Precedence::Ordinary);
        (guard, request)
    }

    fn is_closed(guard: &ConnectionGuard) -> bool {
        guard.connection().reason() == Some(SLOW_READER)
    }

    #[tokio::test(start_paused = true)]
    async fn the_readers_of_the_oldest_response_are_closed_when_they_are_behind() {
        let (limiter, budget) = (
            ConnectionLimiter::new(16),
            ResponseBudget::with_bytes(100_000),
        );
        let page = || Bytes::from(vec![b'x'; 40_000]);
        let (stalled, request) = reader(&limiter).await;
        let body = budget.hold(page()).await.body(Some(&request));
        tokio::time::advance(Duration::from_secs(3)).await;
        let (fresh, fresh_request) = reader(&limiter).await;
        let fresh_body = budget.hold(page()).await.body(Some(&fresh_request));
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.hold(page()).await }
        });
        stalled.connection().closed().cancelled().await;
        assert!(is_closed(&stalled) && !is_closed(&fresh));
        assert!(!waiting.is_finished(), "the memory is not free yet");
        drop((body, request, stalled));
        let held = waiting.await.expect("no panic");
        assert_eq!(budget.0.held().bytes, 80_000);
        drop((held, fresh_body));
        assert_eq!(budget.0.held().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn fast_readers_are_closed_oldest_first_after_a_wait() {
        let (limiter, budget) = (
            ConnectionLimiter::new(16),
            ResponseBudget::with_bytes(100_000),
        );
        let page = || Bytes::from(vec![b'x'; 60_000]);
        let (fast, request) = reader(&limiter).await;
        let _body = budget.hold(page()).await.body(Some(&request));
        let began = Instant::now();
        let connection = Arc::clone(fast.connection());
        tokio::spawn(async move {
            loop {
                connection.count(1 << 20);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.hold(page()).await }
        });
        fast.connection().closed().cancelled().await;
        assert!(began.elapsed() >= MOST_WAIT);
        drop((_body, request, fast));
        drop(waiting.await.expect("no panic"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_read_its_response_keeps_its_connection() {
        let (limiter, budget) = (
            ConnectionLimiter::new(16),
            ResponseBudget::with_bytes(100_000),
        );
        let page = || Bytes::from(vec![b'x'; 60_000]);
        let held = budget.hold(page()).await;
        let (stalled, request) = reader(&limiter).await;
        let _body = held.body(Some(&request));
        let scraper = limiter.admit("no_room").await;
        let mut client = serve(&scraper, held);
        scrape(&mut client, 60_000).await;
        tokio::time::advance(Duration::from_secs(3)).await;
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.hold(page()).await }
        });
        stalled.connection().closed().cancelled().await;
        // Long enough that readers that are not behind are closed too.
        tokio::time::sleep(MOST_WAIT * 2).await;
        assert!(!is_closed(&scraper) && !waiting.is_finished());
        scrape(&mut client, 60_000).await;
    }

    #[tokio::test]
    async fn a_buffered_frame_counts_against_the_budget() {
        let limiter = ConnectionLimiter::new(16);
        let budget = ResponseBudget::with_bytes(100_000);
        let (_guard, request) = reader(&limiter).await;
        let held = budget.hold(Bytes::from(vec![b'x'; 60_000])).await;
        let mut body = held.body(Some(&request));
        drop(held);
        let mut last = None;
        while let Some(frame) = body.frame().await {
            last = frame.expect("no error").into_data().ok();
        }
        drop(body);
        let readers = || {
            let held = budget.0.held();
            let readers = held.responses.values().map(|it| it.readers.len());
            (held.bytes, readers.collect::<Vec<_>>())
        };
        assert_eq!(readers(), (60_000, vec![1]));
        drop(last);
        assert_eq!(readers(), (0, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_for_a_handler_is_not_behind() {
        let limiter = ConnectionLimiter::new(16);
        let (guard, request) = reader(&limiter).await;
        request.work();
        tokio::time::advance(Duration::from_secs(3)).await;
        let behind = || guard.connection().bytes_behind(MIN_RATE, Instant::now());
        assert_eq!(behind(), 0);
        request.wait();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(behind() > MIN_RATE);
    }

    #[tokio::test]
    async fn one_response_may_be_larger_than_the_budget() {
        let budget = ResponseBudget::with_bytes(10);
        let held = budget.hold(Bytes::from(vec![b'x'; 50_000])).await;
        let sent = to_bytes(held.body(None), usize::MAX).await.expect("bytes");
        assert_eq!(sent.len(), 50_000);
    }

    #[test]
    fn gzip_is_sent_on_request() {
        let of = |value: &str| {
            let value = value.parse().expect("a header's value");
            accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]))
        };
        for good in [
            "gzip",
            "deflate, GZIP;q=0.5",
            "br;q=1.0, gzip; q=0.8, *;q=0.1",
            "x-gzip",
        ] {
            assert!(of(good), "{good}");
        }
        for bad in ["", "identity", "br", "gzip;q=0", "gzip;q=0.0", "gzip;q=x"] {
            assert!(!of(bad), "{bad}");
        }
    }
}
