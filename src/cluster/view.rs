//! The rows that a replica reads with each heartbeat.

use std::fmt;

use crate::domain::Shard;

/// A process of the exporter. Every start of a process draws a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u64);

impl ReplicaId {
    /// Parses the text that [`fmt::Display`] writes. `None` if it is not valid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = u64::from_str_radix(text, 16).ok()?;
        Some(Self(id)).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// A session of the database. Process ids are reused, so its start belongs to its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// Process id of the session's backend.
    pub pid: i32,
    /// When the backend started, in microseconds by the database's clock.
    pub started: i64,
}

/// How often a shard has been acquired. Every commit checks it, so only the latest owner can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub i64);

/// A row of the table of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaRow {
    /// The replica of the row.
    pub id: ReplicaId,
    /// The writer session that last wrote the row.
    pub backend: Backend,
    /// Number of heartbeats of this process. It is compared only with earlier values of the same row.
    pub beat: i64,
    /// Whether the session `backend` still exists.
    pub connected: bool,
    /// Whether the process is shutting down.
    pub leaving: bool,
}

/// A row of the table of shards, with the holder of its advisory lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardRow {
    /// The shard.
    pub shard: Shard,
    /// Epoch of the latest acquisition.
    pub epoch: Epoch,
    /// The session that holds the advisory lock. Absent for a free shard.
    pub holder: Option<Backend>,
}

/// What one heartbeat read, in one transaction that began after the heartbeat did.
///
/// Locks and rows need not be of the same moment: locks are not part of a transaction's snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The session that read it.
    pub reader: Backend,
    /// All replicas, the reader included, in any order.
    pub replicas: Vec<ReplicaRow>,
    /// All shards.
    pub shards: Vec<ShardRow>,
}
