//! The shards that this replica owns: heartbeats, acquisitions and releases, as the protocol in [`crate::cluster`] says.
//!
//! A store of one process has one shard, which it always owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Committer;
use crate::clock;
use crate::cluster::{Action, Epoch, Member, Release, ReplicaId, View};
use crate::domain::{Shard, Sharding, WabaId};
use crate::store::StoreUnavailable;
use crate::store::engine::{
    Acquired, Heartbeat, Hints, SharedEngine, StoreError, StoreErrorReason,
};
use crate::store::published::Takeover;

/// How often the inbox is read without a hint. A hint can be lost.
const LOOK_INTO_INBOX_EVERY: Duration = Duration::from_millis(250);

/// A heartbeat that takes longer than the lease is worthless, and the session is probably lost.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);

/// Wait before a shard that could not be loaded is tried again.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// This process as one of several replicas.
pub(super) struct Replica {
    pub member: Member,
    id: ReplicaId,
    beat: i64,
    /// What the last heartbeat decided and is not done yet.
    actions: VecDeque<Action>,
    /// Shards of sessions that this replica has ended.
    terminated: BTreeSet<Shard>,
    view: Option<View>,
    /// When the inbox is read next, since boot.
    next_look: Duration,
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
            next_look: Duration::ZERO,
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
            None => self.member.next_heartbeat().min(self.next_look),
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

    /// Does what is due: a heartbeat, or one action, or a look into the inbox. Commits come between two turns.
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
        replica.next_look = now + LOOK_INTO_INBOX_EVERY;
        self.apply_inbox().await
    }

    /// Proves that this replica is alive, renews its lease, and learns what to do.
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

    async fn perform(&mut self, action: Action) -> Result<(), StoreError> {
        let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) else {
            return Ok(());
        };
        match action {
            Action::Drop(shard) => {
                engine.drop_shard(shard);
                tracing::warn!(shard = shard.0, "lost a shard to another replica");
                self.unload().await
            }
            Action::Terminate(backend) => {
                let view = replica.view.iter().flat_map(|view| &view.shards);
                let held = view.filter(|row| row.holder == Some(backend));
                replica.terminated.extend(held.map(|row| row.shard));
                tracing::warn!(
                    backend = backend.pid,
                    "a replica makes no progress; ending its session to take its shards"
                );
                engine.terminate(backend).await?;
                // The next heartbeat finds the shards free.
                replica.hints.note_shards();
                Ok(())
            }
            Action::Release(shard) => {
                let now = clock::since_boot();
                let Some(release) = replica.member.release(shard, now) else {
                    return Ok(());
                };
                // Before the database is told, so that nothing of the shard is read after another replica owns it.
                self.publish_exports();
                self.unload().await?;
                if let Some(engine) = self.database.shared() {
                    engine.release(shard, release).await?;
                }
                tracing::debug!(shard = shard.0, "released a shard");
                Ok(())
            }
            Action::Acquire(shard) => {
                let began = clock::since_boot();
                let may_load = replica.unloadable.get(&shard).is_none_or(|at| *at <= began);
                if may_load && let Some(acquired) = engine.acquire(shard).await? {
                    let loaded = self.load_shard(shard, acquired, began).await;
                    if let Err(error) = loaded {
                        return self.give_back(shard, acquired, error).await;
                    }
                }
                Ok(())
            }
        }
    }

    /// Gives up a shard that cannot be loaded, so that the others go on, and tries it again later. Returns the error if
    /// the session is the reason.
    async fn give_back(
        &mut self,
        shard: Shard,
        acquired: Acquired,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) else {
            return Err(error);
        };
        if !matches!(
            error.reason,
            StoreErrorReason::Corrupt | StoreErrorReason::Interrupted
        ) {
            return Err(error);
        }
        tracing::error!(
            shard = shard.0, %error,
            "cannot load a shard; its accounts are not polled or exported by this replica, which tries again in a minute"
        );
        replica
            .unloadable
            .insert(shard, clock::since_boot() + LOAD_AGAIN_AFTER);
        let release = Release {
            epoch: acquired.epoch,
            // The hold-off after the owner before may not be over.
            released: acquired.was_released,
        };
        engine.release(shard, release).await
    }

    /// Loads an acquired shard, and owns it.
    async fn load_shard(
        &mut self,
        shard: Shard,
        acquired: Acquired,
        began: Duration,
    ) -> Result<(), StoreError> {
        let newest = self.signals.span().newest;
        if let Some(engine) = self.database.shared() {
            engine.adopt_signals(shard, newest).await?;
        }
        // The hold-off begins when the epoch is raised, so it passes while the state is loaded.
        let acquired_at = clock::since_boot();
        self.read_keys(shard).await?;
        let sharding = self.state.sharding();
        let waba_ids = self.watched.iter();
        let of_shard = waba_ids.filter(|waba_id| sharding.of_account(waba_id) == shard);
        let of_shard: Vec<WabaId> = of_shard.cloned().collect();
        let accounts = self.load(&of_shard).await?;
        let Acquired {
            epoch,
            was_released,
        } = acquired;
        let Some(replica) = &mut self.replica else {
            return Ok(());
        };
        if !replica
            .member
            .acquired(shard, epoch, was_released, acquired_at)
        {
            return Ok(());
        }
        let how = match (epoch, was_released) {
            (Epoch(1), _) => Takeover::First,
            (_, true) => Takeover::Released,
            (_, false) if replica.terminated.remove(&shard) => Takeover::Terminated,
            (_, false) => Takeover::Lost,
        };
        self.shared.note_takeover(shard, how, began);
        // The history of this shard may be due. Accounts that were pruned already take little time.
        self.pruning = Some(String::new());
        let accounts_of_shard = accounts.len();
        self.watch_owned();
        self.state.adopt(accounts);
        self.first_reads.watch(self.state.accounts());
        self.read_deliveries().await?;
        self.read_signals().await?;
        self.shared.publish_all(&self.state);
        self.publish_exports();
        tracing::debug!(
            shard = shard.0,
            accounts = accounts_of_shard,
            reason = how.as_str(),
            "acquired a shard"
        );
        Ok(())
    }

    /// Drops all data of shards that this replica does not own.
    async fn unload(&mut self) -> Result<(), StoreError> {
        self.watch_owned();
        self.shared.publish_all(&self.state);
        self.publish_exports();
        self.read_deliveries().await?;
        self.read_signals().await
    }

    /// Keeps exactly the watched accounts of owned shards in memory. New ones start empty.
    pub(super) fn watch_owned(&mut self) {
        let sharding = self.state.sharding();
        let replica = self.replica.as_ref();
        let owns =
            |shard: Shard| replica.is_none_or(|replica| replica.member.epoch(shard).is_some());
        let is_own = |waba_id: &WabaId| match sharding {
            Sharding::SINGLE => true,
            _ => owns(sharding.of_account(waba_id)),
        };
        let own: BTreeSet<WabaId> = self
            .watched
            .iter()
            .filter(|id| is_own(id))
            .cloned()
            .collect();
        self.logs.retain(|waba_id| own.contains(waba_id));
        self.state.retain_shards(owns);
        self.state.watch_from(own, clock::now());
    }

    /// Another replica has acquired these shards, as a commit has found.
    pub(super) async fn drop_fenced(&mut self, shards: &[Shard]) -> Result<(), StoreUnavailable> {
        if let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) {
            for shard in shards {
                tracing::warn!(shard = shard.0, "another replica has acquired a shard");
                replica.member.drop_fenced(*shard);
                engine.drop_shard(*shard);
            }
        }
        let unloaded = self.unload().await;
        unloaded.map_err(|error| self.doubt(&error))
    }

    /// After the session was lost: owns nothing, and continues with the new one.
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

    /// Releases all shards, so that other replicas take them at once.
    pub(super) async fn leave(&mut self) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        replica.member.leave();
        if let Err(error) = self.release_all().await {
            tracing::warn!(%error, "could not release the shards; other replicas take them when the session ends");
        }
    }

    async fn release_all(&mut self) -> Result<(), StoreError> {
        self.heartbeat().await?;
        while let Some(replica) = &mut self.replica
            && let Some(action) = replica.actions.pop_front()
        {
            self.perform(action).await?;
        }
        Ok(())
    }

    /// Publishes what may be read of the owned shards.
    fn publish_exports(&self) {
        if let Some(replica) = &self.replica {
            self.shared.publish_exports(replica.member.exports());
        }
    }
}
