//! The requested API version, its end, and the version of responses: Meta does not honour the request.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderMap;

use super::{Lifetime, lifetime};
use crate::telemetry::Telemetry;

const HEADER: &str = "facebook-api-version";

/// Maximum number of versions remembered for the log. Meta releases two or three a year, so more are implausible.
const MAX_REMEMBERED: usize = 16;

/// The requested version of a client, and the version of responses.
pub(super) struct Versions {
    requested: String,
    answered: Mutex<AnsweredVersion>,
}

#[derive(Default)]
struct AnsweredVersion {
    last: Option<String>,
    logged: BTreeSet<String>,
}

impl Versions {
    /// Removes the series of versions of earlier clients: a new client follows a reload. Clients in use set theirs
    /// again with their next response.
    pub fn new(requested: String, telemetry: &Telemetry) -> Self {
        telemetry.graph_api_version.reset();
        let end = &telemetry.graph_version_end;
        end.reset();
        if let Lifetime::Until(at) = lifetime(&requested) {
            end.with_label_values(&[&requested])
                .set(at.as_seconds_f64());
        }
        let answered = Mutex::default();
        Self {
            requested,
            answered,
        }
    }

    /// The requested version.
    pub fn requested(&self) -> &str {
        &self.requested
    }

    /// Updates the metric of both versions, and logs a difference the first time.
    pub fn note(&self, headers: &HeaderMap, telemetry: &Telemetry) {
        let Some(version) = answered(headers) else {
            return;
        };
        let requested = self.requested.as_str();
        let gauge = &telemetry.graph_api_version;
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = answered.last.as_deref().filter(|last| *last != version) {
            drop(gauge.remove_label_values(&[requested, last]));
        }
        gauge.with_label_values(&[requested, version]).set(1);
        if answered.last.as_deref() == Some(version) {
            return;
        }
        answered.last = Some(version.to_owned());
        if version != requested
            && answered.logged.len() < MAX_REMEMBERED
            && answered.logged.insert(version.to_owned())
        {
            // Meta ignores the requested version for WhatsApp calls, so no operator action is needed.
            tracing::info!(
                asked = requested,
                answered = version,
                "meta responded with another api version"
            );
        }
    }
}

/// The version of a response.
pub(super) fn answered(headers: &HeaderMap) -> Option<&str> {
    let version = headers.get(HEADER)?.to_str().ok()?;
    is_a_version(version).then_some(version)
}

/// Whether this looks like a version such as `v25.0`, because it becomes a label value.
fn is_a_version(version: &str) -> bool {
    version.len() <= 8
        && version.strip_prefix('v').is_some_and(|rest| {
            rest.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
}
