//! Which other replicas are live, and which sessions block a shard.
//!
//! Silence is measured by the reader's own monotonic clock, as the time in which the number of a peer's heartbeats did
//! not change. The database's clock would be wrong after it is set, and after a failover to a server with another
//! clock. Time counts only while this replica itself reads views: after a pause of its own, or of the database, all
//! peers get the time to report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::view::{Backend, ReplicaId, ReplicaRow};

/// A peer that is silent for longer gets no share of the free shards. It keeps the shards that it holds.
const NO_SHARE: Duration = Duration::from_secs(3);

/// The session of a peer that is silent for longer is terminated if it holds shards.
const TERMINATED: Duration = Duration::from_secs(8);

/// Between two views, at most this much counts as silence.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// The observed state of one peer.
#[derive(Clone, Debug)]
struct Peer {
    beat: i64,
    silence: Duration,
    /// Whether a view of the current session showed it connected.
    was_connected: bool,
    /// Whether a view of an earlier session showed it.
    is_known: bool,
}

/// The other replicas, as the views of this process showed them.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    peers: BTreeMap<ReplicaId, Peer>,
    /// Sessions that hold shards and belong to no replica, with the time since they were first seen.
    strangers: BTreeMap<Backend, Duration>,
    last_view: Option<Duration>,
}

impl Peers {
    /// Records that this replica has a new session.
    ///
    /// A restart of the database ends all sessions at once. The first replica to return must not take the shards of
    /// all the others, so peers that it knew have until [`NO_SHARE`] to return.
    pub fn start_session(&mut self) {
        self.last_view = None;
        for peer in self.peers.values_mut() {
            peer.was_connected = false;
            peer.is_known = true;
        }
    }

    /// Applies a view: the rows of the peers, and the sessions of others that hold shards.
    pub fn observe(&mut self, rows: &[&ReplicaRow], holders: &BTreeSet<Backend>, began: Duration) {
        let last_view = self.last_view.replace(began).unwrap_or(began);
        let elapsed = began.saturating_sub(last_view).min(LONGEST_STEP);
        self.peers
            .retain(|id, _| rows.iter().any(|row| row.id == *id));
        for row in rows {
            let peer = self.peers.entry(row.id).or_insert(Peer {
                beat: row.beat,
                silence: Duration::ZERO,
                was_connected: false,
                is_known: false,
            });
            if peer.beat == row.beat {
                peer.silence += elapsed;
            } else {
                peer.silence = Duration::ZERO;
            }
            peer.beat = row.beat;
            peer.was_connected |= row.connected;
        }
        let is_stranger = |holder: &Backend| rows.iter().all(|row| row.backend != *holder);
        self.strangers.retain(|stranger, silence| {
            *silence += elapsed;
            holders.contains(stranger) && is_stranger(stranger)
        });
        for holder in holders.iter().filter(|holder| is_stranger(holder)) {
            self.strangers.entry(*holder).or_default();
        }
    }

    /// Whether a peer takes part in the shares. The session of a killed process ends at once.
    pub fn is_live(&self, row: &ReplicaRow) -> bool {
        self.peers.get(&row.id).is_some_and(|peer| {
            let may_return = peer.is_known && !peer.was_connected;
            !row.leaving && peer.silence < NO_SHARE && (row.connected || may_return)
        })
    }

    /// Whether a session that holds shards belongs to no replica that makes progress.
    pub fn is_stuck(&self, holder: Backend, rows: &[&ReplicaRow]) -> bool {
        let silence = match rows.iter().find(|row| row.backend == holder) {
            Some(row) => self.peers.get(&row.id).map(|peer| peer.silence),
            None => self.strangers.get(&holder).copied(),
        };
        silence.is_some_and(|silence| silence >= TERMINATED)
    }
}
