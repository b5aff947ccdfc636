//! Shares converge with the fewest moves when replicas join, leave or die.

use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::fixture::{Cluster, SHARDS};
use crate::domain::Shard;

/// Enough for all shards to move, in batches, and for a stopped peer to lose its share.
const ROUNDS: usize = 24;

/// The fewest acquisitions that balance replicas which hold these numbers of shards.
fn fewest(held: &[usize]) -> usize {
    let floor = usize::from(SHARDS) / held.len();
    let ceilings = usize::from(SHARDS) % held.len();
    let missing: usize = held.iter().map(|count| floor.saturating_sub(*count)).sum();
    let above = held.iter().filter(|count| **count > floor).count();
    missing + ceilings.saturating_sub(above)
}

/// Replicas that hold the shards that are assigned to them. Others are free.
fn assigned(replicas: u64, owners: &[u64]) -> Cluster {
    let mut cluster = Cluster::with_replicas(replicas);
    for (shard, owner) in (0..).zip(owners) {
        if *owner < replicas {
            cluster.acquire(ReplicaId(*owner), Shard(shard));
        }
    }
    cluster.acquisitions.clear();
    cluster
}

fn settle(cluster: &mut Cluster) {
    for _ in 0..ROUNDS {
        cluster.round();
    }
    assert!(cluster.is_balanced(), "{:?}", cluster.held());
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Join(u64),
    Leave(usize),
    Kill(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<u64>().prop_map(Change::Join),
        any::<usize>().prop_map(Change::Leave),
        any::<usize>().prop_map(Change::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_assignment_becomes_balanced_with_the_fewest_moves(
        replicas in 1_u64..=11,
        skew in 1_u64..=12,
        owners in prop::collection::vec(any::<u64>(), usize::from(SHARDS)),
    ) {
        let owners: Vec<_> = owners.iter().map(|owner| owner % skew).collect();
        let mut cluster = assigned(replicas, &owners);
        let fewest = fewest(&cluster.held());
        settle(&mut cluster);
        prop_assert_eq!(cluster.acquisitions.len(), fewest);
    }

    #[test]
    fn simultaneous_heartbeats_balance_too_and_then_nothing_moves(
        replicas in 1_u64..=11,
        skew in 1_u64..=12,
        owners in prop::collection::vec(any::<u64>(), usize::from(SHARDS)),
    ) {
        let owners: Vec<_> = owners.iter().map(|owner| owner % skew).collect();
        let mut cluster = assigned(replicas, &owners);
        for _ in 0..ROUNDS {
            cluster.simultaneous_round();
        }
        prop_assert!(cluster.is_balanced(), "{:?}", cluster.held());
        let moved = cluster.acquisitions.len();
        for _ in 0..ROUNDS {
            cluster.simultaneous_round();
        }
        prop_assert_eq!(cluster.acquisitions.len(), moved);
    }

    #[test]
    fn joining_leaving_and_dying_replicas_move_only_their_share(
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let mut cluster = Cluster::with_replicas(2);
        settle(&mut cluster);
        for change in changes {
            let running = cluster.running();
            cluster.acquisitions.clear();
            match change {
                Change::Join(id) if !cluster.replicas.contains_key(&ReplicaId(id)) => {
                    cluster.join(ReplicaId(id));
                    let floor = usize::from(SHARDS) / (running.len() + 1);
                    settle(&mut cluster);
                    prop_assert_eq!(&cluster.acquisitions, &vec![ReplicaId(id); floor]);
                }
                Change::Leave(index) | Change::Kill(index) if running.len() > 1 => {
                    let id = running[index % running.len()];
                    let before = cluster.replicas[&id].member.owned().count();
                    if matches!(change, Change::Kill(_)) {
                        cluster.kill(id);
                        settle(&mut cluster);
                    } else {
                        cluster.replica(id).member.leave();
                        settle(&mut cluster);
                        prop_assert_eq!(cluster.replicas[&id].member.owned().count(), 0);
                        cluster.kill(id);
                    }
                    prop_assert_eq!(cluster.acquisitions.len(), before);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_shards_of_a_killed_replica_are_taken_by_the_next_heartbeats() {
    let mut cluster = Cluster::with_replicas(3);
    settle(&mut cluster);
    cluster.kill(ReplicaId(1));
    cluster.round();
    assert!(cluster.is_balanced(), "{:?}", cluster.held());
}

#[test]
fn a_rebalance_leaves_few_shards_without_an_owner_and_ends_within_seconds() {
    let mut cluster = Cluster::with_replicas(1);
    settle(&mut cluster);
    cluster.join(ReplicaId(1));
    for _ in 0..5 {
        cluster.round();
        let owned: usize = cluster.held().iter().sum();
        assert!(owned + 8 >= usize::from(SHARDS), "{:?}", cluster.held());
    }
    assert!(cluster.is_balanced(), "{:?}", cluster.held());
}

#[test]
fn after_a_restart_of_the_database_each_replica_takes_its_own_shards_again() {
    let mut cluster = Cluster::with_replicas(3);
    settle(&mut cluster);
    let owned = |cluster: &Cluster| -> Vec<Vec<Shard>> {
        let replicas = cluster.replicas.values();
        replicas.map(|one| one.member.owned().collect()).collect()
    };
    let before = owned(&cluster);
    let ids = cluster.running();
    for id in &ids {
        cluster.end_session(*id);
        cluster.replica(*id).is_running = false;
    }
    for id in ids {
        cluster.reconnect(id);
        cluster.replica(id).is_running = true;
        cluster.beat(id);
    }
    cluster.round();
    assert_eq!(owned(&cluster), before);
    cluster.round();
    let exported = before.iter().zip(cluster.running());
    for (shards, id) in exported {
        assert!(shards.iter().all(|shard| cluster.exports(id, *shard)));
    }
}

#[test]
fn a_silent_session_is_terminated_and_one_that_makes_progress_is_not() {
    let mut cluster = Cluster::with_replicas(2);
    settle(&mut cluster);
    let silent = cluster.replicas[&ReplicaId(1)].backend;
    let mut seconds = 0;
    while cluster.terminated.is_empty() {
        cluster.now += Duration::from_secs(1);
        cluster.beat(ReplicaId(0));
        seconds += 1;
        assert!(seconds < 20, "never terminated");
    }
    // The first view still shows progress: the last heartbeat was after the view before.
    assert_eq!((cluster.terminated, seconds), (vec![silent], 9));
}

#[test]
fn after_a_pause_of_its_own_a_replica_terminates_nobody() {
    let mut cluster = Cluster::with_replicas(2);
    settle(&mut cluster);
    for _ in 0..3 {
        cluster.now += Duration::from_mins(1);
        cluster.beat(ReplicaId(0));
    }
    assert_eq!(cluster.terminated, []);
}

#[test]
fn a_session_of_no_replica_is_terminated_at_once_if_it_was_the_own_one() {
    let mut cluster = Cluster::with_replicas(2);
    settle(&mut cluster);
    let former = cluster.replicas[&ReplicaId(1)].backend;
    // The server has not seen the end of the session.
    cluster.reconnect(ReplicaId(1));
    cluster.beat(ReplicaId(0));
    assert_eq!(cluster.terminated, []);
    cluster.beat(ReplicaId(1));
    assert_eq!(cluster.terminated, [former]);
    cluster.terminated.clear();
    for _ in 0..8 {
        cluster.now += Duration::from_secs(1);
        cluster.beat(ReplicaId(0));
    }
    assert_eq!(cluster.terminated, [former]);
}
