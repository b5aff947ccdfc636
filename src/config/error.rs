//! Configuration errors: a place (key, flag or variable) and what to do about it.
//!
//! All user text in messages passes through [`quoted`], which truncates text that is long enough to be a secret in
//! the wrong place.

use std::fmt;

use crate::yaml::YamlError;

/// Maximum length of a value that a message repeats. Sensible values of keys that are repeated are shorter. Meta's
/// app secrets have 32 characters and tokens over 100, so neither is ever shown whole.
const MAX_QUOTED_CHARACTERS: usize = 24;

/// How much of a longer value is shown: enough to find it, too little to use it.
const CUT_CHARACTERS: usize = 8;

/// Length of `webhook_verify_token_file`.
const LONGEST_KEY: usize = 25;

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Key (`apps[1].accounts`), flag (`--log.level`) or variable (`WHATSAPP_ACCESS_TOKEN`).
    pub place: String,
    /// What is wrong and what to do, in one line and without secrets.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.message)
    }
}

/// A valid setting that is probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// Key or variable, as in [`ConfigError`].
    pub place: String,
    /// What is unusual and what to check, in one line and without secrets.
    pub message: String,
}

impl ConfigWarning {
    pub(super) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.message)
    }
}

/// All errors. `Display` writes one line each, sorted, without a final line break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, sorted by place.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// Number of errors.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds an error in its sorted position.
    pub(super) fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        let error = ConfigError {
            place: place.into(),
            message: message.into(),
        };
        if let Err(position) = self.0.binary_search(&error) {
            self.0.insert(position, error);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// `text` in quotes, escaped, and truncated if it is longer than any sensible value.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= MAX_QUOTED_CHARACTERS {
        return format!("{text:?}");
    }
    let cut: String = text.chars().take(CUT_CHARACTERS).collect();
    format!("{:?}", format!("{cut}…"))
}

/// A printable form of the key. A secret can be in the place of a key: `{access_token:EAAG…}` lacks a space, and
/// `{EAAG…: x}` has no key. Keys are short and consist of lower-case letters and `_`; Meta's secrets contain digits
/// and capitals. Of other text, only a leading word is shown, if it can be a key. An empty key, which YAML allows
/// (`"": x`), is shown as `""`.
pub(super) fn shown_key(key: &str) -> String {
    if key.is_empty() {
        return r#""""#.to_owned();
    }
    let is_key = |character: &char| character.is_ascii_lowercase() || "_<".contains(*character);
    let word: String = key.chars().take_while(is_key).collect();
    let rest = &key[word.len()..];
    let is_whole = !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-');
    let cut = if rest.is_empty() { "" } else { "…" };
    if word.len() <= LONGEST_KEY && is_whole {
        format!("{word}{cut}")
    } else {
        "…".to_owned()
    }
}

/// A syntax error of a YAML file, with its position.
pub(super) fn shown_yaml_error(error: &YamlError) -> String {
    let message = error.message(shown_key);
    format!("line {}, column {}: {message}", error.line, error.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_and_reported_once() {
        let mut errors = ConfigErrors::default();
        errors.add("web", "b");
        errors.add("apps", "a");
        errors.add("web", "b");
        assert_eq!(errors.to_string(), "apps: a\nweb: b");
        assert_eq!((errors.count(), errors.iter().count()), (2, 2));
    }

    #[test]
    fn long_text_is_cut_and_control_characters_are_escaped() {
        assert_eq!(quoted("5 parsecs\n"), r#""5 parsecs\n""#);
        assert_eq!(quoted("0123456789abcdef0123456789abcdef"), r#""01234567…""#);
    }

    #[test]
    fn a_secret_attached_to_a_key_is_not_shown() {
        assert_eq!(
            shown_key("webhook_verify_token_file"),
            "webhook_verify_token_file"
        );
        assert_eq!(shown_key("access_token:EAAGsecret"), "access_token…");
        assert_eq!(shown_key("apps[0]"), "apps…");
        assert_eq!(shown_key(""), "\"\"");
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "abcdef0123456789abcdef0123456789",
            "EAAGsecret",
            "access_tokenEAAGsecret",
            "access_token-EAAGsecret",
            "s3cret",
            "correct-horse-battery",
            "correcthorsebatterystaples",
            "pässwort",
            "\u{1b}[31m",
        ] {
            assert_eq!(shown_key(secret), "…");
        }
    }
}
