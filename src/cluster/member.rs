//! What one replica owns, and what it does next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::exports::{Exports, HOLD_OFF, Held};
use super::peers::Peers;
use super::share::change;
use super::view::{Backend, Epoch, ReplicaId, ReplicaRow, ShardRow, View};
use crate::domain::Shard;

/// Time between the beginnings of heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The next actions of the writer session, executed in this order, one after the other.
///
/// A heartbeat that becomes due in between goes first, and its actions replace the remaining earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Another replica owns the shard, and the [`Member`] has dropped it already: remove its state from memory.
    Drop(Shard),
    /// End a session that holds shards and makes no progress, if a session with this process id and start exists.
    Terminate(Backend),
    /// Finish the shard's work, call [`Member::release`], publish the exports, then write the returned [`Release`].
    Release(Shard),
    /// Try to take the lock. If it is taken: raise the epoch, read `released` and set it to false in one transaction,
    /// load the state after that in a new snapshot, then call [`Member::acquired`]. On any error, reconnect.
    Acquire(Shard),
}

/// How a shard is released in the database: in one transaction, set `released` if the epoch still matches; then unlock,
/// then notify the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Epoch of the owner.
    pub epoch: Epoch,
    /// Value of `released`: whether the next owner can skip the hold-off.
    pub released: bool,
}

/// The session is not the member's, or it holds a lock that the member did not record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session of the database changed unexpectedly; reconnecting")]
pub struct SessionChanged;

#[derive(Clone, Debug)]
struct Session {
    backend: Backend,
    renewed: Option<Duration>,
    owned: BTreeMap<Shard, Held>,
}

/// One replica's side of the protocol. Times are of a monotonic clock that also counts suspend.
#[derive(Clone, Debug)]
pub struct Member {
    id: ReplicaId,
    /// Whether it takes shards: after its start, until its shutdown begins.
    takes_part: bool,
    session: Option<Session>,
    peers: Peers,
    /// The last period of ownership of each shard that this process owned before.
    former: BTreeMap<Shard, Held>,
    /// Earlier sessions of this process, which can still hold locks if the server has not seen their end.
    former_sessions: BTreeSet<Backend>,
}

impl Member {
    /// A starting process, without a session.
    #[must_use]
    pub fn new(id: ReplicaId) -> Self {
        Self {
            id,
            takes_part: false,
            session: None,
            peers: Peers::default(),
            former: BTreeMap::new(),
            former_sessions: BTreeSet::new(),
        }
    }

    /// Records a new writer session, to a server that accepts writes.
    pub fn connected(&mut self, backend: Backend) {
        self.disconnected();
        self.peers.start_session();
        self.session = Some(Session {
            backend,
            renewed: None,
            owned: BTreeMap::new(),
        });
    }

    /// Records that the session is lost, or that the outcome of a statement is unknown: the process owns nothing, and
    /// its state in memory is invalid.
    pub fn disconnected(&mut self) {
        if let Some(session) = self.session.take() {
            self.former.extend(session.owned);
            self.former_sessions.insert(session.backend);
        }
    }

    /// Records that the process is ready: its accounts and queues are configured. Until then it takes no shards,
    /// because it would drop the events of accounts that are not configured yet.
    pub fn join(&mut self) {
        self.takes_part = true;
    }

    /// Records that the process shuts down. The next heartbeats release all shards.
    pub fn leave(&mut self) {
        self.takes_part = false;
    }

    /// Whether the process takes no shards, because it is starting or shutting down. Its row stores this, so that it
    /// gets no share.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        !self.takes_part
    }

    /// Applies the view of a heartbeat that began at `began`, and renews the lease.
    ///
    /// No heartbeat may be sent between taking a lock and [`Self::acquired`], or between [`Self::release`] and the
    /// unlock.
    ///
    /// # Errors
    ///
    /// The session cannot be relied on. Call [`Self::disconnected`] and reconnect.
    pub fn observe(&mut self, view: &View, began: Duration) -> Result<Vec<Action>, SessionChanged> {
        let session = self.session.as_mut().ok_or(SessionChanged)?;
        let backend = session.backend;
        if view.reader != backend {
            return Err(SessionChanged);
        }
        let mut lost = Vec::new();
        session.owned.retain(|shard, held| {
            let row = view.shards.iter().find(|row| row.shard == *shard);
            let is_owned =
                row.is_some_and(|row| row.holder == Some(backend) && row.epoch == held.epoch);
            if !is_owned {
                lost.push(Action::Drop(*shard));
            }
            is_owned
        });
        let is_mine = |row: &&ShardRow| row.holder == Some(backend);
        if view.shards.iter().filter(is_mine).count() != session.owned.len() {
            return Err(SessionChanged);
        }
        session.renewed = Some(began);

        let rows = view.replicas.iter().filter(|row| row.id != self.id);
        let rows: Vec<_> = rows.collect();
        let holders = view.shards.iter().filter_map(|row| row.holder);
        let holders = holders.filter(|holder| *holder != backend).collect();
        self.peers.observe(&rows, &holders, began);
        self.former_sessions
            .retain(|session| holders.contains(session));
        let stuck = holders.iter().filter(|holder| {
            self.former_sessions.contains(holder) || self.peers.is_stuck(**holder, &rows)
        });
        lost.extend(stuck.map(|holder| Action::Terminate(*holder)));
        lost.extend(self.balance(view, &rows, began));
        Ok(lost)
    }

    /// The shards to release and to acquire.
    fn balance(&self, view: &View, rows: &[&ReplicaRow], now: Duration) -> Vec<Action> {
        let owned = self.session.as_ref().map(|session| &session.owned);
        let owned = owned.into_iter().flatten();
        if !self.takes_part {
            return owned.map(|(shard, _)| Action::Release(*shard)).collect();
        }
        let live = rows.iter().filter(|row| self.peers.is_live(row));
        let mut live: Vec<_> = live.map(|row| (row.id, row.backend)).collect();
        let own_backend = self.session.as_ref().map(|session| session.backend);
        live.extend(own_backend.map(|backend| (self.id, backend)));
        live.sort_unstable();
        let held = live.iter().map(|(_, backend)| {
            let rows = view.shards.iter();
            rows.filter(|row| row.holder == Some(*backend)).count()
        });
        let held: Vec<_> = held.collect();
        let Some(rank) = live.iter().position(|(id, _)| *id == self.id) else {
            return Vec::new();
        };
        let free = self.free_shards(view, rank, live.len());
        let change = change(&held, rank, free.len(), view.shards.len());

        // A shard in its hold-off would have to wait for another hold-off after the move.
        let settled = owned.rev().filter(|(_, held)| held.from <= now);
        let release = settled.map(|(shard, _)| Action::Release(*shard));
        let acquire = free.into_iter().map(Action::Acquire);
        release
            .take(change.release)
            .chain(acquire.take(change.acquire))
            .collect()
    }

    /// Free shards. First those that no other replica has owned since this process did, so that after a restart of the
    /// database each replica takes its own again. Then the others, from a different position for each replica, so that
    /// few replicas try the same shard.
    fn free_shards(&self, view: &View, rank: usize, replicas: usize) -> Vec<Shard> {
        let free = view.shards.iter().filter(|row| row.holder.is_none());
        let (mut mine, mut others): (Vec<_>, Vec<_>) = free
            .map(|row| (row.shard, row.epoch))
            .partition(|(shard, epoch)| {
                let former = self.former.get(shard);
                former.is_some_and(|former| former.epoch == *epoch)
            });
        others.sort_unstable();
        let start = others.len() * rank / replicas;
        others.rotate_left(start);
        mine.append(&mut others);
        mine.into_iter().map(|(shard, _)| shard).collect()
    }

    /// Records an acquired shard: the lock is held, the epoch raised and committed, and the state loaded. `released` is
    /// what the row held before. Returns whether the shard is owned: not if the session is gone.
    ///
    /// If the epoch is the next after this process's own, no other replica can have a lease that it has not waited for.
    pub fn acquired(&mut self, shard: Shard, epoch: Epoch, released: bool, now: Duration) -> bool {
        let Some(session) = self.session.as_mut() else {
            return false;
        };
        let from = match self.former.remove(&shard) {
            Some(former) if former.epoch.0 + 1 == epoch.0 => former.from,
            _ if released => now,
            _ => now + HOLD_OFF,
        };
        session.owned.insert(shard, Held { epoch, from });
        true
    }

    /// Gives up a shard. Publish [`Self::exports`] before the release is sent to the database.
    ///
    /// In the hold-off, `released` stays false: an earlier owner's lease can still be valid.
    pub fn release(&mut self, shard: Shard, now: Duration) -> Option<Release> {
        let held = self.remove(shard)?;
        self.former.insert(shard, held);
        Some(Release {
            epoch: held.epoch,
            released: held.from <= now,
        })
    }

    /// Drops a shard whose epoch was raised, as a commit has found: another replica owns it.
    pub fn drop_fenced(&mut self, shard: Shard) {
        self.remove(shard);
    }

    fn remove(&mut self, shard: Shard) -> Option<Held> {
        self.session.as_mut()?.owned.remove(&shard)
    }

    /// The epoch to check in commits. `None` if the shard is not owned.
    #[must_use]
    pub fn epoch(&self, shard: Shard) -> Option<Epoch> {
        let session = self.session.as_ref()?;
        session.owned.get(&shard).map(|held| held.epoch)
    }

    /// Owned shards, in order.
    pub fn owned(&self) -> impl Iterator<Item = Shard> {
        let session = self.session.iter();
        session.flat_map(|session| session.owned.keys().copied())
    }

    /// The exports, for the tasks that read.
    #[must_use]
    pub fn exports(&self) -> Exports {
        match &self.session {
            Some(session) => Exports {
                renewed: session.renewed,
                held: session.owned.clone(),
            },
            None => Exports::default(),
        }
    }

    /// When the next heartbeat is due: after a second, or as soon as it can confirm a shard for reads.
    #[must_use]
    pub fn next_heartbeat(&self) -> Duration {
        let Some(session) = &self.session else {
            return Duration::ZERO;
        };
        let Some(renewed) = session.renewed else {
            return Duration::ZERO;
        };
        let held = session.owned.values();
        let unconfirmed = held.map(|held| held.from).filter(|from| *from > renewed);
        unconfirmed
            .min()
            .map_or(renewed + HEARTBEAT, |from| from.min(renewed + HEARTBEAT))
    }
}
