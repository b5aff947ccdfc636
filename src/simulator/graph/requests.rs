//! Records the calls to the Graph API, for assertions. Never contains a token.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::call::{Call, TokenSource};
use super::endpoint::Endpoint;

/// Maximum number of remembered requests: enough for hours of a demo and for any test.
const MAX_REMEMBERED: usize = 10_000;

/// One request that got a response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnsweredRequest {
    /// Sequence number, starting at 1.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Requested version.
    pub version: Option<String>,
    /// Path after the version.
    pub path: String,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Parameters without the token, and without the value of `appsecret_proof`.
    pub parameters: Vec<(String, String)>,
    /// How the token was sent.
    pub token_source: TokenSource,
    /// Whether the request had an `appsecret_proof`.
    pub has_proof: bool,
    /// Those of `accept`, `accept-encoding`, `if-none-match` and `user-agent` that were sent.
    pub headers: Vec<(String, String)>,
}

impl AnsweredRequest {
    /// The first value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The last requests, and the number of requests of each kind.
#[derive(Debug, Default)]
pub struct Requests {
    last: VecDeque<AnsweredRequest>,
    counts: BTreeMap<Endpoint, u64>,
    total: u64,
}

impl Requests {
    pub(super) fn remember(&mut self, call: &Call, endpoint: Endpoint) {
        self.total += 1;
        *self.counts.entry(endpoint).or_default() += 1;
        if self.last.len() == MAX_REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(request(call, endpoint, self.total));
    }

    /// The remembered requests, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<AnsweredRequest> {
        self.last.iter().cloned().collect()
    }

    /// Number of calls to an endpoint since the start.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.counts.get(&endpoint).copied().unwrap_or(0)
    }
}

fn request(call: &Call, endpoint: Endpoint, number: u64) -> AnsweredRequest {
    let is_secret = |name: &str| matches!(name, "appsecret_proof" | "input_token" | "verify_token");
    let parameters = call
        .parameters
        .iter()
        .filter(|(name, _)| !is_secret(name))
        .cloned()
        .collect();
    AnsweredRequest {
        number,
        method: call.method.to_string(),
        version: call.version.clone(),
        path: call.path(),
        endpoint,
        parameters,
        token_source: call.token_source,
        has_proof: call.parameter("appsecret_proof").is_some(),
        headers: call.headers.clone(),
    }
}
