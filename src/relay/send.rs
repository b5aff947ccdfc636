//! Sends one delivery to one upstream.

use std::fmt;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};

use super::circuit::Evidence;
use super::retry_after::retry_after;
use crate::store::Content;

const SIGNATURE: &str = "x-hub-signature-256";

/// Maximum number of bytes read of a response: enough for a short one, so that its connection can be reused.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Number of 4xx responses that park a delivery: they state that repeating the request does not help.
const REFUSALS_BY_STATUS_4XX: u32 = 3;

/// The upstream to which deliveries are sent.
pub struct Upstream {
    /// Its name, a label value.
    pub name: String,
    /// Its URL, which may contain a secret and is never shown.
    pub url: Url,
    /// HTTP client that follows no redirects and has a timeout.
    pub http: reqwest::Client,
    /// Maximum number of deliveries in flight.
    pub max_in_flight: usize,
    /// Number of refusals that park a delivery. The default of eight takes two minutes including the waits, in which
    /// a bug that a restart cures may disappear.
    pub park_after: u32,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Upstream({})", self.name)
    }
}

/// Why a delivery was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendError {
    pub failure: SendFailure,
    /// Status of the response. `None` if there was none.
    pub status: Option<u16>,
    /// `Retry-After` of a 429 or 503 response.
    pub retry_after: Option<Duration>,
}

/// Why an upstream has not accepted a delivery. A bounded label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendFailure {
    /// The connection failed or was closed early.
    Connection,
    /// No response within the timeout, or status 408.
    Timeout,
    /// A 3xx response. Redirects are not followed, because bodies contain customers' data.
    Redirect,
    /// A 429 response.
    RateLimited,
    /// A 4xx response other than 408 and 429.
    ClientError,
    /// A 502, 503 or 504 response, which proxies send if an application is down.
    UpstreamUnavailable,
    /// Another 5xx response.
    ServerError,
    /// A response with another status.
    Other,
    /// The delivery could not be read from the store.
    Store,
}

impl SendFailure {
    /// Every reason, for counters that start at 0.
    pub const ALL: [Self; 9] = [
        Self::Connection,
        Self::Timeout,
        Self::Redirect,
        Self::RateLimited,
        Self::ClientError,
        Self::UpstreamUnavailable,
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
            Self::RateLimited => "rate_limited",
            Self::ClientError => "client_error",
            Self::UpstreamUnavailable => "unavailable",
            Self::ServerError => "server_error",
            Self::Other => "other",
            Self::Store => "store",
        }
    }

    /// What the failure shows about the upstream as a whole; `None` if nothing.
    pub fn evidence(self) -> Option<Evidence> {
        match self {
            Self::Connection | Self::Timeout | Self::RateLimited | Self::UpstreamUnavailable => {
                Some(Evidence::Unreachable)
            }
            Self::Redirect | Self::ServerError | Self::Other => Some(Evidence::Error),
            Self::ClientError => Some(Evidence::Refused),
            Self::Store => None,
        }
    }

    /// Whether the delivery itself caused the failure, rather than the upstream. A 4xx response always judges the
    /// delivery. Another response of the application does too, unless the upstream is down and responds like this to
    /// everything. No response, or one of a proxy, counts only if other deliveries succeed.
    pub fn is_refusal(self, is_down: bool, others_succeed: bool) -> bool {
        match self {
            Self::RateLimited | Self::Store => false,
            Self::Connection | Self::Timeout | Self::UpstreamUnavailable => {
                !is_down && others_succeed
            }
            Self::Redirect | Self::ServerError | Self::Other => !is_down,
            Self::ClientError => true,
        }
    }

    /// Whether the delivery itself can cause this kind of failure.
    pub fn can_park(self) -> bool {
        self.is_refusal(false, true)
    }

    /// Number of refusals that park a delivery, given the upstream's `park_after`.
    pub fn parks_after(self, park_after: u32) -> u32 {
        match self {
            Self::ClientError => park_after.min(REFUSALS_BY_STATUS_4XX),
            Self::Connection
            | Self::Timeout
            | Self::Redirect
            | Self::RateLimited
            | Self::UpstreamUnavailable
            | Self::ServerError
            | Self::Other
            | Self::Store => park_after,
        }
    }

    fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            300..=399 => Self::Redirect,
            408 => Self::Timeout,
            429 => Self::RateLimited,
            400..=499 => Self::ClientError,
            502..=504 => Self::UpstreamUnavailable,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }

    fn from_error(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Connection
        }
    }
}

/// Sends a delivery as it was received. Only a 2xx response means that it was accepted.
pub(super) async fn send(upstream: &Upstream, content: Content) -> Result<(), SendError> {
    let request = upstream
        .http
        .post(upstream.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(SIGNATURE, content.signature)
        .body(content.body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => {
            read_out(answer).await;
            Ok(())
        }
        Ok(answer) => {
            let status = answer.status();
            let failure = SendFailure::from_status(status);
            let may_ask = matches!(status.as_u16(), 429 | 503);
            let retry_after = may_ask.then(|| retry_after(answer.headers())).flatten();
            // The body is read too, so that the connection can be reused.
            read_out(answer).await;
            Err(SendError {
                failure,
                status: Some(status.as_u16()),
                retry_after,
            })
        }
        Err(error) => Err(SendFailure::from_error(&error).into()),
    }
}

impl From<SendFailure> for SendError {
    fn from(failure: SendFailure) -> Self {
        Self {
            failure,
            status: None,
            retry_after: None,
        }
    }
}

/// The body of the response is ignored.
async fn read_out(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER_BYTES {
            break;
        }
    }
}
