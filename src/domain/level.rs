//! Severity of a state, shared by the status page, log lines and notifications.

use super::template::Status as TemplateStatus;
use super::{CanSendMessage, QualityRating, SendingCause, account, number};

/// Severity of a state, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The level as text: in JSON, and as CSS class.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Neutral => "neutral",
            Self::Fine => "fine",
        }
    }

    /// Severity of a node's health, the same as in the alerts. A portfolio may remain unverified permanently, so this
    /// limit is no issue.
    #[must_use]
    pub fn from_sending(can_send: CanSendMessage, cause: Option<SendingCause>) -> Self {
        match cause {
            Some(SendingCause::PortfolioUnverified) => Self::Neutral,
            Some(SendingCause::PaymentMissing) => Self::Critical,
            Some(SendingCause::Other) | None => can_send.into(),
        }
    }

    /// Severity of a template's rating. Lower than that of a phone number's: other templates can still be sent.
    #[must_use]
    pub fn from_template_rating(rating: QualityRating) -> Self {
        Self::from(rating).max(Self::Warning)
    }
}

/// Severity of a change, in the words of alerts, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to do.
    Info,
    /// Someone must act within days.
    Warning,
    /// Someone must act now.
    Critical,
}

impl Severity {
    /// The severity as text, as in the label of alerts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Critical => Self::Critical,
            Level::Warning => Self::Warning,
            Level::Neutral | Level::Fine => Self::Info,
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
#[must_use]
pub fn is_out_of_service(status: number::Status) -> bool {
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

/// Whether a number with this status is, or can be, in use. A pending number that is disconnected loses nothing.
#[must_use]
pub fn was_in_service(status: number::Status) -> bool {
    use number::Status;
    match status {
        Status::Connected
        | Status::Linked
        | Status::Flagged
        | Status::Restricted
        | Status::RateLimited
        | Status::Warned
        | Status::Paused
        | Status::Other => true,
        Status::Pending | Status::Unverified | Status::Unknown | Status::Banned => false,
        Status::Disconnected
        | Status::Migrated
        | Status::Deleted
        | Status::Unlinked
        | Status::Offline => false,
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
