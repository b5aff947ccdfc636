//! The engine of a store: the database that keeps its rows. There are two: SQLite for one process, and PostgreSQL for
//! any number of replicas.
//!
//! An engine knows rows and text, but not the meaning of the state. Both have the same tables, apart from what only
//! several replicas need.

mod copying;
mod error;
mod journal;
mod queues;
mod rows;
mod shared;
mod writes;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use copying::{
    ColumnKind, CopiedRow, CopiedRows, CopiedTable, CopiedValue, CopySide, copied_row,
};
pub use error::{StoreError, StoreErrorReason};
pub use journal::{
    AttributeFilter, JournalFilter, JournalInsert, JournalLine, LineKey, Moves, SortOrder,
};
pub use queues::{RelayRow, SignalRow, SignalSpan};
pub use rows::{
    AccountParts, AccountRows, ClockRow, DiscoveredRow, Keys, ObjectRow, SavedAccount,
    SavedAccounts, SavedSegment, SavedTemplatePage, SegmentRow, Table, TemplatePageRow,
};
pub use shared::{
    Acquired, Heartbeat, Hints, InboxInsert, InboxRow, InboxSize, ReadConnections, SharedEngine,
    Versions,
};
pub use writes::{NewDelivery, Writes};

use super::relay_queue::Settlement;
use crate::domain::{PhoneNumberId, Shard, Sharding, WabaId};
use crate::state::DedupScope;

/// Maximum number of accounts that are loaded at once, which limits the memory that their rows take beside the state.
pub const ACCOUNTS_PER_LOAD: usize = 250;

/// The state of the database after a failure, once it accepts writes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The database has the last known commit, and no later one.
    Unchanged,
    /// A commit whose outcome was unknown has succeeded. The state must be reloaded; this is the commit's number.
    Committed(i64),
    /// Other replicas may have taken the shards. This one owns none until it acquires them again.
    ShardsLost,
}

/// The outcome of a transaction that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Everything is durable.
    Committed,
    /// Nothing was written, because other replicas have acquired these shards.
    Fenced(Vec<Shard>),
}

/// The connection that writes. Queues and keys are those of the shards that this replica owns; with SQLite, there is
/// one shard, and this process owns it.
#[async_trait]
pub trait Engine: Send {
    /// The number of shards of this store.
    fn sharding(&self) -> Sharding;

    /// What only a store of several replicas has. `None` for a store of one process.
    fn shared(&mut self) -> Option<&mut dyn SharedEngine>;

    /// Connections that read the journal; each query ends at the time limit.
    fn journal(&self, time_limit: Duration) -> Arc<dyn JournalReader>;

    /// Connections that read accounts of other replicas. `None` for a store of one process.
    fn account_reader(&self) -> Option<Arc<dyn AccountReader>>;

    /// Connections that read the last report of `doctor`. `None` if it is in a file.
    fn report_reader(&self) -> Option<Arc<dyn ReportReader>>;

    /// Connections that read waiting deliveries.
    fn relay_reader(&self) -> Arc<dyn RelayReader>;

    /// Connections that read changes for receivers of notifications.
    fn signal_reader(&self) -> Arc<dyn SignalReader>;

    /// The number of the last commit.
    async fn commit_number(&mut self) -> Result<i64, StoreError>;

    /// Writes everything in one transaction. After an error nothing is durable, unless only the response to the
    /// commit was lost.
    async fn write(&mut self, writes: &Writes) -> Result<Written, StoreError>;

    /// Checks that the database is still the one that was opened.
    async fn check(&mut self) -> Result<(), StoreError>;

    /// Connects again after a failure, and tests writing. `number` is that of the last commit known to be durable.
    async fn recover(&mut self, number: i64) -> Result<Recovery, StoreError>;

    /// Closes the database after its last commit.
    async fn close(self: Box<Self>) -> Result<(), StoreError>;

    /// Meta's time at the last commit.
    async fn clock(&mut self) -> Result<ClockRow, StoreError>;

    /// Loads those of these accounts that are stored: at most [`ACCOUNTS_PER_LOAD`].
    async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError>;

    /// The oldest segments of a log of customers, up to this number.
    async fn oldest_segments(
        &mut self,
        waba_id: &WabaId,
        phone_number_id: &PhoneNumberId,
        newest: i64,
    ) -> Result<Vec<SavedSegment>, StoreError>;

    /// The segments of the first log of customers after this account and phone number, oldest first. Empty if there is
    /// none. A log can be large, so that not all are read at once.
    async fn segments_after(
        &mut self,
        waba_id: &str,
        phone_number_id: &str,
    ) -> Result<Vec<SavedSegment>, StoreError>;

    /// The segments of this window of delivery keys, oldest first: the number of the newest key of each, and its keys.
    async fn delivery_keys(
        &mut self,
        shard: Shard,
        scope: DedupScope,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError>;

    /// The check value of the key for hashing customers in use so far.
    async fn customer_key(&mut self) -> Result<Option<String>, StoreError>;

    /// Stores the check value of the key. If the key has changed, drops all customers, because no message can be
    /// matched to them any more.
    async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_customers: bool,
    ) -> Result<(), StoreError>;

    /// All discovered accounts of all apps.
    async fn discovered(&mut self) -> Result<Vec<DiscoveredRow>, StoreError>;

    /// Replaces the discovered accounts of one app.
    async fn remember_discovered(
        &mut self,
        app: &str,
        rows: &[DiscoveredRow],
    ) -> Result<(), StoreError>;

    /// Numbers for new deliveries of the relay, ascending. `newest` is the greatest one that this process knows; in a
    /// store of several replicas, they are greater than all numbers that any of them has used.
    async fn new_numbers(&mut self, newest: i64, count: usize) -> Result<Vec<i64>, StoreError>;

    /// Every delivery of the relay, oldest first, as (number, size in bytes).
    async fn deliveries(&mut self) -> Result<Vec<(i64, i64)>, StoreError>;

    /// Deletes the entries of all upstreams but these; returns the number of deliveries that were dropped.
    async fn forward_to(&mut self, upstreams: &[String]) -> Result<u64, StoreError>;

    /// Stores the outcomes of deliveries to an upstream. Deletes and returns the deliveries that no upstream waits
    /// for any more.
    async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<Vec<i64>, StoreError>;

    /// The range of the stored changes for receivers of notifications.
    async fn signal_span(&mut self) -> Result<SignalSpan, StoreError>;

    /// Keeps changes for exactly these receivers from now on. A new receiver starts after the newest change.
    async fn notify(&mut self, receivers: &[String], newest: i64) -> Result<(), StoreError>;

    /// Stores the last change that a receiver accepted, and forgets those that every receiver has accepted.
    async fn settle_signals(&mut self, receiver: &str, settled: i64) -> Result<(), StoreError>;

    /// Deletes an account's journal lines before `cutoff_ms`, except each attribute's last one, which is its value at
    /// the cut-off. Lines of an account that was not saved since then, and of entities that are no longer stored, are
    /// all deleted. The account is the first one after `after`, and is returned; `None` if there is none. One
    /// transaction prunes only one account, so that commits come between them.
    ///
    /// A clock that is far ahead must not delete everything: the newest journal line limits the cut-off.
    async fn prune(
        &mut self,
        after: &str,
        cutoff_ms: i64,
        kept_for_ms: i64,
    ) -> Result<Option<String>, StoreError>;
}

/// Reads the rows of accounts that other replicas own.
#[async_trait]
pub trait AccountReader: Debug + Send + Sync {
    /// When each of these accounts was saved, in Unix milliseconds; unknown ones are absent.
    async fn saved_times(&self, waba_ids: &[String]) -> Result<Vec<(String, i64)>, StoreError>;

    /// Loads these parts of those of these accounts that are stored: at most [`ACCOUNTS_PER_LOAD`].
    async fn load(
        &self,
        waba_ids: &[String],
        parts: AccountParts,
    ) -> Result<SavedAccounts, StoreError>;

    /// The message counters of each number of these accounts, as pairs of account and state.
    async fn traffic(&self, waba_ids: &[String]) -> Result<Vec<(String, String)>, StoreError>;

    /// The accounts that have this phone number.
    async fn of_number(&self, phone_number_id: &str) -> Result<Vec<String>, StoreError>;

    /// The accounts that these portfolios own.
    async fn of_portfolios(&self, business_ids: &[String]) -> Result<Vec<String>, StoreError>;

    /// The portfolios that own accounts.
    async fn portfolios(&self) -> Result<Vec<String>, StoreError>;
}

/// Reads the last report of `doctor`.
#[async_trait]
pub trait ReportReader: Debug + Send + Sync {
    /// Its text. `None` if there is none.
    async fn last_report(&self) -> Result<Option<String>, StoreError>;
}

/// Reads the journal of all accounts while others write.
#[async_trait]
pub trait JournalReader: Debug + Send + Sync {
    /// Fails if an older version has written the store, and no exporter of this version has opened it since.
    async fn check_version(&self) -> Result<(), StoreError>;

    /// A first query, which fails if this is not a store of this or an older version.
    async fn probe(&self) -> Result<(), StoreError>;

    /// The selected lines: at most `limit`, after skipping `offset`.
    async fn lines(
        &self,
        selection: &JournalFilter,
        order: SortOrder,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<JournalLine>, StoreError>;

    /// For each selected attribute, its last line before the selected period: the value in force at its start.
    async fn in_force(
        &self,
        selection: &JournalFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError>;

    /// The newest lines of these attributes, newest first.
    async fn newest(
        &self,
        wanted: &AttributeFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError>;

    /// The rows of daily figures, with those of their accounts: of all accounts, or of one.
    async fn insights(&self, waba_id: Option<&str>) -> Result<SavedAccounts, StoreError>;

    /// Writes a copy of the whole database to a new file.
    async fn copy_to(&self, path: &Path) -> Result<(), StoreError>;

    /// Closes all connections.
    async fn close(&self);
}

/// Reads waiting deliveries while another connection writes.
#[async_trait]
pub trait RelayReader: Debug + Send + Sync {
    /// Deliveries after this one that the upstream has not accepted, oldest first. In a store of several replicas, only
    /// those of these shards.
    async fn pending(
        &self,
        upstream: &str,
        shards: &BTreeSet<Shard>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RelayRow>, StoreError>;

    /// Number, signature and body of each delivery that still exists.
    async fn contents(&self, deliveries: &[i64])
    -> Result<Vec<(i64, String, Vec<u8>)>, StoreError>;

    /// Closes all connections.
    async fn close(&self);
}

/// Reads stored changes while another connection writes.
#[async_trait]
pub trait SignalReader: Debug + Send + Sync {
    /// The last change that the receiver accepted. `None` if the store does not know the receiver.
    async fn settled(&self, receiver: &str) -> Result<Option<i64>, StoreError>;

    /// The changes after this one, oldest first.
    async fn after(
        &self,
        receiver: &str,
        number: i64,
        limit: u32,
    ) -> Result<Vec<SignalRow>, StoreError>;

    /// Closes all connections.
    async fn close(&self);
}
