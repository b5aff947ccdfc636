//! Signed deliveries with repeats and disorder, while replicas are killed, paused and restarted, and the database crashes:
//! every acknowledged event is counted exactly once, and no counter goes down.

use std::time::Instant;

use super::deliveries::{ACCOUNTS, accounts};
use super::faults::{Fault, pass};
use super::ledger::{Ledger, until_settled};
use super::real_prometheus::{assert_no_resets, scraping, until_known};
use super::replicas::{Cluster, DATABASE, NO_META, Replica, watching};
use super::rounds;
use super::senders::{IMPATIENT, Load};
use crate::support::measured;
use crate::support::postgres::PostgresServer;

const REPLICAS: usize = 3;
const SENDERS: usize = 3;

/// Longest time between two faults.
const LONGEST_CALM_MS: u64 = 4_000;

/// With fewer acknowledgements, the test proves nothing.
const LEAST_ACKNOWLEDGED: usize = 100;

fn survive(faults: &[Fault], seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    measured(&format!("seed {seed}: {faults:?}"));
    let server = PostgresServer::start(&["fsync=off"]);
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(REPLICAS, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let addresses = cluster.addresses();
    let prometheus = scraping(&addresses);
    until_known(&prometheus, ACCOUNTS);
    let began = Instant::now();
    let ((), ledger, scrapes) = Load {
        senders: SENDERS,
        next: REPLICAS - 1,
        timeout: IMPATIENT,
    }
    .during(&cluster, ledger, &mut dice, |dice, _| {
        for fault in faults {
            pass(dice, LONGEST_CALM_MS);
            fault.strike(&cluster, &server, dice);
        }
        cluster.replicas.iter().for_each(Replica::until_ready);
        until_settled(&cluster, &server);
    });
    let took = began.elapsed();
    ledger.settle(&cluster, &server, seed);
    let findings = scrapes.check(&accounts(), seed);
    let counters = assert_no_resets(&prometheus, seed);
    measured(&format!(
        "{} faults in {took:?}: {} facts sent, {} acknowledged, {} deliveries to a second replica, {} refused by all; \
         {findings:?}, {counters} counters in Prometheus, seed {seed}",
        faults.len(),
        ledger.sent.len(),
        ledger.acknowledged.len(),
        ledger.retried,
        ledger.refused.len(),
    ));
    assert!(
        ledger.acknowledged.len() > LEAST_ACKNOWLEDGED,
        "seed {seed}"
    );
    assert!(findings.scrapes > 0, "seed {seed}");
    assert!(counters >= ACCOUNTS as f64, "seed {seed}");
}

#[test]
fn acknowledged_facts_are_counted_once_despite_faults() {
    let seed = fastrand::u64(..);
    let mut faults = [
        Fault::Killed,
        Fault::Paused,
        Fault::Restarted,
        Fault::DatabaseCrashed,
    ];
    fastrand::Rng::with_seed(seed).shuffle(&mut faults);
    survive(&faults, seed);
}

#[test]
#[ignore = "takes as long as WHATSAPP_CLUSTER_ROUNDS says, 100 faults by default"]
fn acknowledged_facts_are_counted_once_over_hundreds_of_faults() {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let faults = (0..rounds(100)).map(|_| Fault::ALL[dice.usize(0..Fault::ALL.len())]);
    let faults: Vec<Fault> = faults.collect();
    survive(&faults, seed);
}
