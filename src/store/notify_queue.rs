//! The changes that wait for receivers of notifications: which ones a commit adds, and what is dropped to make room.
//!
//! Bounded by count, whatever the receivers do: beyond the limit, the oldest changes are dropped.

use super::engine::SignalSpan;
use super::history::HistoryRow;
use crate::domain::{Level, Severity, Timestamp};
use crate::state::value_level;

/// Maximum number of waiting changes. Each takes a quarter of a kilobyte on disk. A fleet of a thousand numbers has
/// some hundred changes a day.
const MAX_SIGNALS: i64 = 100_000;

/// One reported change, with the names of its entity at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its number in the order of commits.
    pub number: i64,
    /// Time of its commit.
    pub recorded_at: Timestamp,
    /// The journal's line.
    pub row: HistoryRow,
    /// Name of the account.
    pub account_name: Option<String>,
    /// Name of the entity. For an account, the same.
    pub name: Option<String>,
    /// The phone number as Meta displays it.
    pub display_phone_number: Option<String>,
    /// Language of the template.
    pub language: Option<String>,
}

impl Signal {
    /// Severity of the value after the change.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let HistoryRow { from, to, .. } = &self.row;
        self.level(from.as_deref(), to).into()
    }

    /// Severity of the value that the change ended. `None` for the first known value.
    #[must_use]
    pub fn severity_before(&self) -> Option<Severity> {
        let before = self.row.from.as_deref()?;
        Some(self.level(None, before).into())
    }

    fn level(&self, from: Option<&str>, to: &str) -> Level {
        let HistoryRow {
            entity, attribute, ..
        } = &self.row;
        value_level(entity, attribute, from, to)
    }
}

/// The numbers of the stored changes, and whether there are receivers.
#[derive(Debug, Default)]
pub(super) struct SignalIndex {
    span: SignalSpan,
    /// Whether there are receivers. If not, changes are not stored.
    pub has_receivers: bool,
}

impl SignalIndex {
    /// Replaces the span with that of the store. Numbers never start again while the process runs.
    pub fn restore(&mut self, stored: SignalSpan) {
        let newest = self.span.newest.max(stored.newest);
        let is_empty = stored.oldest > stored.newest;
        self.span = SignalSpan {
            oldest: if is_empty { newest + 1 } else { stored.oldest },
            newest,
        };
    }

    /// The range of stored changes.
    pub fn span(&self) -> SignalSpan {
        self.span
    }

    /// The oldest change that can stay after those up to this one are added.
    pub fn oldest_beside(&self, newest: i64) -> i64 {
        self.span.oldest.max(newest - MAX_SIGNALS + 1)
    }

    /// Adds changes up to this one, and removes those before `oldest`.
    pub fn add(&mut self, newest: i64, oldest: i64) {
        self.span = SignalSpan { oldest, newest };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(oldest: i64, newest: i64) -> SignalSpan {
        SignalSpan { oldest, newest }
    }

    #[test]
    fn the_oldest_changes_are_dropped_beyond_the_limit() {
        let mut index = SignalIndex::default();
        index.restore(span(1, 0));
        assert_eq!(index.oldest_beside(2), 1);
        index.add(2, 1);
        assert_eq!(index.span(), span(1, 2));
        assert_eq!(index.oldest_beside(MAX_SIGNALS + 2), 3);
        index.add(MAX_SIGNALS + 2, 3);
        assert_eq!(index.span(), span(3, MAX_SIGNALS + 2));
        assert_eq!(index.oldest_beside(MAX_SIGNALS + 3), 4);
    }

    #[test]
    fn numbers_continue_after_all_changes_are_settled() {
        let mut index = SignalIndex::default();
        index.restore(span(8, 7));
        assert_eq!(index.span(), span(8, 7));
        index.add(10, 8);
        index.restore(span(1, 0));
        assert_eq!(index.span(), span(11, 10));
        index.restore(span(9, 10));
        assert_eq!(index.span(), span(9, 10));
    }
}
