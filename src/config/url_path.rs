//! A path of a URL in a setting.

use std::fmt;

/// Maximum length. Requests with longer heads than a few thousand bytes are refused by some proxies.
const MAX_CHARACTERS: usize = 256;

/// The first segments of the routes, which other paths must not hide. Webhooks have a path of their own.
pub(super) const ROUTES: [&str; 4] = ["/-", "/api", "/metrics", "/v1"];

/// A path without a slash at the end. That of the root is empty, and is shown as `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlPath(String);

impl UrlPath {
    /// Reads a path. A slash at the end is removed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err("does not begin with /; write it like /whatsapp".into());
        };
        if path.is_empty() {
            return Ok(Self::default());
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if text.len() > MAX_CHARACTERS {
            return Err(format!("has more than {MAX_CHARACTERS} characters"));
        }
        if !path.split('/').all(is_segment) {
            return Err(
                "is not a plain path; use letters, digits and -._~ between slashes, such as /whatsapp/quality"
                    .into(),
            );
        }
        Ok(Self(format!("/{path}")))
    }

    /// The path; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the path is the other one or below it.
pub(super) fn is_within(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `.` and `..` would be resolved by the client.
fn is_segment(segment: &str) -> bool {
    let is_plain = |one: u8| one.is_ascii_alphanumeric() || b"-._~".contains(&one);
    !segment.is_empty() && segment.bytes().all(is_plain) && segment != "." && segment != ".."
}

impl fmt::Display for UrlPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_does_not_matter() {
        for (text, shown) in [
            ("/", "/"),
            ("/wa", "/wa"),
            ("/wa/", "/wa"),
            ("/a/b-c.d_e~f", "/a/b-c.d_e~f"),
        ] {
            assert_eq!(UrlPath::parse(text).expect(text).to_string(), shown);
        }
        for bad in [
            "",
            "wa",
            "//",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/a?b",
            "/a#b",
            "/%2e",
            "/ä",
            "https://a/b",
        ] {
            assert!(UrlPath::parse(bad).is_err(), "{bad}");
        }
        assert!(UrlPath::parse(&format!("/{}", "a".repeat(MAX_CHARACTERS))).is_err());
    }

    #[test]
    fn a_path_is_within_whole_segments() {
        assert!(is_within("/v1/hook", "/v1") && is_within("/v1/hook", "/v1/hook"));
        assert!(!is_within("/v1/hook", "/v") && !is_within("/v1/hook", "/v1/hook/x"));
    }
}
