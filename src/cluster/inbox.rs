//! The inbox: events that another replica received for a shard.

use crate::domain::Shard;

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow<T> {
    /// Assigned when the row was inserted. A row with a smaller id can become visible later.
    pub id: i64,
    /// The shard whose owner applies it.
    pub shard: Shard,
    /// The received events.
    pub events: T,
}

/// Rows that are applied in one commit.
///
/// The same transaction that writes the state deletes exactly these rows, each by its id, and checks the epochs of
/// their shards. Then every row is applied once: no transaction can apply without deleting, and none can delete a row
/// that became visible after it was read. A row of a shard that was dropped stays for the next owner.
///
/// Rows are applied in the epoch in which they were read: no heartbeat and no acquisition comes between the read and
/// the commit, or the rows are read again. Otherwise a shard could be lost and acquired again in between, and the rows
/// would already be applied by the owner in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxBatch<T> {
    rows: Vec<InboxRow<T>>,
}

impl<T> InboxBatch<T> {
    /// The rows of owned shards, in the order of their ids.
    pub fn new(mut rows: Vec<InboxRow<T>>, owns: impl Fn(Shard) -> bool) -> Self {
        rows.retain(|row| owns(row.shard));
        rows.sort_unstable_by_key(|row| row.id);
        Self { rows }
    }

    /// The rows to apply, in order.
    #[must_use]
    pub fn into_rows(self) -> Vec<InboxRow<T>> {
        self.rows
    }

    /// The ids to delete with the commit. If fewer rows than these are deleted, the transaction is rolled back.
    #[must_use]
    pub fn ids(&self) -> Vec<i64> {
        self.rows.iter().map(|row| row.id).collect()
    }
}
