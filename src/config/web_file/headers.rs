//! `http_server_config.headers`: security headers set by the operator.

use super::super::setting::{Scalar, Setting};
use super::super::value;
use super::super::walker::Walker;

/// Maximum length of a value. A content security policy has a few hundred characters.
const MAX_CHARACTERS: usize = 4096;

const fn free(key: &'static str) -> Scalar<String> {
    Scalar {
        setting: Setting::new(key, "Header of every response"),
        parse: header_value,
    }
}

/// The headers that exporter-toolkit supports.
const HEADERS: [(&str, Scalar<String>); 5] = [
    (
        "content-security-policy",
        free("http_server_config.headers.Content-Security-Policy"),
    ),
    (
        "strict-transport-security",
        free("http_server_config.headers.Strict-Transport-Security"),
    ),
    (
        "x-content-type-options",
        Scalar {
            setting: Setting::new(
                "http_server_config.headers.X-Content-Type-Options",
                "Header of every response",
            ),
            parse: |text| value::word(text, &[("nosniff", "nosniff")]).map(str::to_owned),
        },
    ),
    (
        "x-frame-options",
        Scalar {
            setting: Setting::new(
                "http_server_config.headers.X-Frame-Options",
                "Header of every response",
            ),
            parse: |text| {
                let words = [("deny", "deny"), ("sameorigin", "sameorigin")];
                value::word(text, &words).map(str::to_owned)
            },
        },
    ),
    (
        "x-xss-protection",
        free("http_server_config.headers.X-XSS-Protection"),
    ),
];

/// Lower-case names with their values.
pub(super) fn read(walker: &mut Walker<'_>) -> Vec<(&'static str, String)> {
    let read = HEADERS.iter().filter_map(|(name, scalar)| {
        let value = walker.optional_scalar(scalar)?;
        Some((*name, value))
    });
    read.collect()
}

fn header_value(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.len() <= MAX_CHARACTERS && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "is not a header value; give at most {MAX_CHARACTERS} printable ASCII characters"
        ))
    }
}
