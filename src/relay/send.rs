//! One delivery to one upstream.

use std::fmt;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};

use crate::store::Store;

const SIGNATURE: &str = "x-hub-signature-256";

/// Most of an answer that is read: enough for a short one, so that its connection can be used again.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Where deliveries are passed on to.
pub struct Upstream {
    /// Its name, a label value.
    pub name: String,
    /// Where it takes them; may hold a secret, so it is never shown.
    pub url: Url,
    /// Follows no redirect, and gives up in time.
    pub http: reqwest::Client,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Upstream({})", self.name)
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The upstream has taken it.
    Taken,
    /// The store has it no longer.
    Gone,
    /// The upstream has not taken it.
    Failed(Failure),
}

/// Why an upstream has not taken a delivery: the bounded label of its failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, or it broke off.
    Connection,
    /// No answer in time.
    Timeout,
    /// It answered 3xx, and nothing that holds customers' data follows a redirect.
    Redirect,
    /// It answered 4xx.
    ClientError,
    /// It answered 5xx.
    ServerError,
    /// It answered with a status that HTTP does not have for this.
    Other,
    /// The delivery could not be read from the store.
    Store,
}

impl Failure {
    /// Every reason, for counters that exist at 0.
    pub const ALL: [Self; 7] = [
        Self::Connection,
        Self::Timeout,
        Self::Redirect,
        Self::ClientError,
        Self::ServerError,
        Self::Other,
        Self::Store,
    ];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Other => "other",
            Self::Store => "store",
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            300..=399 => Self::Redirect,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }

    fn of_error(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Connection
        }
    }
}

/// Sends it as it came. Only an answer of 2xx means that it was taken.
pub(super) async fn send(upstream: &Upstream, store: &Store, parcel: i64) -> Outcome {
    let content = match store.content(parcel).await {
        Ok(Some(content)) => content,
        Ok(None) => return Outcome::Gone,
        Err(_) => return Outcome::Failed(Failure::Store),
    };
    let request = upstream
        .http
        .post(upstream.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(SIGNATURE, content.signature)
        .body(content.body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => {
            read_out(answer).await;
            Outcome::Taken
        }
        Ok(answer) => Outcome::Failed(Failure::of_status(answer.status())),
        Err(error) => Outcome::Failed(Failure::of_error(&error)),
    }
}

/// Whatever it says beyond its status, and however that ends, does not matter.
async fn read_out(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER_BYTES {
            break;
        }
    }
}
