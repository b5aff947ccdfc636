//! Records the calls to the Graph API, for assertions. Never contains a token.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::call::{Call, TokenSource};
use super::endpoint::Endpoint;

/// Older requests are forgotten beyond this many: hours of a demo, any test.
const MAX_REMEMBERED: usize = 10_000;

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// Counts from 1.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Version asked for.
    pub version: Option<String>,
    /// Path after the version.
    pub path: String,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Parameters without the token and without `appsecret_proof`'s value.
    pub parameters: Vec<(String, String)>,
    /// How the token came.
    pub token_source: TokenSource,
    /// Whether `appsecret_proof` came.
    pub has_proof: bool,
    /// `accept`, `accept-encoding`, `if-none-match` and `user-agent`, as far as sent.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// The first value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The last requests, and how many there were of each kind.
#[derive(Debug, Default)]
pub struct Requests {
    last: VecDeque<Request>,
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
    pub fn all(&self) -> Vec<Request> {
        self.last.iter().cloned().collect()
    }

    /// How often an endpoint was called, since the start.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.counts.get(&endpoint).copied().unwrap_or(0)
    }
}

fn request(call: &Call, endpoint: Endpoint, number: u64) -> Request {
    let is_secret = |name: &str| matches!(name, "appsecret_proof" | "input_token" | "verify_token");
    let parameters = call
        .parameters
        .iter()
        .filter(|(name, _)| !is_secret(name))
        .cloned()
        .collect();
    Request {
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
