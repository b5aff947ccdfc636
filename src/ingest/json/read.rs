//! Reads JSON from Meta. If strict parsing fails, parses it again with unreadable values replaced. The common
//! case costs no more than serde_json itself.

use serde_json::Value;

use super::repaired;
use crate::ingest::{ParseWarning, ParseWarnings};

/// The value, or `None` if the bytes are not JSON. Replaced values are reported under `noun`.
pub fn read(json: &[u8], noun: &'static str, warnings: &mut ParseWarnings) -> Option<Value> {
    let strict = serde_json::from_slice(json);
    strict.ok().or_else(|| read_repaired(json, noun, warnings))
}

/// Like [`read`], for text that is valid UTF-8.
pub fn read_text(json: &str, noun: &'static str, warnings: &mut ParseWarnings) -> Option<Value> {
    let strict = serde_json::from_str(json);
    strict
        .ok()
        .or_else(|| read_repaired(json.as_bytes(), noun, warnings))
}

fn read_repaired(json: &[u8], noun: &'static str, warnings: &mut ParseWarnings) -> Option<Value> {
    let (text, repairs) = repaired(json);
    let value = serde_json::from_str(&text).ok()?;
    warnings.extend(ParseWarning::from_repairs(noun, &repairs));
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::json::Defect;

    #[test]
    fn replacements_are_reported_but_invalid_json_is_not() {
        let mut warnings = ParseWarnings::new();
        let value = read(
            br#"{"a": "\ud83d", "b": [1e999, 1e999]}"#,
            "answer",
            &mut warnings,
        );
        assert_eq!(value, Some(json!({"a": "\u{fffd}", "b": [null, null]})));
        let unreadable = |defect, count| ParseWarning::Unreadable {
            noun: "answer",
            defect,
            count,
        };
        assert_eq!(
            warnings,
            [
                unreadable(Defect::HalfSurrogate, 1),
                unreadable(Defect::NumberOutOfRange, 2)
            ]
        );
        warnings.clear();
        assert_eq!(read(b"{}", "answer", &mut warnings), Some(json!({})));
        assert_eq!(read(br#"{"a": "\ud83d""#, "answer", &mut warnings), None);
        assert!(warnings.is_empty());
    }
}
