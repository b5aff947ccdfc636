//! The error of a store that does not accept commits.

use std::fmt;
use std::time::Duration;

use super::engine::{StoreError, StoreErrorReason};
use super::inbox_events::NotStorable;

/// The store does not accept commits now. The caller must send again what was not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUnavailable {
    message: String,
    /// `None` if the database has reported nothing.
    reason: Option<StoreErrorReason>,
}

impl StoreUnavailable {
    /// The reason, if it can pass without intervention.
    #[must_use]
    pub fn passing_reason(&self) -> Option<StoreErrorReason> {
        let reason = self.reason.unwrap_or(StoreErrorReason::Other);
        Some(reason).filter(|reason| self.reason.is_none() || reason.may_pass())
    }
}

impl fmt::Display for StoreUnavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for StoreUnavailable {}

impl StoreUnavailable {
    pub(super) fn closed() -> Self {
        Self {
            message: cannot_commit("it is closed"),
            reason: None,
        }
    }

    pub(super) fn unreadable(error: &StoreError) -> Self {
        Self {
            message: format!("the store cannot be read: {error}"),
            reason: Some(error.reason),
        }
    }

    pub(super) fn slow(limit: Duration) -> Self {
        Self {
            message: cannot_commit(format_args!("the database has not responded for {limit:?}")),
            reason: None,
        }
    }

    /// Another replica owns the account now.
    pub(super) fn moved() -> Self {
        Self {
            message: cannot_commit("another replica owns the account"),
            reason: None,
        }
    }

    pub(super) fn not_storable(error: &NotStorable) -> Self {
        Self {
            message: cannot_commit(error),
            reason: None,
        }
    }

    /// The database has failed.
    pub(super) fn failed(error: &StoreError) -> Self {
        let reason = error.reason.as_str();
        Self {
            message: cannot_commit(format_args!("{error} ({reason})")),
            reason: Some(error.reason),
        }
    }
}

fn cannot_commit(cause: impl fmt::Display) -> String {
    format!("the store cannot commit: {cause}")
}
