//! Time until other replicas export the accounts of a replica that is killed or stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::deliveries::get_within;
use super::fleet::{fill, fleet};
use super::replicas::{Cluster, DATABASE, NO_META, PATIENCE, Replica, watching};
use super::rounds;
use crate::process::until;
use crate::support::measured;
use crate::support::postgres::PostgresServer;

const REPLICAS: usize = 3;
const ACCOUNTS: u64 = 1_000;
const TEMPLATES: u64 = 50;

/// 5 s on an idle machine. A debug build next to other tests took 15 s.
const KILLED_P99: Duration = Duration::from_secs(10);

/// A replica counts as stuck after 8 s without progress. 15 s on an idle machine.
const PAUSED_P99: Duration = Duration::from_secs(25);

/// One page with the accounts of a replica, on a busy machine.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two looks at the pages.
const LOOK: Duration = Duration::from_millis(100);

/// The accounts that a replica exports.
fn exported(replica: &Replica) -> Result<BTreeSet<String>, String> {
    let page = get_within(replica.address, "/metrics?collect[]=accounts", PAGE_TIMEOUT)?;
    if page.status != 200 {
        return Err(format!("{page:?}"));
    }
    let info = page.body.lines().filter_map(|line| {
        let labels = line.strip_prefix("whatsapp_business_account_info{")?;
        let (_, rest) = labels.split_once("waba_id=\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    });
    Ok(info.collect())
}

/// Waits until each replica has about its share of the accounts, and each account one exporter.
fn until_balanced(cluster: &Cluster) {
    until("a balanced cluster", PATIENCE, || {
        let of_each = cluster.replicas.iter().map(exported);
        let of_each = of_each.collect::<Result<Vec<_>, _>>()?;
        let counts: Vec<usize> = of_each.iter().map(BTreeSet::len).collect();
        let total: usize = counts.iter().sum();
        let share = ACCOUNTS as usize / REPLICAS;
        let is_fair = counts.iter().all(|count| *count >= share / 2);
        if total == ACCOUNTS as usize && is_fair {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    });
}

/// Ends or stops a replica. Returns how long each of its accounts was exported by no replica. As in Prometheus, a scrape
/// counts from its beginning.
fn takeover(cluster: &Cluster, victim: usize, strike: impl FnOnce(&Replica)) -> Vec<Duration> {
    let victim = &cluster.replicas[victim];
    let accounts = exported(victim).expect("it runs");
    assert!(!accounts.is_empty(), "it exports no account");
    let taken = Mutex::new(BTreeMap::new());
    let others = cluster.replicas.iter();
    let began = Instant::now();
    strike(victim);
    std::thread::scope(|scope| {
        for replica in others.filter(|one| one.address != victim.address) {
            let (accounts, taken) = (&accounts, &taken);
            scope.spawn(move || {
                loop {
                    let asked = began.elapsed();
                    let page = exported(replica).unwrap_or_default();
                    let mut taken = taken.lock().expect("no panic");
                    for account in page.intersection(accounts) {
                        taken.entry(account.clone()).or_insert(asked);
                    }
                    let missing = accounts.len() - taken.len();
                    drop(taken);
                    if missing == 0 {
                        return;
                    }
                    assert!(asked < PATIENCE, "nobody exports {missing} accounts");
                    std::thread::sleep(LOOK);
                }
            });
        }
    });
    let taken = taken.into_inner().expect("no panic");
    taken.into_values().collect()
}

/// The duration that this share of the accounts does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}

/// Prints the quantiles, and returns the 99th percentile.
fn figures(what: &str, rounds: u32, mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|share| quantile(&took, share));
    measured(&format!(
        "{what}, {rounds} rounds, {ACCOUNTS} accounts of {TEMPLATES} templates: p50 {p50:?}, p99 {p99:?}, \
         worst {worst:?}"
    ));
    p99
}

/// Returns the 99th percentiles of both.
fn take_over(kills: u32, pauses: u32) -> [Duration; 2] {
    let server = PostgresServer::start(&["fsync=off"]);
    let accounts = fleet(ACCOUNTS);
    fill(&server, &accounts, TEMPLATES);
    let config = format!(
        "{NO_META}templates: {{detail: problems}}\n{}",
        watching(&accounts)
    );
    let cluster = Cluster::start(REPLICAS, &server.url(DATABASE), &config);
    until_balanced(&cluster);
    let mut took = Vec::new();
    for round in 0..kills as usize {
        let victim = round % REPLICAS;
        took.extend(takeover(&cluster, victim, Replica::kill));
        cluster.replicas[victim].start();
        cluster.replicas[victim].until_ready();
        until_balanced(&cluster);
    }
    let killed = figures("SIGKILL", kills, took);
    let mut took = Vec::new();
    for round in 0..pauses as usize {
        let victim = round % REPLICAS;
        let stop = |replica: &Replica| replica.signal(Signal::STOP);
        took.extend(takeover(&cluster, victim, stop));
        cluster.replicas[victim].signal(Signal::CONT);
        cluster.replicas[victim].until_ready();
        until_balanced(&cluster);
    }
    [killed, figures("SIGSTOP", pauses, took)]
}

/// How soon depends on the tests beside it, so only the test of many rounds has limits.
#[test]
fn accounts_of_a_dead_replica_are_soon_exported_by_others() {
    take_over(3, 1);
}

#[test]
#[ignore = "takes as long as WHATSAPP_CLUSTER_ROUNDS says, 30 rounds by default"]
fn accounts_of_dead_replicas_are_soon_exported_in_many_rounds() {
    let rounds = rounds(30);
    let [killed, paused] = take_over(rounds, rounds.div_ceil(3));
    assert!(killed < KILLED_P99, "{killed:?}");
    assert!(paused < PAUSED_P99, "{paused:?}");
}
