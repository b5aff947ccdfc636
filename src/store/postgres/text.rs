//! Text that PostgreSQL accepts.

use std::borrow::Cow;

/// The text without the character NUL, which SQLite stores and PostgreSQL refuses. A commit must not fail because Meta
/// sends one. JSON is stored as it is: it escapes the character.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nul_is_replaced() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert!(matches!(storable("é\u{1}"), Cow::Borrowed(_)));
    }
}
