//! At most one replica may read a shard.

use std::time::Duration;

use super::super::*;
use super::fixture::Cluster;
use crate::domain::Shard;

const SHARD: Shard = Shard(5);
const A: ReplicaId = ReplicaId(0);
const B: ReplicaId = ReplicaId(1);
const C: ReplicaId = ReplicaId(2);

/// Three replicas of which the first owns the shard and may read it.
fn owned_by_a() -> Cluster {
    let mut cluster = Cluster::with_replicas(3);
    cluster.acquire(A, SHARD);
    confirm(&mut cluster, A);
    assert!(cluster.exports(A, SHARD));
    cluster
}

/// A heartbeat without its actions.
fn confirm(cluster: &mut Cluster, id: ReplicaId) {
    cluster.observe(id);
}

fn pass(cluster: &mut Cluster, milliseconds: u64) {
    cluster.now += Duration::from_millis(milliseconds);
}

/// Heartbeats until the shard may be read. Returns how long it took.
fn wait_for(cluster: &mut Cluster, id: ReplicaId) -> Duration {
    let start = cluster.now;
    while !cluster.exports(id, SHARD) {
        assert!(cluster.now < start + Duration::from_secs(10), "never");
        cluster.now = cluster.replicas[&id]
            .member
            .next_heartbeat()
            .max(cluster.now);
        confirm(cluster, id);
    }
    cluster.now - start
}

#[test]
fn the_lease_ends_without_heartbeats() {
    let mut cluster = owned_by_a();
    pass(&mut cluster, 2_999);
    assert!(cluster.exports(A, SHARD));
    pass(&mut cluster, 1);
    assert!(!cluster.exports(A, SHARD));
}

#[test]
fn the_shard_of_a_lost_session_is_read_after_the_hold_off_and_one_heartbeat() {
    let mut cluster = owned_by_a();
    confirm(&mut cluster, B);
    cluster.end_session(A);
    cluster.acquire(B, SHARD);
    // The process of the lost session has not noticed.
    assert!(cluster.exports(A, SHARD));
    assert_eq!(wait_for(&mut cluster, B), HOLD_OFF);
    assert!(!cluster.exports(A, SHARD));
}

#[test]
fn a_released_shard_is_read_at_the_next_heartbeat() {
    let mut cluster = owned_by_a();
    cluster.execute(A, vec![Action::Release(SHARD)]);
    assert!(!cluster.exports(A, SHARD));
    confirm(&mut cluster, B);
    pass(&mut cluster, 10);
    cluster.acquire(B, SHARD);
    assert!(!cluster.exports(B, SHARD));
    assert_eq!(wait_for(&mut cluster, B), Duration::ZERO);
}

#[test]
fn a_release_in_the_hold_off_passes_the_hold_off_on() {
    let mut cluster = owned_by_a();
    cluster.end_session(A);
    cluster.acquire(B, SHARD);
    cluster.execute(B, vec![Action::Release(SHARD)]);
    cluster.acquire(C, SHARD);
    assert!(cluster.exports(A, SHARD));
    assert_eq!(wait_for(&mut cluster, C), HOLD_OFF);
}

#[test]
fn the_own_shard_is_read_again_at_once_unless_another_owned_it_in_between() {
    let mut cluster = owned_by_a();
    cluster.end_session(A);
    cluster.reconnect(A);
    cluster.acquire(A, SHARD);
    assert_eq!(wait_for(&mut cluster, A), Duration::ZERO);

    cluster.end_session(A);
    cluster.reconnect(A);
    cluster.acquire(B, SHARD);
    cluster.end_session(B);
    cluster.acquire(A, SHARD);
    assert_eq!(wait_for(&mut cluster, A), HOLD_OFF);
}

#[test]
fn a_response_keeps_only_the_shards_that_are_owned_until_its_end() {
    let mut cluster = owned_by_a();
    let before = cluster.replicas[&A].member.exports();
    let permit = before.permit(cluster.now);
    assert!(permit.is_valid(&before, cluster.now));
    assert!(!permit.is_valid(&before, cluster.now + LEASE));

    cluster.acquire(A, Shard(6));
    confirm(&mut cluster, A);
    let more = cluster.replicas[&A].member.exports();
    assert!(permit.is_valid(&more, cluster.now));
    let both = more.permit(cluster.now);

    cluster.replica(A).member.drop_fenced(SHARD);
    let dropped = cluster.replicas[&A].member.exports();
    assert!(!permit.is_valid(&dropped, cluster.now));
    let narrowed = both.narrow(&dropped, cluster.now);
    assert!(narrowed.includes(Shard(6)) && !narrowed.includes(SHARD));
    assert!(narrowed.is_valid(&dropped, cluster.now));

    cluster.end_session(A);
    cluster.reconnect(A);
    cluster.acquire(A, SHARD);
    confirm(&mut cluster, A);
    let again = cluster.replicas[&A].member.exports();
    assert!(!permit.is_valid(&again, cluster.now), "another epoch");
}

#[test]
fn a_view_that_shows_another_owner_ends_ownership_and_the_lease() {
    let mut cluster = owned_by_a();
    cluster.end_session(A);
    cluster.acquire(B, SHARD);
    let actions = cluster.observe(A);
    assert!(actions.contains(&Action::Drop(SHARD)), "{actions:?}");
    assert!(!cluster.exports(A, SHARD));
    assert_eq!(cluster.replicas[&A].member.epoch(SHARD), None);
}

#[test]
fn a_view_of_another_session_or_with_an_unknown_lock_is_refused() {
    let mut cluster = owned_by_a();
    let now = cluster.now;
    let foreign = cluster.view(B);
    let member = &mut cluster.replica(A).member;
    assert_eq!(member.observe(&foreign, now), Err(SessionChanged));

    let mut unknown = cluster.view(A);
    unknown.shards[0].holder = Some(unknown.reader);
    let member = &mut cluster.replica(A).member;
    assert_eq!(member.observe(&unknown, now), Err(SessionChanged));

    let view = cluster.view(A);
    let member = &mut cluster.replica(A).member;
    member.disconnected();
    assert_eq!(member.observe(&view, now), Err(SessionChanged));
    assert!(!member.acquired(SHARD, Epoch(9), true, now));
    assert!(!cluster.exports(A, SHARD));
}
