//! Requests of replicas to the database, and its responses.

use std::collections::BTreeSet;

use whatsapp_business_exporter::cluster::{Backend, Epoch, InboxRow, ReplicaId, View};
use whatsapp_business_exporter::domain::Shard;

/// Increments the counter of an account, once for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: usize,
    pub key: u64,
}

/// The state of an account: a counter, and the keys that were counted.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub count: u64,
    pub keys: BTreeSet<u64>,
}

/// The new count of an account, as a value and not as a difference, and the keys to insert.
#[derive(Clone, Debug)]
pub struct Written {
    pub account: usize,
    pub count: u64,
    pub keys: Vec<u64>,
}

/// A transaction of the owner.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    pub fences: Vec<(Shard, Epoch)>,
    pub written: Vec<Written>,
    pub deletes: Vec<i64>,
    pub inserts: Vec<(Shard, Vec<Event>)>,
}

#[derive(Clone, Debug)]
pub enum Request {
    Heartbeat {
        id: ReplicaId,
        beat: i64,
        leaving: bool,
    },
    TryLock(Shard),
    Raise(Shard),
    MarkReleased {
        shard: Shard,
        epoch: Epoch,
        released: bool,
    },
    Unlock(Shard),
    Terminate(Backend),
    Select(Vec<Shard>),
    Commit(Commit),
}

#[derive(Clone, Debug)]
pub enum Response {
    Connected(Backend),
    View(View),
    Locked(bool),
    Raised {
        epoch: Epoch,
        released: bool,
        accounts: Vec<(usize, Account)>,
    },
    Done,
    Rows(Vec<InboxRow<Vec<Event>>>),
    Committed,
    Fenced(Vec<Shard>),
    /// The session is gone.
    Lost,
}
