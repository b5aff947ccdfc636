//! Sends one delivery to one upstream.

use std::fmt;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use super::circuit::Evidence;
use crate::deliver::{SIGNATURE, SendError, SendFailure, post};
use crate::store::Content;

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

/// What a failure means for the relay.
impl SendFailure {
    /// What the failure shows about the upstream as a whole; `None` if nothing.
    pub(super) fn evidence(self) -> Option<Evidence> {
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
    pub(super) fn is_refusal(self, is_down: bool, others_succeed: bool) -> bool {
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
    pub(super) fn can_park(self) -> bool {
        self.is_refusal(false, true)
    }

    /// Number of refusals that park a delivery, given the upstream's `park_after`.
    pub(super) fn parks_after(self, park_after: u32) -> u32 {
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
}

/// Sends a delivery as it was received. Only a 2xx response means that it was accepted.
pub(super) async fn send(upstream: &Upstream, content: Content) -> Result<(), SendError> {
    let request = upstream
        .http
        .post(upstream.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(SIGNATURE, content.signature)
        .body(content.body);
    post(request).await.map(drop)
}
