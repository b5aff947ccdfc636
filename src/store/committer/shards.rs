//! The shards that this replica owns: heartbeats, acquisitions and releases, by the protocol in [`crate::cluster`].
//!
//! A store of one process has one shard, which it always owns.

mod actions;
mod loading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Committer;
use crate::clock;
use crate::cluster::{Action, Member, ReplicaId, View};
use crate::domain::Shard;
use crate::store::StoreUnavailable;
use crate::store::engine::{Heartbeat, Hints, SharedEngine, StoreError};

/// How often the inbox is read without a hint. A hint can be lost.
const READ_INBOX_EVERY: Duration = Duration::from_millis(250);

/// A heartbeat that takes longer than the lease is worthless, and the session is probably lost.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);

/// This process as one of several replicas.
pub(super) struct Replica {
    pub member: Member,
    id: ReplicaId,
    beat: i64,
    /// Actions of the last heartbeat that are not executed yet.
    actions: VecDeque<Action>,
    /// Shards of sessions that this replica has ended.
    terminated: BTreeSet<Shard>,
    view: Option<View>,
    /// When the inbox is read next, since boot.
    next_inbox_read: Duration,
    /// After a failure to connect: the error, and when the next attempt is made.
    pub retry: Option<(StoreUnavailable, Duration)>,
    hints: Arc<Hints>,
    /// Rows of the inbox that this version cannot read. They stay for a later version.
    pub unreadable: BTreeSet<i64>,
    /// Shards that could not be loaded, and when that is tried again, since boot.
    unloadable: BTreeMap<Shard, Duration>,
}

impl Replica {
    pub fn new(engine: &dyn SharedEngine) -> Self {
        let id = ReplicaId(fastrand::u64(..));
        let mut member = Member::new(id);
        member.connected(engine.backend());
        Self {
            member,
            id,
            beat: 0,
            actions: VecDeque::new(),
            terminated: BTreeSet::new(),
            view: None,
            next_inbox_read: Duration::ZERO,
            retry: None,
            hints: engine.hints(),
            unreadable: BTreeSet::new(),
            unloadable: BTreeMap::new(),
        }
    }

    /// Waits until there is something to do. Returns at once while actions are left.
    async fn turn(&self) {
        let is_idle = self.actions.is_empty() || self.retry.is_some();
        let next = match &self.retry {
            Some((_, at)) => *at,
            None => self.member.next_heartbeat().min(self.next_inbox_read),
        };
        let wait = next.saturating_sub(clock::since_boot());
        if is_idle && !wait.is_zero() {
            let is_connected = self.retry.is_none();
            tokio::select! {
                () = sleep(wait) => {}
                () = self.hints.next(), if is_connected => {}
            }
        }
    }
}

/// Waits for the next turn of a replica. Never returns for a store of one process.
pub(super) async fn turn(replica: Option<&Replica>) {
    match replica {
        Some(replica) => replica.turn().await,
        None => std::future::pending().await,
    }
}

impl Committer {
    /// Whether this process applies the events of the shard.
    pub(super) fn owns(&self, shard: Shard) -> bool {
        let replica = self.replica.as_ref();
        replica.is_none_or(|replica| replica.member.epoch(shard).is_some())
    }

    /// Whether other replicas were connected at the last heartbeat.
    pub(super) fn has_other_replicas(&self) -> bool {
        let replica = self.replica.iter();
        let view = replica.flat_map(|replica| replica.view.iter().map(|view| (replica.id, view)));
        let mut others = view.flat_map(|(own, view)| {
            let connected = view.replicas.iter().filter(|row| row.connected);
            connected.filter(move |row| row.id != own)
        });
        others.next().is_some()
    }

    /// Executes what is due: a heartbeat, one action, or a read of the inbox. Commits come between two turns.
    pub(super) async fn take_turn(&mut self) {
        if self.become_sound().await.is_err() {
            return;
        }
        let done = self.do_what_is_due().await;
        if let Err(error) = done {
            self.doubt(&error);
        }
    }

    pub(super) fn is_heartbeat_due(&self) -> bool {
        let replica = self.replica.as_ref();
        replica.is_some_and(|replica| replica.member.next_heartbeat() <= clock::since_boot())
    }

    async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        let Some(replica) = &mut self.replica else {
            return Ok(());
        };
        let now = clock::since_boot();
        if replica.member.next_heartbeat() <= now || replica.hints.take_shards() {
            return self.heartbeat().await;
        }
        if let Some(action) = replica.actions.pop_front() {
            return self.perform(action).await;
        }
        replica.next_inbox_read = now + READ_INBOX_EVERY;
        self.apply_inbox().await
    }

    /// Proves that this replica is alive, renews its lease, and receives the next actions.
    pub(super) async fn heartbeat(&mut self) -> Result<(), StoreError> {
        self.beat(false).await
    }

    /// The first heartbeat of a session, which succeeds only if commits do.
    pub(super) async fn durable_heartbeat(&mut self) -> Result<(), StoreError> {
        self.beat(true).await
    }

    async fn beat(&mut self, is_durable: bool) -> Result<(), StoreError> {
        let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) else {
            return Ok(());
        };
        replica.beat += 1;
        let info = self.shared.replica.load();
        let heartbeat = Heartbeat {
            replica: replica.id,
            beat: replica.beat,
            is_leaving: replica.member.is_leaving(),
            address: info.address.clone(),
            config_hash: info.config_hash.clone(),
            is_durable,
        };
        let began = clock::since_boot();
        let view = timeout(HEARTBEAT_TIMEOUT, engine.heartbeat(&heartbeat)).await;
        let view = view.unwrap_or_else(|_| Err(StoreError::slow(HEARTBEAT_TIMEOUT)))?;
        self.shared.note_answer();
        let actions = replica.member.observe(&view, began);
        let actions = actions.map_err(|error| StoreError::session(&error))?;
        replica.actions = actions.into();
        let exports = replica.member.exports();
        self.shared.publish_exports(exports);
        self.shared.note_replicas(&view, engine.backend());
        self.shared.note_read_connections(engine.read_connections());
        replica.view = Some(view);
        let inbox = engine.inbox_size().await?;
        self.shared.note_inbox(inbox);
        let versions = engine.versions().await?;
        self.shared.publish_versions(versions);
        Ok(())
    }

    /// Continues with a new session after the former one was lost. Until it acquires shards, this replica owns none.
    pub(super) async fn start_session(&mut self) -> Result<(), StoreError> {
        if let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) {
            replica.member.connected(engine.backend());
            replica.actions.clear();
        }
        self.unload().await?;
        self.durable_heartbeat().await?;
        // The store may have been filled meanwhile.
        self.read_copied_keys().await
    }

    /// Takes a share of the shards, beginning with the next turn.
    pub(super) fn join(&mut self) {
        if let Some(replica) = &mut self.replica {
            replica.member.join();
            replica.hints.note_shards();
        }
    }
}
