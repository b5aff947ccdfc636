//! What only a store of several replicas has: shards with owners, and an inbox for events that reach another replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::StoreError;
use crate::cluster::{Backend, Epoch, Release, ReplicaId, View};
use crate::domain::Shard;
use crate::state::DedupScope;
use crate::store::relay_queue::{OthersCommand, OthersDeliveries, RelayDelivery};

/// What a replica reports about itself with each heartbeat.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The process.
    pub replica: ReplicaId,
    /// Number of its heartbeats, this one included.
    pub beat: i64,
    /// Whether it is shutting down.
    pub is_leaving: bool,
    /// The address of its operator listener, for people.
    pub address: String,
    /// A hash of the settings that all replicas must share.
    pub config_hash: String,
    /// Whether it must be durable, as a commit: the first one of a session, which shows that commits succeed. Commits
    /// wait forever if a synchronous standby is gone.
    pub is_durable: bool,
}

/// A shard whose lock has been obtained, and whose epoch has been raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// Its new epoch.
    pub epoch: Epoch,
    /// Whether the owner before had released it.
    pub was_released: bool,
}

/// Events for an account of another replica, or a delivery for its relay.
pub struct InboxInsert {
    /// The shard whose owner applies them.
    pub shard: Shard,
    /// Unix milliseconds of the receipt.
    pub received_ms: i64,
    /// The text of the events.
    pub events: String,
    /// The delivery for the relay.
    pub delivery: Option<RelayDelivery>,
}

/// A row of the inbox.
pub struct InboxRow {
    /// Its id. Ids are not in the order of commits: a row with a lower id may appear later.
    pub id: i64,
    /// Its shard.
    pub shard: Shard,
    /// Unix milliseconds of the receipt.
    pub received_ms: i64,
    /// The text of the events.
    pub events: String,
    /// The delivery for the relay.
    pub delivery: Option<RelayDelivery>,
}

/// How many rows the inbox has for the shards of a replica, and when the oldest was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxSize {
    /// Number of rows.
    pub rows: i64,
    /// Unix milliseconds of the receipt of the oldest. `None` without rows.
    pub oldest_ms: Option<i64>,
}

/// Numbers of changes that every replica must read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Changes of the discovered accounts.
    pub discovered: i64,
    /// Changes of parked deliveries by commands.
    pub relay: i64,
}

/// The open connections for reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadConnections {
    /// In use.
    pub busy: usize,
    /// Open and unused.
    pub idle: usize,
}

/// Notifications from other replicas. They are only hints: one can be lost, or arrive without a reason.
#[derive(Debug, Default)]
pub struct Hints {
    notify: Notify,
    has_shards: AtomicBool,
}

impl Hints {
    /// Another replica has released shards, or has changed the discovered accounts.
    pub fn note_shards(&self) {
        self.has_shards.store(true, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// Another replica has put events into the inbox.
    pub fn note_inbox(&self) {
        self.notify.notify_one();
    }

    /// Waits for the next hint.
    pub async fn next(&self) {
        self.notify.notified().await;
    }

    /// Whether shards have been released since the last call.
    pub fn take_shards(&self) -> bool {
        self.has_shards.swap(false, Ordering::Relaxed)
    }
}

/// The part of an engine that several replicas share. After an error, the session is not used again: the caller
/// recovers, and acquires its shards anew.
#[async_trait]
pub trait SharedEngine: Send {
    /// The session that writes.
    fn backend(&self) -> Backend;

    /// The connections for reading, of this moment.
    fn read_connections(&self) -> ReadConnections;

    /// Notifications from other replicas. The same for all sessions of this process.
    fn hints(&self) -> Arc<Hints>;

    /// Writes the row of this replica, and reads those of all replicas and shards, in one transaction.
    async fn heartbeat(&mut self, heartbeat: &Heartbeat) -> Result<View, StoreError>;

    /// Tries to lock a shard. If that succeeds, raises its epoch. `None` if another session holds the lock.
    async fn acquire(&mut self, shard: Shard) -> Result<Option<Acquired>, StoreError>;

    /// Numbers the changes of an acquired shard for receivers of notifications after `newest`, the greatest number that
    /// this process has used. Receivers thus read them, however far they are in the other shards.
    async fn adopt_signals(&mut self, shard: Shard, newest: i64) -> Result<(), StoreError>;

    /// Releases a shard: stores how, in one transaction, if the epoch still matches. Then unlocks it and notifies the
    /// others.
    async fn release(&mut self, shard: Shard, release: Release) -> Result<(), StoreError>;

    /// Forgets that this session may read the queues of a shard, because another replica owns it.
    fn drop_shard(&mut self, shard: Shard);

    /// Ends another session, if there is one with this process id and start.
    async fn terminate(&mut self, backend: Backend) -> Result<(), StoreError>;

    /// The oldest rows of the inbox for the shards that this replica owns, except these.
    async fn inbox(&mut self, limit: u32, except: &[i64]) -> Result<Vec<InboxRow>, StoreError>;

    /// The size of the inbox of the shards that this replica owns.
    async fn inbox_size(&mut self) -> Result<InboxSize, StoreError>;

    /// The versions of what any replica can change, so that a replica can detect changes.
    async fn versions(&mut self) -> Result<Versions, StoreError>;

    /// Executes a command for parked deliveries. Changes those of all shards, because the relay of this replica may not
    /// have read a shard that it owns. Counts only those of shards that this replica does not own.
    async fn command_others(
        &mut self,
        command: &OthersCommand,
    ) -> Result<OthersDeliveries, StoreError>;

    /// The segments of delivery keys, oldest first, of a store of one process that was copied into this one. Empty when
    /// Meta no longer repeats what that store has acknowledged.
    async fn copied_keys(&mut self, scope: DedupScope) -> Result<Vec<Vec<u8>>, StoreError>;
}
