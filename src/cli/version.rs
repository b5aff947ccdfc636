//! Text of `--version`.

use std::sync::LazyLock;

/// The revision that the build script determined.
const REVISION: Option<&str> = option_env!("BUILD_REVISION");

/// The version and, if known, the git revision.
pub(super) fn text() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| with_revision(env!("CARGO_PKG_VERSION"), REVISION));
    &TEXT
}

/// Adds the revision, unless it is `unknown`, as the build script sets it outside a git checkout.
fn with_revision(version: &str, revision: Option<&str>) -> String {
    match revision {
        Some(revision) if !revision.is_empty() && revision != "unknown" => {
            format!("{version} (revision {revision})")
        }
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_includes_a_known_revision() {
        assert_eq!(
            with_revision("1.2.3", Some("abc123")),
            "1.2.3 (revision abc123)"
        );
        for nothing in [None, Some(""), Some("unknown")] {
            assert_eq!(with_revision("1.2.3", nothing), "1.2.3");
        }
        assert!(text().starts_with(env!("CARGO_PKG_VERSION")));
    }
}
