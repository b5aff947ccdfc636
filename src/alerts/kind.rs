//! Kinds of values. The default of a key determines which values are valid, so no table of keys is needed.

use super::matchers;
use super::scalar::{duration, is_number, is_subquery, is_time, is_url};
use crate::yaml::Node;

/// The severities that `alertmanager.yml` routes. The watchdog has none.
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// The clocks of response and waiting times.
const CLOCKS: [&str; 2] = ["business", "wall"];

/// Text that would end or change the text around it: a quoted or plain scalar of YAML, a raw string or an action of a
/// Prometheus template.
const UNSAFE: [&str; 7] = ["'", "`", "{{", "}}", "${", " #", ": "];

/// Characters that have a meaning of their own at the beginning of a plain scalar of YAML.
const INDICATORS: &str = "-?:,[]{}#&*!|>%@\"";

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    Severity,
    /// Clock of response and waiting times.
    Clock,
    Boolean,
    /// Duration of Prometheus that may be zero.
    Delay,
    /// Duration of Prometheus that cannot be zero, such as that of a range.
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
        ValueKind::from_default(key, node).check(node, may_be_empty)
    }

    /// Another value for a key that has this default. The error says what is wrong and what to give instead.
    pub(super) fn replaced_by(&self, node: &Node) -> Result<Self, String> {
        self.kind.check(node, self.text.is_empty())
    }
}

impl ValueKind {
    fn from_default(key: &str, default: &Node) -> Self {
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

    /// The error of a text that is not empty; `None` if it is valid.
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
                    .then(|| format!("{text:?} is zero; give a longer duration"));
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
        "{text:?} contains {part:?}, which would break the generated files; remove it"
    ))
}

#[cfg(test)]
mod tests;
