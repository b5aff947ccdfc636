//! Severity of a state, which determines its order and its colour. The text always names the state as well.

use serde::Serialize;

use crate::domain::template::Status as TemplateStatus;
use crate::domain::{CanSendMessage, QualityRating, account, number};

/// Severity of a state, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Meta has acted, or is about to.
    Critical,
    /// The state is deteriorating, or someone must act within days.
    Warning,
    /// The state is neither good nor bad, or unknown.
    Neutral,
    /// Healthy.
    Fine,
}

impl Level {
    /// The level as text in the JSON, and as CSS class.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Neutral => "neutral",
            Self::Fine => "fine",
        }
    }
}

impl From<QualityRating> for Level {
    fn from(rating: QualityRating) -> Self {
        match rating {
            QualityRating::Green => Self::Fine,
            QualityRating::Yellow => Self::Warning,
            QualityRating::Red => Self::Critical,
            QualityRating::Unknown | QualityRating::Other => Self::Neutral,
        }
    }
}

impl From<number::Status> for Level {
    fn from(status: number::Status) -> Self {
        use number::Status;
        match status {
            Status::Connected | Status::Linked => Self::Fine,
            Status::Flagged | Status::Restricted | Status::RateLimited | Status::Banned => {
                Self::Critical
            }
            Status::Pending | Status::Unverified | Status::Warned | Status::Paused => Self::Warning,
            // Sandbox numbers are permanently DISCONNECTED, so the severity depends on the previous status.
            Status::Disconnected
            | Status::Migrated
            | Status::Deleted
            | Status::Unlinked
            | Status::Offline
            | Status::Unknown
            | Status::Other => Self::Neutral,
        }
    }
}

/// Whether a number with this status cannot carry messages for this account, so that a change to it is a loss.
pub(super) fn is_out_of_service(status: number::Status) -> bool {
    use number::Status;
    match status {
        Status::Disconnected
        | Status::Migrated
        | Status::Deleted
        | Status::Unlinked
        | Status::Offline => true,
        Status::Connected
        | Status::Flagged
        | Status::Restricted
        | Status::RateLimited
        | Status::Banned
        | Status::Pending
        | Status::Unverified
        | Status::Linked
        | Status::Paused
        | Status::Warned
        | Status::Unknown
        | Status::Other => false,
    }
}

impl From<CanSendMessage> for Level {
    fn from(can_send: CanSendMessage) -> Self {
        match can_send {
            CanSendMessage::Available => Self::Fine,
            CanSendMessage::Limited => Self::Warning,
            CanSendMessage::Blocked => Self::Critical,
            CanSendMessage::Other => Self::Neutral,
        }
    }
}

impl From<account::ReviewStatus> for Level {
    fn from(review: account::ReviewStatus) -> Self {
        use account::ReviewStatus;
        match review {
            ReviewStatus::Approved => Self::Fine,
            ReviewStatus::Rejected | ReviewStatus::Restricted => Self::Critical,
            ReviewStatus::Pending | ReviewStatus::Deferred | ReviewStatus::LimitReached => {
                Self::Warning
            }
            ReviewStatus::Other => Self::Neutral,
        }
    }
}

impl From<TemplateStatus> for Level {
    fn from(status: TemplateStatus) -> Self {
        match status {
            TemplateStatus::Approved => Self::Fine,
            TemplateStatus::Disabled => Self::Critical,
            TemplateStatus::Rejected
            | TemplateStatus::Paused
            | TemplateStatus::LimitExceeded
            | TemplateStatus::InAppeal => Self::Warning,
            TemplateStatus::Pending
            | TemplateStatus::PendingDeletion
            | TemplateStatus::Deleted
            | TemplateStatus::Archived
            | TemplateStatus::Other => Self::Neutral,
        }
    }
}
