//! The types of the fields of changes.

use serde::{Deserialize, Serialize};

/// Meta's wire format: before or after the changes of 2025/26.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// The form of older subscriptions.
    Old,
    /// The form of newer subscriptions.
    #[default]
    New,
}

/// Why a template is paused: `other_info.title`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// FIRST_PAUSE, three hours.
    First,
    /// SECOND_PAUSE, six hours.
    Second,
    /// RATE_LIMITING_PAUSE.
    RateLimiting,
}

/// One restriction of [`AccountRestricted`](super::WorldChange::AccountRestricted).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestrictionNotice {
    /// For example RESTRICTED_BIZ_INITIATED_MESSAGING.
    pub restriction_type: String,
    /// Seconds until it ends; `None` means without an end.
    pub in_seconds: Option<i64>,
    /// Whether the end is ISO text instead of Unix seconds.
    #[serde(default)]
    pub as_text: bool,
}
