//! Kinds of values. The default of a key decides what an operator may give for it, so no table of keys is needed.

use super::matchers;
use super::scalar::{duration, is_number, is_subquery, is_time, is_url};
use crate::yaml::Node;

/// The severities that `alertmanager.yml` routes. The watchdog has none.
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// The clocks of response and waiting times.
const CLOCKS: [&str; 2] = ["business", "wall"];

/// Text that would end or change its surroundings: a quoted or plain scalar of YAML, a raw string or an action of a
/// Prometheus template.
const UNSAFE: [&str; 7] = ["'", "`", "{{", "}}", "${", " #", ": "];

/// Characters that have a meaning of their own at the beginning of a plain scalar of YAML.
const INDICATORS: &str = "-?:,[]{}#&*!|>%@\"";

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    Severity,
    /// Clock of response and waiting times.
    Clock,
    Boolean,
    /// Duration of Prometheus that may be zero.
    Delay,
    /// Duration of Prometheus, as of a range, which cannot be zero.
    Duration,
    /// Range and step of a PromQL subquery, `5m:30s`.
    Subquery,
    Number,
    /// Time of day, `HH:MM`.
    Time,
    /// Absolute URL.
    Url,
    /// Label matchers of PromQL, separated by commas; may be empty.
    Matchers,
    /// Texts that are joined with `, `.
    List,
    Text,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PresetValue {
    pub(super) kind: ValueKind,
    /// What replaces the placeholder.
    pub(super) text: String,
}

impl PresetValue {
    /// A default, which decides its own kind.
    pub(super) fn default_of(key: &str, node: &Node) -> Result<Self, String> {
        let may_be_empty = match node {
            Node::Text(text) => text.is_empty(),
            Node::List(items) => items.is_empty(),
            Node::Empty | Node::Map(_) => false,
        };
        ValueKind::of(key, node).check(node, may_be_empty)
    }

    /// Another value for a key that has this default. The error says what is wrong and what to give instead.
    pub(super) fn replaced_by(&self, node: &Node) -> Result<Self, String> {
        self.kind.check(node, self.text.is_empty())
    }
}

impl ValueKind {
    fn of(key: &str, default: &Node) -> Self {
        let text = match default {
            Node::Text(text) => text,
            Node::List(_) => return Self::List,
            Node::Empty | Node::Map(_) => return Self::Text,
        };
        match key.rsplit('.').next().unwrap_or(key) {
            "severity" => Self::Severity,
            "clock" => Self::Clock,
            "for" | "keep_firing_for" | "group_wait" => Self::Delay,
            name if name.ends_with("selector") || name.ends_with("matchers") => Self::Matchers,
            _ if ["true", "false"].contains(&text.as_str()) => Self::Boolean,
            _ if is_number(text) => Self::Number,
            _ if duration(text).is_some() => Self::Duration,
            _ if is_subquery(text) => Self::Subquery,
            _ if is_time(text) => Self::Time,
            _ if is_url(text) => Self::Url,
            _ => Self::Text,
        }
    }

    /// The value, if the node is one of this kind.
    pub(super) fn check(self, node: &Node, may_be_empty: bool) -> Result<PresetValue, String> {
        let text = match (self, node) {
            (_, Node::Empty) => {
                return Err("has no value; give one, or remove the key to keep the default".into());
            }
            (Self::List, Node::List(items)) => list(items)?,
            (Self::List, _) => return Err("takes a list, such as `[a, b]`".into()),
            (_, Node::Text(text)) => text.clone(),
            (_, Node::List(_)) => return Err("takes one value, not a list".into()),
            (_, Node::Map(_)) => return Err("takes one value, not keys".into()),
        };
        match text.is_empty() {
            true if may_be_empty => {}
            true => return Err("must not be empty; remove the key to keep the default".into()),
            false => self.problem(&text).map_or(Ok(()), Err)?,
        }
        Ok(PresetValue { kind: self, text })
    }

    /// What is wrong with a text that is not empty.
    fn problem(self, text: &str) -> Option<String> {
        let expected = |is_met: bool, what: &str| (!is_met).then(|| format!("{text:?} {what}"));
        match self {
            Self::Severity => {
                let what = "is not a severity; give critical, warning, info or none";
                expected(SEVERITIES.contains(&text), what)
            }
            Self::Clock => {
                let what = "is not a clock; give business or wall";
                expected(CLOCKS.contains(&text), what)
            }
            Self::Boolean => {
                let what = "is neither true nor false";
                expected(["true", "false"].contains(&text), what)
            }
            Self::Delay | Self::Duration => {
                let what = "is not a duration of Prometheus; write it like 30s, 5m, 1h30m or 7d";
                let duration = duration(text);
                let zero = (self == Self::Duration && duration == Some(0))
                    .then(|| format!("{text:?} is no time at all; give a longer duration"));
                expected(duration.is_some(), what).or(zero)
            }
            Self::Subquery => {
                let what = "is not a range and a shorter step; write it like 5m:30s";
                expected(is_subquery(text), what)
            }
            Self::Number => expected(is_number(text), "is not a number"),
            Self::Time => {
                let what = "is not a time of day; write it like 08:00 or 24:00";
                expected(is_time(text), what)
            }
            Self::Url => {
                let what = "is not a URL; begin it with http:// or https://";
                expected(is_url(text), what).or_else(|| unsafe_part(text))
            }
            Self::Matchers => matchers::problem(text).or_else(|| unsafe_part(text)),
            // `list` has checked each item.
            Self::List => None,
            Self::Text => {
                let what = "contains a double quote, which would end the text around it; remove it";
                expected(!text.contains('"'), what).or_else(|| unsafe_part(text))
            }
        }
    }
}

/// The items, joined as PromQL and YAML list them.
fn list(items: &[Node]) -> Result<String, String> {
    let item = |node: &Node| match node {
        Node::Text(text) if text.is_empty() || text.contains([',', '"', '[', ']', '{', '}']) => {
            Err(format!(
                "the item {text:?} is empty, or contains a comma, a double quote or a bracket; remove it"
            ))
        }
        Node::Text(text) => unsafe_part(text).map_or_else(|| Ok(text.clone()), Err),
        Node::Empty | Node::List(_) | Node::Map(_) => Err("each item must be one text".to_owned()),
    };
    let items: Result<Vec<String>, String> = items.iter().map(item).collect();
    Ok(items?.join(", "))
}

/// Why this text cannot be pasted into a template.
fn unsafe_part(text: &str) -> Option<String> {
    if text.contains(char::is_control) {
        return Some(format!(
            "{text:?} has more than one line, or a control character"
        ));
    }
    if text.trim() != text || text.ends_with(':') {
        return Some(format!(
            "{text:?} begins or ends with a space, or ends with a colon; remove it"
        ));
    }
    if text.starts_with(|first| INDICATORS.contains(first)) {
        return Some(format!(
            "{text:?} begins with a character that has a meaning in YAML; remove it"
        ));
    }
    let part = UNSAFE.iter().find(|part| text.contains(**part))?;
    Some(format!(
        "{text:?} contains {part:?}, which would break the files that are written; remove it"
    ))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn each_wrong_value_says_what_to_give() {
        for (key, default, given, message) in [
            (
                "severity",
                "info",
                "page",
                r#""page" is not a severity; give critical, warning, info or none"#,
            ),
            (
                "clock",
                "business",
                "office",
                r#""office" is not a clock; give business or wall"#,
            ),
            (
                "enabled",
                "true",
                "yes",
                r#""yes" is neither true nor false"#,
            ),
            (
                "for",
                "5m",
                "5 minutes",
                r#""5 minutes" is not a duration of Prometheus; write it like 30s, 5m, 1h30m or 7d"#,
            ),
            (
                "window",
                "6h",
                "0s",
                r#""0s" is no time at all; give a longer duration"#,
            ),
            ("after", "3600", "1h", r#""1h" is not a number"#),
            (
                "recent",
                "5m:30s",
                "5m",
                r#""5m" is not a range and a shorter step; write it like 5m:30s"#,
            ),
            (
                "start",
                "08:00",
                "8",
                r#""8" is not a time of day; write it like 08:00 or 24:00"#,
            ),
            (
                "url",
                "http://a",
                "grafana",
                r#""grafana" is not a URL; begin it with http:// or https://"#,
            ),
            (
                "zone",
                "UTC",
                "",
                "must not be empty; remove the key to keep the default",
            ),
            (
                "zone",
                "UTC",
                "a\"b",
                r#""a\"b" contains a double quote, which would end the text around it; remove it"#,
            ),
        ] {
            assert_eq!(error(key, default, given), message);
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
            "it's", "a`b", "{{ x }}", "}}", "${for}", "a #b", "a: b", "a:", " a", "a ", "a\nb",
            "\u{7}",
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
}
