//! Message templates: their attributes, and what webhooks report.

use std::time::Duration;

use super::attribute::snapshot;
use super::word::meta_words;
use super::{QualityRating, TemplateId, Timestamp};

meta_words! {
    /// `status` of a template.
    Status {
        Approved = "APPROVED",
        Pending = "PENDING",
        Rejected = "REJECTED",
        Paused = "PAUSED",
        Disabled = "DISABLED",
        InAppeal = "IN_APPEAL",
        PendingDeletion = "PENDING_DELETION",
        Deleted = "DELETED",
        LimitExceeded = "LIMIT_EXCEEDED",
        Archived = "ARCHIVED",
    }
}

meta_words! {
    /// `event` of `message_template_status_update`. `FLAGGED` means: will be disabled soon.
    EventKind {
        Approved = "APPROVED",
        Archived = "ARCHIVED",
        Unarchived = "UNARCHIVED",
        Deleted = "DELETED",
        Disabled = "DISABLED",
        Flagged = "FLAGGED",
        InAppeal = "IN_APPEAL",
        LimitExceeded = "LIMIT_EXCEEDED",
        Locked = "LOCKED",
        Paused = "PAUSED",
        Pending = "PENDING",
        PendingDeletion = "PENDING_DELETION",
        Reinstated = "REINSTATED",
        Rejected = "REJECTED",
    }
}

impl EventKind {
    /// The status that a poll will report after this event; none where the event says nothing of it.
    #[must_use]
    pub fn status(self) -> Option<Status> {
        match self {
            Self::Approved | Self::Unarchived | Self::Reinstated => Some(Status::Approved),
            Self::Archived => Some(Status::Archived),
            Self::Deleted => Some(Status::Deleted),
            Self::Disabled => Some(Status::Disabled),
            Self::InAppeal => Some(Status::InAppeal),
            Self::LimitExceeded => Some(Status::LimitExceeded),
            Self::Paused => Some(Status::Paused),
            Self::Pending => Some(Status::Pending),
            Self::PendingDeletion => Some(Status::PendingDeletion),
            Self::Rejected => Some(Status::Rejected),
            Self::Flagged | Self::Locked | Self::Other => None,
        }
    }
}

meta_words! {
    /// `category` of a template. Retired ones (`ISSUE_RESOLUTION` and its like) are `OTHER`.
    Category {
        Marketing = "MARKETING",
        Utility = "UTILITY",
        Authentication = "AUTHENTICATION",
    }
}

meta_words! {
    /// `rejected_reason` of a poll, `reason` of a webhook: both lists.
    RejectedReason {
        AbusiveContent = "ABUSIVE_CONTENT",
        CategoryNotAvailable = "CATEGORY_NOT_AVAILABLE",
        IncorrectCategory = "INCORRECT_CATEGORY",
        InvalidFormat = "INVALID_FORMAT",
        Promotional = "PROMOTIONAL",
        Scam = "SCAM",
        TagContentMismatch = "TAG_CONTENT_MISMATCH",
        None = "NONE",
    }
}

meta_words! {
    /// `other_info.title` of a status event.
    PauseTitle {
        FirstPause = "FIRST_PAUSE",
        SecondPause = "SECOND_PAUSE",
        RateLimitingPause = "RATE_LIMITING_PAUSE",
        Unpause = "UNPAUSE",
        Disabled = "DISABLED",
    }
}

impl PauseTitle {
    /// How long Meta says such a pause lasts; none where it does not end by itself.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::FirstPause => Some(Duration::from_secs(3 * 3600)),
            Self::SecondPause => Some(Duration::from_secs(6 * 3600)),
            Self::RateLimitingPause | Self::Unpause | Self::Disabled | Self::Other => None,
        }
    }
}

/// Which template, as both sources can say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// One language of one name has one id.
    pub id: TemplateId,
    /// `name`.
    pub name: Option<String>,
    /// `language` with an underscore (`en_US`), whichever way Meta wrote it.
    pub language: Option<String>,
}

/// The attributes of a message template; see [`attribute`](super::attribute) for the columns. The order of the rows is
/// the order in which requests name the fields. Never `components`: no metric needs the text, and it makes pages large.
macro_rules! template_attributes {
    ($then:path) => {
        $then! {
            node TemplateId;
            polled {
                name: Latest<String> = text("name");
                /// With an underscore (`en_US`), however Meta wrote it.
                language: Latest<String> = language("language");
                status: History<Status> = word("status"), shared;
                category: History<Category> = word("category"), shared;
                /// If it differs from `category`, a change is coming.
                correct_category: Latest<Category> = word("correct_category");
                quality_rating: History<QualityRating> = quality_score("quality_score"), shared;
                /// When Meta gave the rating.
                quality_rating_date: Latest<Timestamp> = quality_score_date("quality_score.date");
                /// The last reason that Meta gave for a rejection.
                last_reason: Latest<RejectedReason> = word("rejected_reason");
            }
            derived {}
            reported {
                /// `other_info.title` of the last status event that had one.
                pause: Latest<PauseTitle>;
            }
        }
    };
}
pub(crate) use template_attributes;

template_attributes!(snapshot);

/// A complete or broken-off reading of an account's templates has these totals beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// `summary.message_template_count`.
    pub count: Option<u64>,
    /// `summary.message_template_limit`.
    pub limit: Option<u64>,
}

impl Totals {
    /// These totals, with what they lack taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            count: self.count.or(other.count),
            limit: self.limit.or(other.limit),
        }
    }
}

/// A webhook about one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which one.
    pub identity: Identity,
    /// What about it.
    pub news: News,
}

/// What a webhook says of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// `message_template_status_update`.
    Status {
        /// `event`.
        event: EventKind,
        /// `reason`, or `rejection_info`'s absence of one.
        reason: Option<RejectedReason>,
        /// `message_template_category`.
        category: Option<Category>,
        /// `other_info.title`.
        pause: Option<PauseTitle>,
        /// `disable_info.disable_date`.
        disable_at: Option<Timestamp>,
    },
    /// `message_template_quality_update`, under whichever field it came.
    Quality {
        /// `previous_quality_score`.
        previous: Option<QualityRating>,
        /// `new_quality_score`.
        new: QualityRating,
    },
    /// `template_category_update` in advance: `new_category` is the *present* one.
    CategoryAnnounced {
        /// `new_category`: the category until the change.
        present: Option<Category>,
        /// `correct_category`: the category after it.
        coming: Category,
        /// `category_update_timestamp`.
        at: Option<Timestamp>,
    },
    /// `template_category_update` after the fact.
    CategoryChanged {
        /// `previous_category`.
        previous: Option<Category>,
        /// `new_category`.
        new: Category,
    },
    /// `template_correct_category_detection`, either shape.
    CategoryDetected {
        /// The category Meta finds right.
        correct: Category,
    },
}
