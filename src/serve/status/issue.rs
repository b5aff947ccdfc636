//! An issue, with its severity.

use serde::Serialize;

use super::level::Level;

/// One problem, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Issue {
    pub level: Level,
    pub text: String,
}

impl Issue {
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        // Programs read the text too, so it contains no non-breaking spaces.
        let text = text.into().replace('\u{a0}', " ");
        Self { level, text }
    }

    pub fn critical(text: impl Into<String>) -> Self {
        Self::new(Level::Critical, text)
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }
}

/// The highest severity among these; fine if there are none.
pub(super) fn worst(issues: &[Issue]) -> Level {
    let levels = issues.iter().map(|issue| issue.level);
    levels.min().unwrap_or(Level::Fine)
}
