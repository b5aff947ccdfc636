//! The writes of one commit.

use std::collections::BTreeMap;

use super::{
    AccountRows, ClockRow, InboxInsert, JournalInsert, Keys, Moves, SegmentRow, SignalRow,
    TemplatePageRow,
};

use crate::cluster::Epoch;
use crate::domain::Shard;
use crate::store::relay_queue::RelayDelivery;

/// A new delivery for the relay.
pub struct NewDelivery {
    /// Its number, which increases with each delivery.
    pub number: i64,
    /// The shard of its first account.
    pub shard: Shard,
    /// The delivery.
    pub delivery: RelayDelivery,
}

/// The writes of one commit.
#[derive(Default)]
pub struct Writes {
    /// The commit's number: that of the last commit plus one.
    pub number: i64,
    /// Unix milliseconds of the commit.
    pub now_ms: i64,
    /// Accounts, with their changed objects.
    pub accounts: Vec<AccountRows>,
    /// Changed pages of templates.
    pub template_pages: Vec<TemplatePageRow>,
    /// Changed customers of each number.
    pub segments: Vec<SegmentRow>,
    /// New delivery keys of each window that has any.
    pub keys: Vec<Keys>,
    /// New deliveries for the relay.
    pub deliveries: Vec<NewDelivery>,
    /// Names of the upstreams that receive the new deliveries.
    pub upstreams: Vec<String>,
    /// Deliveries before this number are dropped.
    pub oldest_delivery: i64,
    /// New changes for receivers of notifications.
    pub signals: Vec<SignalRow>,
    /// Changes before this number are dropped.
    pub oldest_signal: i64,
    /// Journal lines to delete, before the inserts.
    pub struck: Vec<JournalInsert>,
    /// Journal lines to insert.
    pub added: Vec<JournalInsert>,
    /// Corrections of journal times that were ahead, applied before lines are deleted or inserted.
    pub moves: Vec<Moves>,
    /// The shards whose accounts or queues this commit changes, with the epochs of their acquisitions. The commit fails
    /// if another replica has acquired one of them since. Empty if the store has one process.
    pub shards: BTreeMap<Shard, Epoch>,
    /// Events for shards of other replicas.
    pub inbox: Vec<InboxInsert>,
    /// Rows of the inbox that this commit has applied. The commit fails if one of them is missing.
    pub applied: Vec<i64>,
    /// Meta's time at the commit.
    pub clock: ClockRow,
}
