//! An issue, with its severity.

use serde::Serialize;

use super::level::Level;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Issue {
    pub level: Level,
    pub text: String,
}

impl Issue {
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        // Programs read it too: no spaces but the common one.
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

/// The worst of these; fine where there are none.
pub(super) fn worst(issues: &[Issue]) -> Level {
    let levels = issues.iter().map(|issue| issue.level);
    levels.min().unwrap_or(Level::Fine)
}
