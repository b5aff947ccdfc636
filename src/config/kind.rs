//! Kinds of values: how each is parsed from text and formatted as text. Contains no keys.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::setting::Setting;
use super::value;
use super::walker::Walker;

/// Text of the summary for a setting without a value.
pub(super) const NOT_SET: &str = "not set";

/// How a setting is read from its sources and shown in the summary.
pub(super) trait SettingKind {
    type Value;

    /// Placeholder for the value in `--help`.
    fn value_name(&self) -> &'static str {
        "VALUE"
    }

    /// Reads the value from the sources or the default. Errors are added to the walker.
    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Self::Value;

    /// The value as an operator would write it; never a secret.
    fn show(&self, value: &Self::Value) -> String;

    /// Whether both values are equal in meaning.
    fn is_same(&self, one: &Self::Value, other: &Self::Value) -> bool {
        self.show(one) == self.show(other)
    }
}

/// A kind whose value is one text in every source.
pub(super) trait TextKind {
    type Value;

    fn value_name(&self) -> &'static str;

    /// Parses the value. The error is the end of a sentence that says what is wrong and what to write instead.
    fn parse(&self, text: &str) -> Result<Self::Value, String>;

    fn show(&self, value: &Self::Value) -> String;
}

/// A setting that always has a value.
impl<T: TextKind> SettingKind for T {
    type Value = T::Value;

    fn value_name(&self) -> &'static str {
        TextKind::value_name(self)
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> T::Value {
        walker.value(setting, |text| self.parse(text))
    }

    fn show(&self, value: &T::Value) -> String {
        TextKind::show(self, value)
    }
}

/// A setting that may have no value.
pub(super) struct Optional<T>(pub(super) T);

impl<T: TextKind> SettingKind for Optional<T> {
    type Value = Option<T::Value>;

    fn value_name(&self) -> &'static str {
        self.0.value_name()
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Self::Value {
        let parse = |text: &str| self.0.parse(text);
        match setting.default {
            Some(_) => Some(walker.value(setting, parse)),
            None => walker.given_value(setting, parse),
        }
    }

    fn show(&self, value: &Self::Value) -> String {
        let text = value.as_ref().map(|value| self.0.show(value));
        text.unwrap_or_else(|| NOT_SET.to_owned())
    }
}

/// A duration within a range.
pub(super) struct Durations(pub(super) RangeInclusive<Duration>);

impl TextKind for Durations {
    type Value = Duration;

    fn value_name(&self) -> &'static str {
        "DURATION"
    }

    fn parse(&self, text: &str) -> Result<Duration, String> {
        value::duration(text, &self.0)
    }

    fn show(&self, value: &Duration) -> String {
        value::duration_text(*value)
    }
}

/// A number within a range.
pub(super) struct NumberKind<T>(pub(super) RangeInclusive<T>);

impl<T: FromStr + PartialOrd + Display> TextKind for NumberKind<T> {
    type Value = T;

    fn value_name(&self) -> &'static str {
        "NUMBER"
    }

    fn parse(&self, text: &str) -> Result<T, String> {
        value::number(text, &self.0)
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// A number of bytes within a range, written with a unit.
pub(super) struct SizeKind(pub(super) RangeInclusive<usize>);

impl TextKind for SizeKind {
    type Value = usize;

    fn value_name(&self) -> &'static str {
        "SIZE"
    }

    fn parse(&self, text: &str) -> Result<usize, String> {
        value::bytes(text, &self.0)
    }

    fn show(&self, value: &usize) -> String {
        value::bytes_text(*value)
    }
}

/// `true` or `false`.
pub(super) struct Boolean;

impl TextKind for Boolean {
    type Value = bool;

    fn value_name(&self) -> &'static str {
        "BOOLEAN"
    }

    fn parse(&self, text: &str) -> Result<bool, String> {
        value::boolean(text)
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// One of a fixed set of words.
pub(super) struct Words<T: 'static> {
    pub(super) value_name: &'static str,
    pub(super) words: &'static [(&'static str, T)],
}

impl<T: Copy + PartialEq> TextKind for Words<T> {
    type Value = T;

    fn value_name(&self) -> &'static str {
        self.value_name
    }

    fn parse(&self, text: &str) -> Result<T, String> {
        value::word(text, self.words)
    }

    fn show(&self, value: &T) -> String {
        value::word_for(value, self.words).to_owned()
    }
}

/// A value with its own parser, whose `Display` writes what the parser reads.
pub(super) struct Parsed<T> {
    pub(super) value_name: &'static str,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

impl<T: Display> TextKind for Parsed<T> {
    type Value = T;

    fn value_name(&self) -> &'static str {
        self.value_name
    }

    fn parse(&self, text: &str) -> Result<T, String> {
        (self.parse)(text)
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// Whether the value is set, for values that are not shown.
pub(super) fn presence<T>(value: Option<&T>) -> String {
    let text = if value.is_some() { "set" } else { NOT_SET };
    text.to_owned()
}

/// The values of a list as text.
pub(super) fn listed<T: ToString>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [] => "none".to_owned(),
        texts => texts.join(", "),
    }
}
