//! Phone numbers: their attributes, and what webhooks report.

use super::attribute::snapshot;
use super::word::meta_words;
use super::{
    CanSendMessage, DeliveryKey, DisplayDigits, Health, HealthDetails, MessagingLimit,
    PhoneNumberId, QualityRating, WebhookConfiguration,
};

meta_words! {
    /// `status` of a number: the union of Meta's four lists, and of additional words on resellers' pages.
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
    /// `event` of `phone_number_quality_update`: the current two and the earlier four.
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

meta_words! {
    /// `rejection_reason` of `phone_number_name_update`. Null and `NONE` both mean that there is none.
    NameRejectionReason {
        None = "NONE",
        EmployeeIssue = "NAME_EMPLOYEE_ISSUE",
        EndClientNotRelated = "NAME_ENDCLIENT_NOTRELATED",
        FormatUnacceptable = "NAME_FORMAT_UNACCEPTABLE",
        IndividualIssue = "NAME_INDIVIDUAL_ISSUE",
        NotConsistent = "NAME_NOT_CONSISTENT",
        Unknown = "UNKNOWN",
    }
}

/// `phone_number_name_update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameReview {
    /// `decision`.
    pub decision: NameDecision,
    /// `rejection_reason`. `None` if Meta gives none.
    pub rejection_reason: Option<NameRejectionReason>,
}

meta_words! {
    /// `event` of `security`: changes of the number's two-step verification PIN.
    SecurityEventKind {
        PinChanged = "PIN_CHANGED",
        PinResetRequest = "PIN_RESET_REQUEST",
        PinRequestSuccess = "PIN_REQUEST_SUCCESS",
    }
}

meta_words! {
    /// `groups[].type` of `group_status_update`.
    GroupStatusKind {
        Suspend = "group_suspend",
        SuspendCleared = "group_suspend_cleared",
    }
}

/// The status of one of the number's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupStatus {
    /// Hash of `group_id`: groups are counted, and their ids are not shown.
    pub group: DeliveryKey,
    /// Whether Meta has suspended the group.
    pub is_suspended: bool,
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

/// The attributes of a phone number; see [`attribute`](super::attribute) for the columns. Requests list the fields in
/// the order of the rows.
macro_rules! number_attributes {
    ($then:path) => {
        $then! {
            node PhoneNumberId;
            polled {
                /// As Meta displays it, e.g. `+1 555-010-0199`.
                display_phone_number: Latest<String> = text("display_phone_number");
                /// The display name of the business.
                verified_name: Latest<String> = text("verified_name");
                account_mode: Latest<AccountMode> = word("account_mode");
                platform_type: Latest<PlatformType> = word("platform_type");
                /// No webhook reports it.
                quality_rating: History<QualityRating> = quality_rating("quality_rating", "quality_score");
                /// No webhook reports it.
                status: History<Status> = word("status");
                /// Unique customers per 24 hours: the portfolio's limit, or else the number's own, as before v24.
                messaging_limit: History<MessagingLimit> = messaging_limit(
                    "whatsapp_business_manager_messaging_limit",
                    "messaging_limit_tier"
                ), shared;
                throughput_level: History<ThroughputLevel> = throughput_level("throughput"), shared;
                /// Review of the current name, or of a name that was just decided on.
                name_status: History<NameStatus> = word("name_status");
                /// Review of a requested name that is not in use yet.
                new_name_status: History<NameStatus> = word("new_name_status");
                code_verification_status: History<CodeVerificationStatus> = word("code_verification_status");
                health: Latest<Health> = health("health_status");
                /// Where Meta delivers the number's messages.
                webhook_configuration: Latest<WebhookConfiguration> = webhook_configuration("webhook_configuration");
                /// The errors and remarks of the health's entities.
                health_details: Latest<HealthDetails> = health_details("health_status");
            }
            derived {
                /// According to `status` or to an event, whichever is newer.
                flagged: History<bool>, shared;
                /// Whether the number can send, according to the entities of its health.
                can_send_message: History<CanSendMessage>;
            }
            reported {}
        }
    };
}
pub(crate) use number_attributes;

number_attributes!(snapshot);

impl Snapshot {
    /// Whether the status is `FLAGGED`.
    #[must_use]
    pub fn flagged(&self) -> Option<bool> {
        self.status.map(|status| status == Status::Flagged)
    }

    /// The lowest value among the health's entities.
    #[must_use]
    pub fn can_send_message(&self) -> Option<CanSendMessage> {
        self.health.as_ref().map(|health| health.can_send_message)
    }
}

/// The digits that webhooks use for a number. Only the `metadata` of message webhooks has them together with
/// the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spelling {
    /// Id of the number.
    pub id: PhoneNumberId,
    /// Its digits in webhooks.
    pub digits: DisplayDigits,
}

/// A webhook about one number. Management webhooks contain no id, so the digits identify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// Digits of the number.
    pub digits: DisplayDigits,
    /// The update.
    pub update: Update,
}

/// A webhook update of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// `phone_number_quality_update`.
    Quality {
        /// `event`. It reports a flag, never a colour.
        event: QualityEventKind,
        /// The previous limit. `None` if the event is not about limits.
        old_limit: Option<MessagingLimit>,
        /// The current limit, never a throughput level: the parser distinguishes them.
        current_limit: Option<MessagingLimit>,
    },
    /// `phone_number_name_update`.
    Name(NameReview),
    /// `security`.
    Security(SecurityEventKind),
    /// `group_status_update`.
    Groups(Vec<GroupStatus>),
}
