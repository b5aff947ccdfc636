//! Reports the progress of a request to the limiter: the body is complete, the response is being read, the request
//! has ended.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Method, Request, header};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::client::ClientGuard;
use super::gate::PROBES;
use super::limiter::{ActiveRequest, Precedence};
use super::public;

/// Hexadecimal digits of a signature.
const DIGITS: usize = 64;

/// The precedence of a request, from its head alone.
pub(super) fn precedence<B>(request: &Request<B>) -> Precedence {
    match request.uri().path() {
        path if PROBES.contains(&path) => Precedence::Probe,
        "/metrics" => Precedence::Scrape,
        "/webhook" if is_plausible_delivery(request) => Precedence::Delivery,
        "/v1/events" if request.headers().contains_key(header::AUTHORIZATION) => {
            Precedence::Delivery
        }
        _ => Precedence::Ordinary,
    }
}

/// Whether it may be a delivery. Only the whole body shows whether the signature is valid.
fn is_plausible_delivery<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::POST && has_signature(headers) && has_allowed_length(headers)
}

fn has_signature(headers: &HeaderMap) -> bool {
    let signature = headers.get(public::SIGNATURE).map(|it| it.as_bytes());
    let digits = signature.and_then(|it| it.strip_prefix(b"sha256="));
    digits.is_some_and(|it| it.len() == DIGITS && it.iter().all(u8::is_ascii_hexdigit))
}

fn has_allowed_length(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
    length.is_some_and(|it: usize| it <= public::MAX_BODY)
}

/// The body of a request. The handler is working once the body is complete or is not read further.
pub(super) struct RequestBody<B> {
    body: B,
    request: ActiveRequest,
}

impl<B: HttpBody> RequestBody<B> {
    pub fn new(body: B, request: ActiveRequest) -> Self {
        if body.is_end_stream() {
            request.work();
        }
        Self { body, request }
    }
}

impl<B: HttpBody + Unpin> HttpBody for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.request.work();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response. The request ends when it is dropped.
pub(super) struct ResponseBody {
    body: Body,
    _request: ActiveRequest,
    _client: Option<ClientGuard>,
}

impl ResponseBody {
    pub fn new(body: Body, request: ActiveRequest, client: Option<ClientGuard>) -> Self {
        request.respond();
        Self {
            body,
            _request: request,
            _client: client,
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::limiter::ConnectionLimiter;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_discarded_does_not_protect_the_response() {
        let limiter = ConnectionLimiter::new(16);
        let guard = limiter.admit("no_room").await;
        let request = guard.connection().begin(Precedence::Delivery);
        let body = RequestBody::new(Body::from("{}"), request.clone());
        let response = ResponseBody::new(Body::from("bad"), request, None);
        super::super::body::discard(&HeaderMap::new(), Body::new(body));
        tokio::time::sleep(std::time::Duration::from_secs(9)).await;
        let behind = guard.connection().bytes_behind(1_000, Instant::now());
        assert!(behind > 0, "a client that reads nothing is protected");
        drop(response);
    }

    #[test]
    fn requests_that_cannot_be_deliveries_are_ordinary() {
        let right = format!("sha256={}", "0aB".repeat(21) + "f");
        let of = |method: &str, path: &str, signature: &str, length: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.header(public::SIGNATURE, signature);
            let request = request.header(header::CONTENT_LENGTH, length).body(());
            precedence(&request.expect("a request"))
        };
        assert_eq!(of("POST", "/webhook", &right, "10"), Precedence::Delivery);
        for (method, path, signature, length) in [
            ("GET", "/webhook", right.as_str(), "10"),
            ("POST", "/webhooks", &right, "10"),
            ("POST", "/webhook", "sha256=", "10"),
            ("POST", "/webhook", &right[1..], "10"),
            ("POST", "/webhook", &right.replace('f', "g"), "10"),
            ("POST", "/webhook", &right, "4194305"),
            ("POST", "/webhook", &right, "ten"),
            ("POST", "/v1/events", &right, "10"),
            ("GET", "/", &right, "10"),
        ] {
            let found = of(method, path, signature, length);
            assert_eq!(
                found,
                Precedence::Ordinary,
                "{method} {path} {signature} {length}"
            );
        }
        assert_eq!(of("GET", "/metrics", "", "0"), Precedence::Scrape);
        assert_eq!(of("GET", "/-/ready", "", "0"), Precedence::Probe);
    }
}
