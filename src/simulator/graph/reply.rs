//! Completes a response like Meta: headers, escaped JSON, and faults that change its bytes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use futures_core::Stream;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::answer::Answered;
use super::call::{Call, version_number};
use super::content::Answer;
use super::quota;
use crate::simulator::fault::Fault;
use crate::simulator::json::graph_text;

const JSON: &str = "application/json; charset=UTF-8";
const ERROR_PAGE: &str = "<!DOCTYPE html><html><head><title>Error</title></head><body>\
                          <h1>Sorry, something went wrong.</h1></body></html>";

/// A response that is ready to be sent.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    trickle: Option<(usize, Duration)>,
}

impl Reply {
    /// Adds Meta's headers to a response, with its `Date`, and applies the faults.
    pub(super) fn new(call: &Call, answered: Answered, faults: &[Fault], date: String) -> Self {
        let trace_id = format!(
            "A{:016x}",
            fastrand::Rng::with_seed(answered.number).u64(..)
        );
        let mut headers = version_headers(call, &answered.version);
        headers.push((DATE.as_str(), date));
        headers.push(("x-fb-request-id", trace_id.clone()));
        let app_usage = faults.iter().find_map(|fault| match fault {
            Fault::AppUsage { percent } => Some(*percent),
            _ => None,
        });
        let account_usage = answered.account_usage.filter(|_| app_usage.is_none());
        let is_tied = account_usage.is_some();
        headers.extend(account_usage.map(|usage| ("x-business-use-case-usage", usage)));
        let (status, body) = match answered.answer {
            Answer::Found(body) => (200, graph_text(&body)),
            Answer::Failed(error) => (error.status, graph_text(&error.body(&trace_id))),
            Answer::Subscribe(_) => {
                unreachable!("a subscription is concluded before it is answered")
            }
        };
        if app_usage.is_some() || (status == 400 && !is_tied) {
            let percent = app_usage.unwrap_or(quota::QUIET_APP_PERCENT);
            headers.push(("x-app-usage", quota::app_usage(percent)));
        }
        let mut reply = Self {
            status,
            headers,
            body,
            trickle: None,
        };
        if status == 200 {
            reply.tag(call);
        }
        faults.iter().for_each(|fault| reply.spoil(fault));
        reply
    }

    /// The HTTP response.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response =
            Response::builder().status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK));
        if !self
            .headers
            .iter()
            .any(|(name, _)| *name == CONTENT_TYPE.as_str())
        {
            response = response.header(CONTENT_TYPE, JSON);
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = match self.trickle {
            // Compression would join the pieces again.
            Some((bytes, pause)) => {
                response = response.header(CONTENT_ENCODING, "identity");
                Body::from_stream(Trickle::start(self.body.into(), bytes, pause))
            }
            None => Body::from(self.body),
        };
        response
            .body(body)
            .expect("header values are made of ASCII text")
    }

    /// Adds `Etag`; responds with 304 if the caller already has the same response.
    fn tag(&mut self, call: &Call) {
        let digest = hex::encode(Sha256::digest(self.body.as_bytes()));
        let etag = format!("\"{}\"", &digest[..40]);
        if call.header("if-none-match") == Some(&etag) {
            self.status = 304;
            self.body.clear();
        }
        self.headers.push((ETAG.as_str(), etag));
    }

    fn spoil(&mut self, fault: &Fault) {
        match fault {
            Fault::ServerErrorPage => {
                self.status = 500;
                self.body = ERROR_PAGE.into();
                self.headers
                    .push((CONTENT_TYPE.as_str(), "text/html; charset=utf-8".into()));
            }
            Fault::TruncatedJson => self.body.truncate(self.body.len() / 2),
            Fault::Trickle {
                bytes,
                milliseconds,
            } => {
                self.trickle = Some(((*bytes).max(1), Duration::from_millis(*milliseconds)));
            }
            Fault::RetryAfter { seconds } => self
                .headers
                .push((RETRY_AFTER.as_str(), seconds.to_string())),
            _ => {}
        }
    }
}

fn version_headers(call: &Call, answering: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("facebook-api-version", answering.to_owned())];
    if let Some(asked) = call
        .version
        .as_deref()
        .filter(|asked| version_number(asked) < version_number(answering))
    {
        let warning = format!(
            "The call has been auto-upgraded to {answering} as {asked} has been deprecated."
        );
        headers.push(("x-ad-api-version-warning", warning));
    }
    headers
}

/// A body that is sent in small pieces. The sending task ends when the reader disconnects.
struct Trickle {
    pieces: mpsc::Receiver<Bytes>,
}

impl Trickle {
    fn start(mut body: Bytes, bytes: usize, pause: Duration) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        tokio::spawn(async move {
            while !body.is_empty() {
                tokio::time::sleep(pause).await;
                let piece = body.split_to(bytes.min(body.len()));
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Self { pieces }
    }
}

impl Stream for Trickle {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
