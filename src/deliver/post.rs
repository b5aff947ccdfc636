//! Posts one request, and classifies its failure.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, Response, StatusCode};

use super::retry_after::retry_after;

/// Maximum number of bytes read of a response: enough for a short one, so that its connection can be reused.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Why a request was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError {
    /// The kind of failure.
    pub failure: SendFailure,
    /// Status of the response. `None` if there was none.
    pub status: Option<u16>,
    /// `Retry-After` of a 429 or 503 response.
    pub retry_after: Option<Duration>,
}

/// Why a receiver has not accepted a request. A bounded label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFailure {
    /// The connection failed or was closed early.
    Connection,
    /// No response within the timeout, or status 408.
    Timeout,
    /// A 3xx response. Redirects are not followed, because bodies may contain customers' data.
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
    #[must_use]
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

/// Sends the request. Only a 2xx response means that it was accepted; its status is returned.
///
/// # Errors
/// Why the receiver did not accept it. The error contains neither URL nor body.
pub async fn post(request: RequestBuilder) -> Result<u16, SendError> {
    post_and_read(request).await.map(|(status, _)| status)
}

/// As [`post`], with the beginning of the response's body.
///
/// # Errors
/// As [`post`].
pub async fn post_and_read(request: RequestBuilder) -> Result<(u16, Bytes), SendError> {
    match request.send().await {
        Ok(answer) if answer.status().is_success() => {
            let status = answer.status().as_u16();
            Ok((status, read_out(answer).await))
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

/// Reads the body, so that the connection can be reused. A long one is cut off.
async fn read_out(mut answer: Response) -> Bytes {
    let mut read = BytesMut::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        let room = MAX_ANSWER_BYTES - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    read.freeze()
}
