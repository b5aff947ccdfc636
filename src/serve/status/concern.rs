//! Selects the templates with current problems, and orders them by urgency.
//!
//! A template that was rejected or disabled long ago needs no action, and many accounts keep dozens of them.
//! Those are only counted, so that the rows show actionable problems.

use std::collections::BTreeMap;

use serde::Serialize;

use super::level::Level;
use super::recency::is_recent;
use crate::domain::template::Status;
use crate::domain::{QualityRating, Timestamp};
use crate::state::{Account, Template};

/// Why a template is shown, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Meta disabled it recently.
    Disabled,
    /// Meta has paused it.
    Paused,
    /// Meta has scheduled its disabling.
    DisableScheduled,
    /// Meta has scheduled a change of its category.
    CategoryChangeScheduled,
    /// It is rated RED.
    RatedRed,
    /// It exceeds the limit of its category.
    LimitExceeded,
    /// Meta rejected it recently.
    Rejected,
    /// It is rated YELLOW.
    RatedYellow,
    /// An appeal is pending.
    InAppeal,
    /// It is being reviewed or deleted, or its status is unknown.
    Unsettled,
    /// Meta considers another category correct.
    CategoryMismatch,
    /// Rejected or disabled earlier, deleted or archived: counted, not shown.
    Past,
}

impl Concern {
    /// Why this template is shown. `None` if it has no problem.
    pub(super) fn from_template(template: &Template, now: Timestamp) -> Option<Self> {
        let changed = template.status.changed().map(|stamp| stamp.at());
        let if_recent = |concern| {
            let recent = changed.is_some_and(|at| is_recent(at, now));
            Some(if recent { concern } else { Self::Past })
        };
        match template.status.value() {
            Some(Status::Disabled) => if_recent(Self::Disabled),
            Some(Status::Rejected) => if_recent(Self::Rejected),
            Some(Status::Deleted | Status::Archived) => Some(Self::Past),
            Some(Status::PendingDeletion) => Some(Self::Unsettled),
            Some(Status::Paused) => Some(Self::Paused),
            Some(Status::LimitExceeded) => Some(
                for_usable(template)
                    .map_or(Self::LimitExceeded, |other| other.min(Self::LimitExceeded)),
            ),
            Some(Status::InAppeal) => {
                Some(for_usable(template).map_or(Self::InAppeal, |other| other.min(Self::InAppeal)))
            }
            Some(Status::Pending | Status::Other) | None => Some(
                for_usable(template).map_or(Self::Unsettled, |other| other.min(Self::Unsettled)),
            ),
            Some(Status::Approved) => for_usable(template),
        }
    }

    /// Severity, the same as that of the corresponding alert.
    pub(super) fn level(self) -> Level {
        match self {
            Self::Disabled => Level::Critical,
            Self::Paused
            | Self::DisableScheduled
            | Self::LimitExceeded
            | Self::Rejected
            | Self::InAppeal => Level::Warning,
            Self::RatedRed => Level::from_template_rating(QualityRating::Red),
            Self::RatedYellow => Level::from_template_rating(QualityRating::Yellow),
            Self::CategoryChangeScheduled
            | Self::Unsettled
            | Self::CategoryMismatch
            | Self::Past => Level::Neutral,
        }
    }

    /// Phrase after a number of templates, in the list of issues.
    pub(super) fn as_phrase(self) -> &'static str {
        match self {
            Self::Disabled => "newly DISABLED",
            Self::Paused => "PAUSED",
            Self::DisableScheduled => "scheduled to be disabled",
            Self::CategoryChangeScheduled => "scheduled to change category",
            Self::RatedRed => "rated RED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Rejected => "newly REJECTED",
            Self::RatedYellow => "rated YELLOW",
            Self::InAppeal => "IN_APPEAL",
            Self::Unsettled => "unsettled",
            Self::CategoryMismatch => "in a category that Meta considers wrong",
            Self::Past => "rejected, disabled or archived earlier",
        }
    }
}

/// Number of the account's templates with each concern.
pub(super) fn counts(account: &Account, now: Timestamp) -> BTreeMap<Concern, usize> {
    let mut counts = BTreeMap::new();
    let templates = account.templates();
    for concern in templates.filter_map(|template| Concern::from_template(template, now)) {
        *counts.entry(concern).or_default() += 1;
    }
    counts
}

/// The problem of a template whose status is usable.
fn for_usable(template: &Template) -> Option<Concern> {
    let rating = match template.quality_rating.value() {
        Some(QualityRating::Red) => Some(Concern::RatedRed),
        Some(QualityRating::Yellow) => Some(Concern::RatedYellow),
        Some(QualityRating::Other) => Some(Concern::Unsettled),
        Some(QualityRating::Green | QualityRating::Unknown) | None => None,
    };
    let disable = template.disable_scheduled_at();
    let change = template.category_change_scheduled();
    let mismatch = template.correct_category_if_other();
    let concerns = [
        disable.map(|_| Concern::DisableScheduled),
        change.map(|_| Concern::CategoryChangeScheduled),
        mismatch.map(|_| Concern::CategoryMismatch),
        rating,
    ];
    concerns.into_iter().flatten().min()
}
