//! Values of JSON in the forms that Meta uses, and parse warnings about others.

use super::*;
use crate::domain::QualityRating;
use serde_json::json;

#[test]
fn every_time_format_is_read() {
    for value in [
        json!(1_776_348_000),
        json!("1776348000"),
        json!("2026-04-16T14:00:00+0000"),
        json!("2026-04-16T14:00:00Z"),
        json!(1_776_348_000_000_i64),
    ] {
        let outer = json!({ "at": value });
        let object = MetaObject::new("thing", &outer).expect("an object");
        let mut warnings = ParseWarnings::new();
        assert_eq!(
            object.time("at", &mut warnings),
            Some(Timestamp::from_seconds(1_776_348_000)),
            "{value}"
        );
        assert!(warnings.is_empty());
    }
    assert_eq!(
        moment("April 17, 2026"),
        Some(Timestamp::from_seconds(1_776_384_000))
    );
    assert_eq!(moment("next Tuesday"), None);
}

#[test]
fn flags_and_lists_of_texts_are_read_in_every_form() {
    let long = "é".repeat(MAX_TEXT);
    let outer = json!({ "yes": [true, "true", "TRUE", 1, "1"], "no": [false, "false", 0],
        "one": " a ", "many": ["a", "", null, 7, {}, long], "nothing": null });
    let mut warnings = ParseWarnings::new();
    for (key, expected) in [("yes", true), ("no", false)] {
        for value in outer[key].as_array().expect("a list") {
            let inner = json!({ "flag": value });
            let object = MetaObject::new("thing", &inner).expect("an object");
            assert_eq!(
                object.flag("flag", &mut warnings),
                Some(expected),
                "{value}"
            );
        }
    }
    let object = MetaObject::new("thing", &outer).expect("an object");
    assert_eq!(object.flag("nothing", &mut warnings), None);
    assert_eq!(object.texts("one", &mut warnings), ["a"]);
    assert_eq!(object.texts("nothing", &mut warnings), [""; 0]);
    assert_eq!(warnings, []);
    let half = "é".repeat(MAX_TEXT / 2);
    assert_eq!(object.texts("many", &mut warnings), ["a", "7", &half]);
    assert_eq!(object.flag("one", &mut warnings), None);
    assert_eq!(warnings.len(), 2);
}

#[test]
fn ids_keep_every_digit() {
    let outer =
        json!({ "number": 7_001_002_003_004_005_u64, "text": "7001002003004005", "float": 1.5 });
    let object = MetaObject::new("thing", &outer).expect("an object");
    let mut warnings = ParseWarnings::new();
    assert_eq!(
        object.text("number", &mut warnings),
        object.text("text", &mut warnings)
    );
    assert_eq!(object.text("float", &mut warnings), None);
    assert_eq!(
        warnings,
        [ParseWarning::Malformed {
            noun: "thing",
            key: "float"
        }]
    );
}

#[test]
fn a_missing_required_key_is_reported_and_the_last_word_of_a_list_counts() {
    let outer = json!({ "empty": "", "one": "RED", "many": ["GREEN", "RED"], "none": [] });
    let object = MetaObject::new("thing", &outer).expect("an object");
    let mut warnings = ParseWarnings::new();
    assert_eq!(object.require("one", &mut warnings), Some(()));
    for key in ["one", "many"] {
        assert_eq!(
            object.last_word(key, &mut warnings),
            Some(QualityRating::Red)
        );
    }
    assert_eq!(
        object.last_word::<QualityRating>("none", &mut warnings),
        None
    );
    assert!(warnings.is_empty());
    for key in ["empty", "absent"] {
        assert_eq!(object.require(key, &mut warnings), None);
    }
    assert_eq!(warnings.len(), 2);
}

#[test]
fn null_equals_absent_and_unreadable_values_are_reported() {
    let outer =
        json!({ "nothing": null, "word": "PURPLE", "list": {"a": 1}, "personal": "+1 555" });
    let object = MetaObject::new("thing", &outer).expect("an object");
    let mut warnings = ParseWarnings::new();
    assert_eq!(object.word::<QualityRating>("nothing", &mut warnings), None);
    assert_eq!(object.word::<QualityRating>("absent", &mut warnings), None);
    assert!(warnings.is_empty());
    assert_eq!(
        object.word("word", &mut warnings),
        Some(QualityRating::Other)
    );
    assert_eq!(object.objects("list", "inner", &mut warnings).len(), 1);
    assert_eq!(
        object.word("personal", &mut warnings),
        Some(QualityRating::Other)
    );
    let words: Vec<_> = warnings
        .iter()
        .map(|parse_warning| match parse_warning {
            ParseWarning::UnknownValue { word, .. } => word.as_deref(),
            ParseWarning::Malformed { .. } | ParseWarning::Unreadable { .. } => Some("malformed"),
        })
        .collect();
    assert_eq!(words, [Some("PURPLE"), None]);
}
