//! Reads a secret, given as its value or as the path of a file.
//!
//! Errors contain neither the secret nor the path, because the path may be a secret that was set by mistake.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::environment::{Environment, read_text};
use super::mistake::mistake;
use super::secret_kind::SecretKind;

/// Maximum length of a secret. Meta's tokens have some 250 characters; a larger file is not one secret.
const MAX_SECRET_BYTES: usize = 4096;

/// The format of Meta's app secrets so far.
const APP_SECRET_DIGITS: usize = 32;

/// The secret in the file, without the line break that editors add.
pub(super) fn from_file(
    kind: SecretKind,
    path: &Path,
    environment: &dyn Environment,
) -> Result<SecretString, String> {
    let text = read_text(environment, path, MAX_SECRET_BYTES).map_err(|problem| {
        format!("the file it names {problem}; check its path and permissions")
    })?;
    let trimmed = text.trim_end_matches(['\r', '\n']);
    from_text(kind, trimmed).map_err(|problem| format!("the secret in the file it names {problem}"))
}

/// The secret from its text.
pub(super) fn from_text(kind: SecretKind, text: &str) -> Result<SecretString, String> {
    let is_token = |byte: u8| byte.is_ascii_graphic();
    if text.is_empty() {
        Err("is empty; set its value".to_owned())
    } else if text.len() > MAX_SECRET_BYTES {
        Err(format!("is longer than {MAX_SECRET_BYTES} bytes"))
    } else if let Some(mistake) = mistake(kind, text) {
        Err(mistake.to_owned())
    } else if text.trim() != text {
        Err("begins or ends with white space; remove it".to_owned())
    } else if text.chars().any(char::is_control) {
        Err("contains a line break or another control character; give the secret alone".to_owned())
    } else if kind.is_header() && !text.bytes().all(is_token) {
        Err("contains white space or non-ASCII characters; give the token alone".to_owned())
    } else {
        Ok(SecretString::from(text))
    }
}

/// Describes what is unusual about a valid secret.
pub(super) fn unusual(kind: SecretKind, secret: &SecretString) -> Option<&'static str> {
    let secret = secret.expose_secret();
    let is_usual =
        secret.len() == APP_SECRET_DIGITS && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    (kind == SecretKind::AppSecret && !is_usual).then_some(
        "is not 32 hexadecimal digits, as Meta's app secrets are; compare it with App settings > Basic in \
         the App Dashboard, or signatures will not match",
    )
}

#[cfg(test)]
mod tests {
    use super::super::FixedEnvironment;
    use super::*;

    fn problem(kind: SecretKind, text: &str) -> Option<String> {
        from_text(kind, text).err()
    }

    #[test]
    fn an_invalid_secret_is_refused_without_showing_it() {
        let long = "s".repeat(MAX_SECRET_BYTES + 1);
        for bad in ["", " secret", "secret\n", "sec\tret", &long] {
            let message = problem(SecretKind::Phrase, bad).expect("refused");
            assert!(
                !message.contains("sec\t") && !message.contains("sss"),
                "{message}"
            );
        }
        assert_eq!(problem(SecretKind::Phrase, "two words, ümlaut"), None);
        assert!(problem(SecretKind::AccessToken, "two words").is_some());
        assert!(problem(SecretKind::AccessToken, "ümlaut").is_some());
    }

    #[test]
    fn an_app_secret_in_another_format_is_unusual() {
        let unusual = |kind, text: &str| unusual(kind, &text.into()).is_some();
        for usual in [
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
        ] {
            assert!(!unusual(SecretKind::AppSecret, usual));
        }
        for odd in [
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789abcdef0123456789abcdeg",
            "EAAGsecret",
            "1234|0123456789abcdef0123456789abcdef",
        ] {
            assert!(unusual(SecretKind::AppSecret, odd), "{odd}");
            for kind in [
                SecretKind::AccessToken,
                SecretKind::ClientToken,
                SecretKind::Phrase,
            ] {
                assert!(!unusual(kind, odd), "{odd}");
            }
        }
    }

    #[test]
    fn only_final_line_breaks_of_a_file_are_removed() {
        let environment = FixedEnvironment::default()
            .with_file("/good", "two words\r\n\n")
            .with_file("/two", "one\ntwo\n");
        let read = |path| from_file(SecretKind::Phrase, Path::new(path), &environment);
        assert_eq!(
            read("/good").expect("a secret").expose_secret(),
            "two words"
        );
        assert_eq!(
            read("/two").err().as_deref(),
            Some(
                "the secret in the file it names contains a line break or another control character; \
                 give the secret alone"
            )
        );
    }
}
