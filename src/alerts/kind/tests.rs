//! The kind of each default, and the errors of values of another kind.

use super::*;

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

fn error(key: &str, default: &str, given: &str) -> String {
    let default = PresetValue::default_of(key, &text(default)).expect("a default");
    default.replaced_by(&text(given)).expect_err(given)
}

#[test]
fn the_default_decides_the_kind() {
    for (key, default, kind) in [
        ("alerts.A.severity", "info", ValueKind::Severity),
        ("alerts.A.clock", "wall", ValueKind::Clock),
        ("alerts.A.for", "0", ValueKind::Delay),
        ("group_wait", "30s", ValueKind::Delay),
        ("window", "6h", ValueKind::Duration),
        ("recent", "5m:1m", ValueKind::Subquery),
        ("after", "3600", ValueKind::Number),
        ("ratio", "0.70", ValueKind::Number),
        ("weekends", "true", ValueKind::Boolean),
        ("start", "08:00", ValueKind::Time),
        ("runbook_url", "https://example.com/r.md", ValueKind::Url),
        ("selector", "", ValueKind::Matchers),
        ("alertmanager.matchers", "a=\"b\"", ValueKind::Matchers),
        ("timezone", "UTC", ValueKind::Text),
    ] {
        let value = PresetValue::default_of(key, &text(default)).expect(default);
        assert_eq!((value.kind, value.text.as_str()), (kind, default), "{key}");
    }
}

/// Key, default, value given, and the message.
#[rustfmt::skip] // a table reads best as one
const WRONG_VALUES: &[(&str, &str, &str, &str)] = &[
    ("severity", "info", "page", r#""page" is not a severity; give critical, warning, info or none"#),
    ("clock", "business", "office", r#""office" is not a clock; give business or wall"#),
    ("enabled", "true", "yes", r#""yes" is neither true nor false"#),
    ("for", "5m", "5 minutes", r#""5 minutes" is not a duration of Prometheus; write it like 30s, 5m, 1h30m or 7d"#),
    ("window", "6h", "0s", r#""0s" is zero; give a longer duration"#),
    ("after", "3600", "1h", r#""1h" is not a number"#),
    ("recent", "5m:30s", "5m", r#""5m" is not a range and a shorter step; write it like 5m:30s"#),
    ("start", "08:00", "8", r#""8" is not a time of day; write it like 08:00 or 24:00"#),
    ("url", "http://a", "grafana", r#""grafana" is not a URL; begin it with http:// or https://"#),
    ("zone", "UTC", "", "must not be empty; remove the key to keep the default"),
    ("zone", "UTC", "a\"b", r#""a\"b" contains a double quote, which would end the text around it; remove it"#),
];

#[test]
fn each_wrong_value_says_what_to_give() {
    for (key, default, given, message) in WRONG_VALUES {
        assert_eq!(error(key, default, given), *message);
    }
    let default = PresetValue::default_of("zone", &text("UTC")).expect("a default");
    for (node, message) in [
        (
            Node::Empty,
            "has no value; give one, or remove the key to keep the default",
        ),
        (Node::List(Vec::new()), "takes one value, not a list"),
        (Node::Map(Vec::new()), "takes one value, not keys"),
    ] {
        assert_eq!(default.replaced_by(&node), Err(message.to_owned()));
    }
}

#[test]
fn text_that_would_break_a_file_is_refused() {
    for given in [
        "it's", "a`b", "{{ x }}", "}}", "${for}", "a #b", "a: b", "a:", " a", "a ", "a\nb", "\u{7}",
    ] {
        let message = error("zone", "UTC", given);
        assert!(message.starts_with(&format!("{given:?} ")), "{message}");
    }
}

#[test]
fn a_url_is_as_safe_as_a_text() {
    for given in ["it's", "a`b", "{{x}}", "${for}", "a:", "a b", "a#b", "a\nb"] {
        let message = error("url", "http://a", &format!("http://{given}"));
        assert!(message.starts_with("\"http://"), "{message}");
    }
}

#[test]
fn a_selector_may_be_empty_and_is_as_safe_as_a_text() {
    let default = PresetValue::default_of("selector", &text("")).expect("a default");
    for good in ["", r#"cluster="eu-1""#] {
        assert!(default.replaced_by(&text(good)).is_ok(), "{good}");
    }
    for bad in [
        r#"a="it's""#,
        r#"a="b #c""#,
        r#"a="b: c""#,
        r#"a="{{b}}""#,
        "a",
    ] {
        assert!(default.replaced_by(&text(bad)).is_err(), "{bad}");
    }
}

#[test]
fn lists_are_joined_and_their_items_checked() {
    let node = |items: &[&str]| Node::List(items.iter().map(|item| text(item)).collect());
    let default = PresetValue::default_of("labels", &node(&["job"])).expect("a default");
    let joined = default.replaced_by(&node(&["job", "cluster"]));
    assert_eq!(
        joined.map(|value| value.text).as_deref(),
        Ok("job, cluster")
    );
    assert!(default.replaced_by(&node(&[])).is_err(), "empty");
    for bad in ["", "a, b", "a\"", "[a", "a'"] {
        assert!(default.replaced_by(&node(&[bad])).is_err(), "{bad}");
    }
    assert_eq!(
        default.replaced_by(&text("job")),
        Err("takes a list, such as `[a, b]`".to_owned())
    );
    let nested = Node::List(vec![Node::Map(Vec::new())]);
    assert_eq!(
        default.replaced_by(&nested),
        Err("each item must be one text".to_owned())
    );
}
