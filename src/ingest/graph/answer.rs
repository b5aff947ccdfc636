//! Reads a response completely, within its limits.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::{Endpoint, Failure, FailureKind};
use crate::domain::Word;
use crate::ingest::{ParseWarnings, json};
use crate::telemetry::Telemetry;

/// Maximum `Retry-After`. Meta sends seconds; it does not use dates, which HTTP also allows.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of values in a response. In memory, each takes up to some 700 bytes, however short its text: an
/// object with one short key needs 8 bytes of a response and a node of a tree. A page of a hundred numbers with the
/// health of each has some ten thousand.
const MAX_VALUES: usize = 100_000;

/// The JSON of the response, or the failure. Replaced values are counted.
pub(super) async fn read(
    mut response: Response,
    max_bytes: usize,
    endpoint: Endpoint,
    telemetry: &Telemetry,
) -> Result<Value, Failure> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Failure::from_network(&error))?
    {
        // Counts decompressed bytes, so that a small response cannot expand beyond the limit.
        if body.len() + chunk.len() > max_bytes {
            return Err(Failure::new(FailureKind::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    if json::has_more_values_than(MAX_VALUES, &body) {
        return Err(Failure::new(FailureKind::TooLarge));
    }
    let mut warnings = ParseWarnings::new();
    let json = json::read(&body, endpoint.as_str(), &mut warnings);
    warnings
        .iter()
        .for_each(|parse_warning| parse_warning.record(telemetry));
    if !status.is_success() {
        return Err(Failure::from_answer(status.as_u16(), &body, retry_after));
    }
    let json = json.ok_or_else(|| Failure::new(FailureKind::Malformed))?;
    match json {
        // Batch responses contain an error with status 200.
        Value::Object(ref map) if map.contains_key("error") => {
            Err(Failure::from_answer(status.as_u16(), &body, retry_after))
        }
        Value::Object(_) => Ok(json),
        _ => Err(Failure::new(FailureKind::Malformed)),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}
