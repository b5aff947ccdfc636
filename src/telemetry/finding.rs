//! What the doctor's checks came to: told at once, and kept for the status page.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Not as it should be.
    Problem,
    /// It could not be told.
    Unknown,
}

impl Verdict {
    /// The word for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check: a name that scripts may rely on.
    pub check: Cow<'static, str>,
    /// The app or account that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, in a few words.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn fine(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fine, message.into(), None)
    }

    /// Not as it should be, and what to do.
    pub fn problem(
        check: &'static str,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Problem, message.into(), Some(cure.into()))
    }

    /// It could not be told, and what to do to learn it.
    pub fn unknown(
        check: &'static str,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Unknown, message.into(), Some(cure.into()))
    }

    /// Which app or account it is about.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Is it as it should be?
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.verdict == Verdict::Fine
    }

    fn new(check: &'static str, verdict: Verdict, message: String, cure: Option<String>) -> Self {
        Self {
            check: check.into(),
            about: None,
            verdict,
            message,
            cure,
        }
    }
}

/// All findings, and how many of them are not fine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of the chain, from the configuration to the last webhook.
    pub findings: Vec<Finding>,
    /// How many are problems.
    pub problems: usize,
    /// How many could not be told.
    pub unknown: usize,
}

impl Report {
    /// Of these findings.
    #[must_use]
    pub fn of(findings: Vec<Finding>) -> Self {
        let count = |verdict| {
            let of_it = findings.iter().filter(|finding| finding.verdict == verdict);
            of_it.count()
        };
        Self {
            problems: count(Verdict::Problem),
            unknown: count(Verdict::Unknown),
            findings,
        }
    }
}

/// A report, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// When the doctor had looked.
    pub at: Timestamp,
    /// What it came to.
    pub report: Report,
}
