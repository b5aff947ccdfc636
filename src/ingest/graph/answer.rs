//! An answer read to its end, and no further than allowed.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::{Endpoint, Failure, FailureKind};
use crate::domain::Word;
use crate::ingest::{Oddities, json};
use crate::telemetry::Telemetry;

/// Meta asks for seconds; a date, which HTTP also allows, it does not send.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Values in an answer. In memory each takes up to some 700 bytes, whatever it has as text: an object of one
/// short key needs 8 bytes of an answer and a node of a tree. A page of a hundred numbers with the health of each
/// has some ten thousand.
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
        // Decompressed bytes: a small answer that swells is stopped here.
        if body.len() + chunk.len() > max_bytes {
            return Err(Failure::of(FailureKind::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    if is_too_much(&body) {
        return Err(Failure::of(FailureKind::TooLarge));
    }
    let mut odd = Oddities::new();
    let json = json::read(&body, endpoint.as_str(), &mut odd);
    odd.iter().for_each(|oddity| oddity.record(telemetry));
    if !status.is_success() {
        return Err(Failure::from_answer(status.as_u16(), &body, retry_after));
    }
    let json = json.ok_or_else(|| Failure::of(FailureKind::Malformed))?;
    match json {
        // Batch-like answers carry an error with status 200.
        Value::Object(ref map) if map.contains_key("error") => {
            Err(Failure::from_answer(status.as_u16(), &body, retry_after))
        }
        Value::Object(_) => Ok(json),
        _ => Err(Failure::of(FailureKind::Malformed)),
    }
}

/// Whether these bytes may have more values than are read. Marks within texts count too, so that no look at the
/// texts is needed.
fn is_too_much(body: &[u8]) -> bool {
    let marks = body
        .iter()
        .filter(|byte| matches!(byte, b'{' | b'[' | b','));
    marks.take(MAX_VALUES + 1).count() > MAX_VALUES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_values_there_are_have_a_ceiling_in_any_shape() {
        for value in ["1,", "{},", "[],", r#"{"a":1},"#, "[[[["] {
            let few = value.repeat(MAX_VALUES / value.len() / 2);
            assert!(!is_too_much(few.as_bytes()), "{value}");
            let many = value.repeat(MAX_VALUES + 1);
            assert!(is_too_much(many.as_bytes()), "{value}");
        }
        assert!(!is_too_much("x".repeat(MAX_VALUES * 2).as_bytes()));
    }
}
