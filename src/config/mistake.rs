//! Detects common mistakes in secrets: extra text around the secret, or a placeholder instead of it. Each message
//! lacks its subject, says what to do, and never repeats the text.

use super::secret_kind::SecretKind;

const QUOTES: &[char] = &['"', '\'', '`', '“', '”', '‘', '’', '„', '«', '»'];

/// Characters that are invisible in terminals and are often copied from web pages.
const INVISIBLE: &[char] = &[
    '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}',
];

/// Characters that web pages show instead of a secret.
const MASKS: &[char] = &['•', '●', '∙', '·', '*', '.', '…'];

/// Placeholder words in examples; the whole text must match.
const PLACEHOLDER_WORDS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "replaceme",
    "replace-me",
    "replace_me",
    "todo",
    "placeholder",
];

/// Names that files of other formats have before a secret.
const NAMES: &[&str] = &[
    "access_token",
    "app_secret",
    "password",
    "secret",
    "token",
    "value",
    "verify_token",
    "webhook_verify_token",
];

/// The message about the mistake in this text, if there is one.
pub(super) fn mistake(kind: SecretKind, text: &str) -> Option<&'static str> {
    let is_from_meta = kind.is_from_meta();
    if text.starts_with('\u{feff}') {
        Some("begins with a byte order mark (BOM); save it as UTF-8 without one")
    } else if text.contains(INVISIBLE) {
        Some(
            "contains an invisible character, such as a zero-width space; copy it again as plain text",
        )
    } else if is_placeholder(kind, text) {
        Some("is a placeholder or an unexpanded variable; set the secret itself")
    } else if is_from_meta && is_masked(text) {
        Some("is masked; choose Show in the App Dashboard and copy it again")
    } else if is_assignment(text) {
        Some("contains a name before the value, such as NAME=value; set the value alone")
    } else if is_quoted(kind, text) {
        Some("is in quotation marks, which would become part of the value; remove them")
    } else if kind != SecretKind::Phrase && has_scheme(text) {
        Some(
            "begins with an authentication scheme, such as `Bearer`, which the exporter adds itself; set the token alone",
        )
    } else if is_from_meta && text.starts_with(['{', '[']) {
        Some("is JSON or YAML; set the value alone")
    } else {
        None
    }
}

/// Whether the text contains `${NAME}` or a variant such as `${NAME:-default}`.
pub(super) fn has_variable(text: &str) -> bool {
    text.match_indices("${").any(|(at, begin)| {
        let rest = &text[at + begin.len()..];
        let name =
            rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        let begins_well =
            rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        begins_well && name.starts_with(['}', ':', '-', '?', '+']) && name.contains('}')
    })
}

fn is_placeholder(kind: SecretKind, text: &str) -> bool {
    let within = |open: &str, close: &str| {
        let inner = text
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| !inner.is_empty())
    };
    let is_name = |name: &str| {
        let is_letter = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
        // A passphrase may begin with a dollar sign; variable names consist of capitals.
        let is_case =
            kind.is_from_meta() || !name.contains(|letter: char| letter.is_ascii_lowercase());
        name.len() > 1
            && is_case
            && name.bytes().all(is_letter)
            && !name.as_bytes()[0].is_ascii_digit()
    };
    let template = text.find("{{").is_some_and(|at| text[at..].contains("}}"));
    let shell = text.strip_prefix('$').is_some_and(is_name);
    let windows = text.strip_prefix("$env:").is_some()
        || text
            .strip_prefix('%')
            .and_then(|rest| rest.strip_suffix('%'))
            .is_some_and(is_name);
    has_variable(text)
        || template
        || shell
        || windows
        || [("$(", ")"), ("<", ">"), ("$((", "))")]
            .iter()
            .any(|(open, close)| within(open, close))
        || kind.is_from_meta() && is_placeholder_word(text)
}

fn is_placeholder_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bare = lower
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&lower);
    let is_yours = ["your", "insert", "paste"].iter().any(|word| {
        let rest = bare.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(['_', '-', ' ']))
    });
    is_yours || PLACEHOLDER_WORDS.contains(&bare)
}

/// Only dots or asterisks, or several of them in a row.
fn is_masked(text: &str) -> bool {
    text.chars().count() > 2 && text.chars().all(|character| MASKS.contains(&character))
        || ["•••", "●●●", "***", "....", "…"]
            .iter()
            .any(|mask| text.contains(mask))
}

/// `NAME=value`, `export NAME=value` or `name: value` in its first line. A value in base64 may end in `=`.
fn is_assignment(text: &str) -> bool {
    let mut rest = text.trim_start();
    let mut is_command = false;
    for command in ["export ", "set ", "setx ", "declare -x ", "$env:"] {
        if let Some(after) = rest.strip_prefix(command) {
            (rest, is_command) = (after.trim_start(), true);
        }
    }
    let end = rest
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let after = after.trim_start_matches([' ', '\t']);
    let value = after
        .strip_prefix(['=', ':'])
        .map(|value| value.trim_matches([' ', '=']));
    let has_value = value.is_some_and(|value| !value.is_empty());
    let is_capitals =
        name.contains('_') && !name.contains(|letter: char| letter.is_ascii_lowercase());
    let is_name = is_command || is_capitals || NAMES.contains(&name.to_ascii_lowercase().as_str());
    has_value
        && !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && is_name
}

/// Quotation marks at both ends; for Meta's secrets, at either end.
fn is_quoted(kind: SecretKind, text: &str) -> bool {
    let ends = [text.starts_with(QUOTES), text.trim_end().ends_with(QUOTES)];
    if kind.is_from_meta() {
        ends.contains(&true)
    } else {
        ends == [true; 2] && text.chars().count() > 1
    }
}

fn has_scheme(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let lower = lower
        .strip_prefix("authorization:")
        .map_or(lower.as_str(), str::trim_start);
    let is_header = lower.len() < text.len();
    is_header
        || ["bearer ", "bearer:", "oauth ", "token "]
            .iter()
            .any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests;
