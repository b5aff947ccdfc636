//! The primary is lost and its synchronous standby is promoted. The replicas connect to it, because both are in the URL,
//! and nothing that was acknowledged is lost.

use std::time::{Duration, Instant};

use super::deliveries::accounts;
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, Replica, watching};
use super::senders::{IMPATIENT, Load};
use crate::process::until;
use crate::support::measured;
use crate::support::postgres::{PASSWORD, PostgresServer};

const REPLICAS: usize = 2;
const SENDERS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(120);

/// Facts before the primary is lost.
const FACTS: usize = 100;

/// A primary whose commits wait for its standby.
fn synchronous_pair() -> (PostgresServer, PostgresServer) {
    let primary = PostgresServer::start(&["fsync=off"]);
    let standby = PostgresServer::standby_of(&primary, &["fsync=off"]);
    primary.execute(DATABASE, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.execute(DATABASE, "SELECT pg_reload_conf()");
    until("the standby to be synchronous", PATIENCE, || {
        let state = primary.execute(DATABASE, "SELECT sync_state FROM pg_stat_replication");
        if state == "sync" { Ok(()) } else { Err(state) }
    });
    (primary, standby)
}

#[test]
fn replicas_follow_the_promoted_standby_and_lose_nothing() {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let (primary, standby) = synchronous_pair();
    let (one, other) = (primary.port(), standby.port());
    let url =
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{one},127.0.0.1:{other}/{DATABASE}");
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(REPLICAS, &url, &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &primary);
    let (resumed, ledger, scrapes) = Load {
        senders: SENDERS,
        next: REPLICAS - 1,
        timeout: IMPATIENT,
    }
    .during(&cluster, ledger, &mut dice, |_, sent| {
        sent.until_more(FACTS);
        primary.stop();
        standby.promote();
        let promoted = Instant::now();
        sent.until_more(1);
        let resumed = promoted.elapsed();
        sent.until_more(FACTS);
        cluster.replicas.iter().for_each(Replica::until_ready);
        until_settled(&cluster, &standby);
        resumed
    });
    ledger.settle(&cluster, &standby, seed);
    let findings = scrapes.check(&accounts(), seed);
    measured(&format!(
        "the first acknowledgement came {resumed:?} after the promotion; {} facts acknowledged, {} deliveries refused in \
         between; {findings:?}, seed {seed}",
        ledger.acknowledged.len(),
        ledger.refused.len(),
    ));
}
