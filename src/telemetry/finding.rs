//! Findings and reports of `doctor`, which the command prints and the status page shows.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The check passed.
    Fine,
    /// The check failed.
    Problem,
    /// The check has no result.
    Unknown,
}

impl Verdict {
    /// The verdict as printed, in text and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// Result of one check, about one app or account or about the whole setup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the check. Names are stable, for scripts.
    pub check: Cow<'static, str>,
    /// The app or account; `None` for findings about the whole setup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Result of the check.
    pub verdict: Verdict,
    /// The result in a few words.
    pub message: String,
    /// How to fix the problem, or how to get a result. `None` if the check passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    /// A check that passed.
    pub fn fine(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fine, message.into(), None)
    }

    /// A check that failed, and how to fix the problem.
    pub fn problem(
        check: &'static str,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Problem, message.into(), Some(cure.into()))
    }

    /// A check without a result, and how to get one.
    pub fn unknown(
        check: &'static str,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Unknown, message.into(), Some(cure.into()))
    }

    /// Sets the app or account.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Whether the check passed.
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
    /// Number of checks that failed.
    pub problems: usize,
    /// Number of checks without a result.
    pub unknown: usize,
}

impl Report {
    /// A report of these findings.
    #[must_use]
    pub fn new(findings: Vec<Finding>) -> Self {
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

/// A report and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// When `doctor` completed.
    pub at: Timestamp,
    /// The findings.
    pub report: Report,
}
