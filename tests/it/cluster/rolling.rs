//! A rolling restart: one replica after another stops by SIGTERM and starts again. A client that tries the next replica
//! once never sees a failure.

use std::time::{Duration, Instant};

use super::deliveries::accounts;
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, Replica, watching};
use super::rounds;
use super::senders::{Load, PATIENT};
use crate::http::metrics;
use crate::support::measured;
use crate::support::postgres::PostgresServer;
use crate::support::scrape::Scrape;

const REPLICAS: usize = 3;
const SENDERS: usize = 2;

/// A second on an idle machine. That no shard waits for the end of a session is checked by [`unreleased`].
const LONGEST_GAP: Duration = Duration::from_secs(30);

/// A replica that needs longer, on a machine that has no time for it, leaves without releasing its shards.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// Number of shards that a replica has taken over without a release by their owner.
fn unreleased(cluster: &Cluster) -> f64 {
    let series = "whatsapp_exporter_shard_takeovers_total";
    let of = |address| {
        let page = Scrape(metrics(address).expect("it answers"));
        let of = |reason| page.sum(series, &[("reason", reason)]);
        of("lost") + of("terminated")
    };
    cluster.addresses().into_iter().map(of).sum()
}

fn roll(rounds: u32) {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let server = PostgresServer::start(&["fsync=off"]);
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(REPLICAS, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let began = Instant::now();
    let ((), ledger, scrapes) = Load {
        senders: SENDERS,
        next: 1,
        timeout: PATIENT,
    }
    .during(&cluster, ledger, &mut dice, |_, _| {
        let mut has_time = true;
        for _ in 0..rounds {
            for replica in &cluster.replicas {
                let stopping = Instant::now();
                Replica::stop(replica);
                has_time &= stopping.elapsed() < LEAVES_WITHIN;
                replica.start();
                replica.until_ready();
                until_settled(&cluster, &server);
                if has_time {
                    assert_eq!(unreleased(&cluster), 0.0, "seed {seed}");
                }
            }
        }
    });
    let took = began.elapsed();
    let findings = scrapes.check(&accounts(), seed);
    measured(&format!(
        "{rounds} rolling restarts of {REPLICAS} replicas in {took:?}: {} facts acknowledged, {} deliveries to the next \
         replica, {} failed; {findings:?}, seed {seed}",
        ledger.acknowledged.len(),
        ledger.retried,
        ledger.refused.len(),
    ));
    assert!(
        ledger.refused.is_empty(),
        "{:?}, seed {seed}",
        ledger.refused
    );
    assert!(
        findings.longest_gap < LONGEST_GAP,
        "{findings:?}, seed {seed}"
    );
    assert_eq!(ledger.acknowledged, ledger.sent, "seed {seed}");
    ledger.settle(&cluster, &server, seed);
}

#[test]
fn a_rolling_restart_refuses_no_delivery() {
    roll(1);
}

#[test]
#[ignore = "takes as long as WHATSAPP_CLUSTER_ROUNDS says, 30 rolling restarts by default"]
fn many_rolling_restarts_refuse_no_delivery() {
    roll(rounds(30));
}
