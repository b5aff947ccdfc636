//! Text of `--version`.

use std::sync::LazyLock;

/// The revision that the build script found.
const REVISION: Option<&str> = option_env!("BUILD_REVISION");

/// Version and, where the build knew it, git revision.
pub(super) fn text() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| with_revision(env!("CARGO_PKG_VERSION"), REVISION));
    &TEXT
}

/// The build script says `unknown` outside a git checkout.
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
    fn a_revision_is_told_where_it_is_known() {
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
