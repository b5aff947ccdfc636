//! Phone numbers: what a poll reads of one, and what a webhook tells of one.

use super::word::meta_words;
use super::{DisplayDigits, Health, MessagingLimit, PhoneNumberId, QualityRating};

meta_words! {
    /// `status` of a number: the union of Meta's four lists, and of what resellers' pages add.
    Status {
        Connected = "CONNECTED",
        Flagged = "FLAGGED",
        Restricted = "RESTRICTED",
        RateLimited = "RATE_LIMITED",
        Banned = "BANNED",
        Pending = "PENDING",
        Disconnected = "DISCONNECTED",
        Migrated = "MIGRATED",
        Deleted = "DELETED",
        Unverified = "UNVERIFIED",
        Linked = "LINKED",
        Unlinked = "UNLINKED",
        Offline = "OFFLINE",
        Paused = "PAUSED",
        Warned = "WARNED",
        Unknown = "UNKNOWN",
    }
}

impl Status {
    /// Preference for matching webhooks if two numbers have the same digits; the lowest rank wins. A
    /// re-registered number leaves its old node behind.
    #[must_use]
    pub fn rank_for_webhooks(self) -> u8 {
        match self {
            Self::Connected | Self::Linked => 0,
            Self::Flagged | Self::Restricted | Self::RateLimited | Self::Warned | Self::Paused => 1,
            Self::Pending | Self::Unverified | Self::Banned | Self::Offline => 2,
            Self::Unknown | Self::Other => 3,
            Self::Disconnected | Self::Unlinked | Self::Migrated | Self::Deleted => 4,
        }
    }
}

meta_words! {
    /// `throughput.level`.
    ThroughputLevel {
        Standard = "STANDARD",
        High = "HIGH",
        NotApplicable = "NOT_APPLICABLE",
    }
}

meta_words! {
    /// `name_status` and `new_name_status`.
    NameStatus {
        Approved = "APPROVED",
        AvailableWithoutReview = "AVAILABLE_WITHOUT_REVIEW",
        Declined = "DECLINED",
        Expired = "EXPIRED",
        PendingReview = "PENDING_REVIEW",
        None = "NONE",
        NonExists = "NON_EXISTS",
    }
}

meta_words! {
    /// `code_verification_status`. The OpenAPI file writes `UNVERIFIED` for `NOT_VERIFIED`.
    CodeVerificationStatus {
        Verified = "VERIFIED",
        NotVerified = "NOT_VERIFIED" | "UNVERIFIED",
        Expired = "EXPIRED",
    }
}

meta_words! {
    /// `account_mode` of a number.
    AccountMode {
        Live = "LIVE",
        Sandbox = "SANDBOX",
    }
}

meta_words! {
    /// `platform_type` of a number.
    PlatformType {
        CloudApi = "CLOUD_API",
        OnPremise = "ON_PREMISE",
        NotApplicable = "NOT_APPLICABLE",
    }
}

meta_words! {
    /// `event` of `phone_number_quality_update`, today's two and the four of old.
    QualityEventKind {
        Onboarding = "ONBOARDING",
        ThroughputUpgrade = "THROUGHPUT_UPGRADE",
        Flagged = "FLAGGED",
        Unflagged = "UNFLAGGED",
        Upgrade = "UPGRADE",
        Downgrade = "DOWNGRADE",
    }
}

meta_words! {
    /// `decision` of `phone_number_name_update`.
    NameDecision {
        Approved = "APPROVED",
        Deferred = "DEFERRED",
        Pending = "PENDING",
        Rejected = "REJECTED",
    }
}

impl NameDecision {
    /// The `name_status` that a poll will report for this decision.
    #[must_use]
    pub fn name_status(self) -> Option<NameStatus> {
        match self {
            Self::Approved => Some(NameStatus::Approved),
            Self::Deferred | Self::Pending => Some(NameStatus::PendingReview),
            Self::Rejected => Some(NameStatus::Declined),
            Self::Other => None,
        }
    }
}

/// One number as a poll read it. `None`: Meta did not send the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The number's node.
    pub id: PhoneNumberId,
    /// As Meta displays it, e.g. `+1 555-010-0199`.
    pub display_phone_number: Option<String>,
    /// The business' name under which it writes.
    pub verified_name: Option<String>,
    /// `account_mode`.
    pub account_mode: Option<AccountMode>,
    /// `platform_type`.
    pub platform_type: Option<PlatformType>,
    /// `quality_rating`, or `quality_score.score`.
    pub quality_rating: Option<QualityRating>,
    /// `status`.
    pub status: Option<Status>,
    /// `whatsapp_business_manager_messaging_limit`, else the deprecated `messaging_limit_tier`.
    pub messaging_limit: Option<MessagingLimit>,
    /// `throughput.level`.
    pub throughput_level: Option<ThroughputLevel>,
    /// `name_status`.
    pub name_status: Option<NameStatus>,
    /// `new_name_status`: the review of a name that was asked for and is not yet in force.
    pub new_name_status: Option<NameStatus>,
    /// `code_verification_status`.
    pub code_verification_status: Option<CodeVerificationStatus>,
    /// `health_status`.
    pub health: Option<Health>,
}

impl Reading {
    /// A reading that says nothing but that the number exists.
    #[must_use]
    pub fn of(id: PhoneNumberId) -> Self {
        Self {
            id,
            display_phone_number: None,
            verified_name: None,
            account_mode: None,
            platform_type: None,
            quality_rating: None,
            status: None,
            messaging_limit: None,
            throughput_level: None,
            name_status: None,
            new_name_status: None,
            code_verification_status: None,
            health: None,
        }
    }
}

/// The digits that webhooks use for a number. Only the `metadata` of message webhooks has them together with
/// the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spelling {
    /// The number.
    pub id: PhoneNumberId,
    /// Its digits in webhooks.
    pub digits: DisplayDigits,
}

/// A webhook about one number. Management webhooks carry no id: the digits are the only key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which number.
    pub digits: DisplayDigits,
    /// What about it.
    pub news: News,
}

/// What a webhook says of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// `phone_number_quality_update`.
    Quality {
        /// `event`. It says "flagged", never a colour.
        event: QualityEventKind,
        /// The limit before, where the event is about limits.
        old_limit: Option<MessagingLimit>,
        /// The limit now. Never a throughput level: the parser tells those apart.
        current_limit: Option<MessagingLimit>,
    },
    /// `phone_number_name_update`.
    Name(NameDecision),
}
