//! Replacements of each defect, and invariants for arbitrary texts.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{Defect, MAX_DEPTH, repaired};

fn read(text: &[u8]) -> Option<Value> {
    serde_json::from_str(&repaired(text).0).ok()
}

fn defects(text: &[u8]) -> Vec<(Defect, u64)> {
    repaired(text).1.iter().collect()
}

fn nested(depth: usize, inner: &str) -> String {
    format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn half_surrogates_become_the_replacement_character() {
    for (text, expected, count) in [
        (r#""cut \ud83d""#, "cut \u{fffd}", 1),
        (r#""\uDE00 cut""#, "\u{fffd} cut", 1),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}", 2),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}", 1),
        (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}", 2),
        (r#""\ud83d\u0041""#, "\u{fffd}A", 1),
        (r#""\ud83d\n""#, "\u{fffd}\n", 1),
        (r#""\\ud83d""#, "\\ud83d", 0),
    ] {
        assert_eq!(read(text.as_bytes()), Some(json!(expected)), "{text}");
        let counted: u64 = defects(text.as_bytes())
            .iter()
            .map(|(_, count)| count)
            .sum();
        assert_eq!(counted, count, "{text}");
    }
    let key = read(br#"{"a\ud83d": {"b": 1}, "c": 2}"#);
    assert_eq!(key, Some(json!({"a\u{fffd}": {"b": 1}, "c": 2})));
}

#[test]
fn numbers_beyond_any_float_become_null() {
    let digits = "9".repeat(400);
    let exponent = format!("1e{digits}");
    for number in [
        "1e999",
        "-1E+999",
        "9e308",
        &digits,
        &format!("-{digits}.5"),
        &exponent,
    ] {
        let text = format!(r#"{{"a":[{number},1],"b":{number}}}"#);
        let expected = json!({"a": [null, 1], "b": null});
        assert_eq!(read(text.as_bytes()), Some(expected), "{number}");
        assert_eq!(defects(text.as_bytes()), [(Defect::NumberOutOfRange, 2)]);
    }
    for number in [
        "1e308",
        "-1e-999",
        "0e999",
        "18446744073709551616",
        "1.5E+3",
    ] {
        assert!(defects(number.as_bytes()).is_empty(), "{number}");
    }
}

#[test]
fn only_values_nested_too_deeply_are_lost() {
    let deep = nested(100_000, r#""\ud83d", 1e999, {"a": "]"}"#);
    let text = format!(r#"{{"before":1,"deep":{deep},"after":[2]}}"#);
    let value = read(text.as_bytes()).expect("JSON");
    assert_eq!(
        (&value["before"], &value["after"]),
        (&json!(1), &json!([2]))
    );
    let mut depth = 1;
    let mut inner = &value["deep"];
    while let Some(list) = inner.as_array() {
        (depth, inner) = (depth + 1, &list[0]);
    }
    assert_eq!((depth, inner), (MAX_DEPTH, &Value::Null));
    let at_the_limit = nested(MAX_DEPTH, "7");
    assert!(defects(at_the_limit.as_bytes()).is_empty());
    for inner in ["", "7"] {
        let beyond = nested(MAX_DEPTH + 1, inner);
        assert!(read(beyond.as_bytes()).is_some(), "{beyond}");
        assert_eq!(defects(beyond.as_bytes()), [(Defect::NestedTooDeeply, 1)]);
    }
}

#[test]
fn invalid_bytes_and_characters_in_strings_are_replaced() {
    for (text, expected, defect) in [
        (&b"\"caf\xe9\""[..], "caf?", Defect::InvalidUtf8),
        (b"\"cut \xf0\x9f\x98\"", "cut ???", Defect::InvalidUtf8),
        (b"\"a\nb\"", "a b", Defect::ControlCharacter),
        (b"\"a\0b\"", "a b", Defect::ControlCharacter),
        (br#""a\x41""#, "a?x41", Defect::InvalidEscape),
        (br#""cut \ud8""#, "cut ?ud8", Defect::InvalidEscape),
        (b"\"a\\\nb\"", "a? b", Defect::InvalidEscape),
    ] {
        assert_eq!(read(text), Some(json!(expected)), "{text:?}");
        assert!(defects(text).contains(&(defect, 1)), "{text:?}");
    }
}

#[test]
fn broken_structure_is_not_repaired() {
    let unclosed = "[".repeat(100_000);
    let [too_many, mismatched] = ["]", "}"].map(|inner| nested(200, inner));
    for text in [
        "",
        "{",
        r#"{"a":1"#,
        r#"{"a":"cut \ud83d"#,
        r#""cut \"#,
        "[1e999",
        "01",
        "-",
        "1e",
        "NaN",
        "[}",
        "{}{}",
        &unclosed,
        &too_many,
        &mismatched,
        "[1,]",
    ] {
        assert_eq!(
            read(text.as_bytes()),
            None,
            "{}",
            &text[..text.len().min(40)]
        );
    }
    assert_eq!(read(b"\xff"), None);
    assert_eq!(read(b"{\xff}"), None);
}

/// Any JSON text, including values that serde_json rejects.
fn grammatical() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(r"\ud83d".to_owned()),
        Just(r"\ude00".to_owned()),
        Just(r"\ud83d\ude00".to_owned()),
        Just(r#"\""#.to_owned()),
        Just(r"\\".to_owned()),
        "[a-z{}\\[\\]:, é😀]{0,3}",
    ];
    let string =
        prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let number = "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?";
    let scalar = prop_oneof![
        string.clone(),
        number.prop_map(|number| number),
        Just("null".to_owned()),
        Just("true".to_owned()),
    ];
    scalar.prop_recursive(4, 64, 5, move |inner| {
        let entry =
            (string.clone(), inner.clone()).prop_map(|(key, value)| format!("{key} : {value}"));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(entry, 0..5)
                .prop_map(|entries| format!("{{{}}}", entries.join(","))),
            (inner, 120..140_usize).prop_map(|(inner, depth)| nested(depth, &inner)),
        ]
    })
}

proptest! {
    #[test]
    fn grammatical_json_is_read(text in grammatical()) {
        prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        let (readable, repairs) = repaired(text.as_bytes());
        prop_assert_eq!(readable.len(), text.len());
        prop_assert!(serde_json::from_str::<Value>(&readable).is_ok(), "{}", readable);
        if serde_json::from_str::<Value>(&text).is_ok() {
            prop_assert_eq!(&readable, &text);
        } else {
            prop_assert!(repairs.iter().next().is_some());
        }
        // Nothing is left to repair.
        prop_assert_eq!(repaired(readable.as_bytes()).1.iter().count(), 0);
    }

    #[test]
    fn any_bytes_keep_their_length(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(repaired(&bytes).0.len(), bytes.len());
    }

    #[test]
    fn a_text_cut_anywhere_is_not_json(text in grammatical(), share in 0.0..1.0_f64) {
        let whole = format!("[{text}]");
        let cut = (whole.len() as f64 * share) as usize;
        prop_assert_eq!(read(&whole.as_bytes()[..cut]), None);
    }

    #[test]
    fn an_invalid_byte_affects_only_its_string(
        before in ".{0,9}", byte in prop_oneof![0..0x20_u8, 0x80..=0xff_u8], after in "[a-z]{0,9}",
    ) {
        let mut text = format!(r#"{{"a": {}, "b": "x"#, Value::from(before.as_str())).into_bytes();
        text.push(byte);
        text.extend_from_slice(format!(r#"{after}", "c": [7]}}"#).as_bytes());
        let value = read(&text).expect("JSON");
        prop_assert_eq!(&value["a"], &json!(before));
        prop_assert_eq!(&value["c"], &json!([7]));
        prop_assert!(value["b"].as_str().is_some_and(|text| text.starts_with('x') && text.ends_with(after.as_str())));
    }
}
