//! Replicas that share a table of shards, whose statements all succeed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::*;
use crate::domain::Shard;

pub const SHARDS: u16 = 64;

pub struct Replica {
    pub member: Member,
    pub backend: Backend,
    pub beat: i64,
    pub is_running: bool,
}

pub struct Cluster {
    pub now: Duration,
    pub replicas: BTreeMap<ReplicaId, Replica>,
    pub shards: Vec<ShardRow>,
    pub released: Vec<bool>,
    /// The replica of each acquisition, in order.
    pub acquisitions: Vec<ReplicaId>,
    pub terminated: Vec<Backend>,
    sessions: i32,
}

impl Cluster {
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|shard| ShardRow {
            shard: Shard(shard),
            epoch: Epoch(0),
            holder: None,
        });
        Self {
            now: Duration::from_secs(100),
            replicas: BTreeMap::new(),
            shards: shards.collect(),
            released: vec![true; usize::from(SHARDS)],
            acquisitions: Vec::new(),
            terminated: Vec::new(),
            sessions: 0,
        }
    }

    pub fn with_replicas(count: u64) -> Self {
        let mut cluster = Self::new();
        for id in 0..count {
            cluster.join(ReplicaId(id));
        }
        cluster
    }

    fn session(&mut self) -> Backend {
        self.sessions += 1;
        Backend {
            pid: self.sessions,
            started: 0,
        }
    }

    pub fn join(&mut self, id: ReplicaId) {
        let backend = self.session();
        let mut member = Member::new(id);
        member.join();
        member.connected(backend);
        let replica = Replica {
            member,
            backend,
            beat: 0,
            is_running: true,
        };
        self.replicas.insert(id, replica);
    }

    /// The session of a replica ends, and with it its locks.
    pub fn end_session(&mut self, id: ReplicaId) {
        let backend = self.replicas[&id].backend;
        for row in &mut self.shards {
            row.holder = row.holder.filter(|holder| *holder != backend);
        }
    }

    pub fn kill(&mut self, id: ReplicaId) {
        self.end_session(id);
        self.replica(id).is_running = false;
    }

    pub fn reconnect(&mut self, id: ReplicaId) {
        let backend = self.session();
        let replica = self.replica(id);
        replica.backend = backend;
        replica.member.connected(backend);
    }

    pub fn replica(&mut self, id: ReplicaId) -> &mut Replica {
        self.replicas.get_mut(&id).expect("a replica")
    }

    pub fn running(&self) -> Vec<ReplicaId> {
        let running = self.replicas.iter().filter(|(_, one)| one.is_running);
        running.map(|(id, _)| *id).collect()
    }

    pub fn view(&self, reader: ReplicaId) -> View {
        let replicas = self.replicas.iter().map(|(id, replica)| ReplicaRow {
            id: *id,
            backend: replica.backend,
            beat: replica.beat,
            connected: replica.is_running,
            leaving: replica.member.is_leaving(),
        });
        View {
            reader: self.replicas[&reader].backend,
            replicas: replicas.collect(),
            shards: self.shards.clone(),
        }
    }

    /// The first half of a heartbeat.
    pub fn observe(&mut self, id: ReplicaId) -> Vec<Action> {
        let now = self.now;
        self.replica(id).beat += 1;
        let view = self.view(id);
        let actions = self.replica(id).member.observe(&view, now);
        actions.expect("the same session")
    }

    pub fn acquire(&mut self, id: ReplicaId, shard: Shard) {
        let index = usize::from(shard.0);
        let (now, backend) = (self.now, self.replicas[&id].backend);
        let row = &mut self.shards[index];
        if row.holder.is_some() {
            return;
        }
        row.holder = Some(backend);
        row.epoch.0 += 1;
        let epoch = row.epoch;
        let released = std::mem::replace(&mut self.released[index], false);
        let member = &mut self.replica(id).member;
        assert!(member.acquired(shard, epoch, released, now));
        self.acquisitions.push(id);
    }

    pub fn execute(&mut self, id: ReplicaId, actions: Vec<Action>) {
        let now = self.now;
        for action in actions {
            match action {
                Action::Drop(shard) => panic!("{id} lost {shard:?}"),
                Action::Terminate(backend) => self.terminated.push(backend),
                Action::Release(shard) => {
                    let release = self.replica(id).member.release(shard, now);
                    let release = release.expect("an owned shard");
                    let row = &mut self.shards[usize::from(shard.0)];
                    assert_eq!(row.epoch, release.epoch);
                    row.holder = None;
                    self.released[usize::from(shard.0)] = release.released;
                }
                Action::Acquire(shard) => self.acquire(id, shard),
            }
        }
    }

    pub fn beat(&mut self, id: ReplicaId) {
        let actions = self.observe(id);
        self.execute(id, actions);
    }

    /// A second, in which each replica sends one heartbeat.
    pub fn round(&mut self) {
        self.now += Duration::from_secs(1);
        for id in self.running() {
            self.beat(id);
        }
    }

    /// A second, in which all heartbeats read before any replica acts.
    pub fn simultaneous_round(&mut self) {
        self.now += Duration::from_secs(1);
        let plans: Vec<_> = self
            .running()
            .into_iter()
            .map(|id| (id, self.observe(id)))
            .collect();
        for (id, actions) in plans {
            self.execute(id, actions);
        }
    }

    pub fn held(&self) -> Vec<usize> {
        let members = self.replicas.values().filter(|one| one.is_running);
        let members = members.filter(|one| !one.member.is_leaving());
        members.map(|one| one.member.owned().count()).collect()
    }

    pub fn is_balanced(&self) -> bool {
        let held = self.held();
        let floor = usize::from(SHARDS) / held.len();
        let ceiling = usize::from(SHARDS).div_ceil(held.len());
        held.iter().sum::<usize>() == usize::from(SHARDS)
            && held.iter().all(|count| (floor..=ceiling).contains(count))
    }

    /// Whether a replica may export a shard.
    pub fn exports(&self, id: ReplicaId, shard: Shard) -> bool {
        let exports = self.replicas[&id].member.exports();
        exports.permit(self.now).includes(shard)
    }
}
