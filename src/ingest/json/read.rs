//! Reads JSON from Meta. If strict parsing fails, parses it again with unreadable values replaced. The common
//! case costs no more than serde_json itself.

use serde_json::Value;

use super::repaired;
use crate::ingest::{ParseWarning, ParseWarnings};

/// The value, or `None` if the bytes are not JSON. Replaced values are reported under `noun`.
pub fn read(json: &[u8], noun: &'static str, odd: &mut ParseWarnings) -> Option<Value> {
    let strict = serde_json::from_slice(json);
    strict.ok().or_else(|| read_repaired(json, noun, odd))
}

/// As [`read`], for text that is already valid UTF-8.
pub fn read_text(json: &str, noun: &'static str, odd: &mut ParseWarnings) -> Option<Value> {
    let strict = serde_json::from_str(json);
    strict
        .ok()
        .or_else(|| read_repaired(json.as_bytes(), noun, odd))
}

fn read_repaired(json: &[u8], noun: &'static str, odd: &mut ParseWarnings) -> Option<Value> {
    let (text, repairs) = repaired(json);
    let value = serde_json::from_str(&text).ok()?;
    odd.extend(ParseWarning::from_repairs(noun, &repairs));
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::json::Defect;

    #[test]
    fn replacements_are_reported_but_invalid_json_is_not() {
        let mut odd = ParseWarnings::new();
        let value = read(
            br#"{"a": "\ud83d", "b": [1e999, 1e999]}"#,
            "answer",
            &mut odd,
        );
        assert_eq!(value, Some(json!({"a": "\u{fffd}", "b": [null, null]})));
        let unreadable = |defect, count| ParseWarning::Unreadable {
            noun: "answer",
            defect,
            count,
        };
        assert_eq!(
            odd,
            [
                unreadable(Defect::HalfSurrogate, 1),
                unreadable(Defect::NumberOutOfRange, 2)
            ]
        );
        odd.clear();
        assert_eq!(read(b"{}", "answer", &mut odd), Some(json!({})));
        assert_eq!(read(br#"{"a": "\ud83d""#, "answer", &mut odd), None);
        assert!(odd.is_empty());
    }
}
