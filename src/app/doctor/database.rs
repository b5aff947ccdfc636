//! Checks a store on PostgreSQL. Nothing is written, and running replicas are not disturbed.

use std::collections::BTreeSet;

use super::Finding;
use crate::store::postgres::{Checkup, PostgresOptions, SessionFacts, check_up};

const STORE: &str = "store";
const RIGHTS: &str = "store_rights";
const SESSION: &str = "store_session";
const CLOCK: &str = "store_clock";
const DURABILITY: &str = "store_durability";
const CONNECTIONS: &str = "store_connections";
const REPLICAS: &str = "store_replicas";
const SHARDS: &str = "store_shards";

/// Times in the log of the database and in that of the exporter can be compared up to this difference.
const MAX_CLOCK_OFFSET_MS: u64 = 60_000;

/// The writer, and the listener for hints.
const CONNECTIONS_BESIDE_READERS: i64 = 2;

/// A finding for each aspect of the database.
pub(super) async fn check(options: &PostgresOptions, config_hash: &str) -> Vec<Finding> {
    match check_up(options).await {
        Ok(checkup) => report(&checkup, options, config_hash),
        Err(error) => vec![Finding::problem(
            STORE,
            error.to_string(),
            "Set store.url to a server that runs and accepts this user.",
        )],
    }
}

fn report(checkup: &Checkup, options: &PostgresOptions, config_hash: &str) -> Vec<Finding> {
    let (major, host) = (checkup.version / 10_000, &checkup.host);
    let reached = format!("PostgreSQL {major} at {host} accepts writes");
    let mut findings = vec![
        Finding::fine(STORE, reached),
        rights(checkup, &options.schema),
        session(checkup.session),
        clock(checkup.clock_offset_ms),
        durability(checkup),
        connections(checkup, i64::from(options.max_connections)),
    ];
    if checkup.has_tables && checkup.missing_grants.is_empty() {
        findings.push(replicas(checkup, config_hash));
        findings.extend(shards(checkup));
    }
    findings
}

fn rights(checkup: &Checkup, schema: &str) -> Finding {
    let user = &checkup.user;
    match (&checkup.missing_grants[..], checkup.has_tables) {
        ([], true) => {
            let message = format!("{user} may read and write the tables of schema {schema}");
            Finding::fine(RIGHTS, message)
        }
        ([], false) => {
            let message = format!("{user} may create the tables of schema {schema}");
            Finding::fine(RIGHTS, message)
        }
        (missing, _) => Finding::problem(
            RIGHTS,
            format!("{user} lacks rights in schema {schema}"),
            format!("Run as the owner: {}.", missing.join("; ")),
        ),
    }
}

fn session(facts: SessionFacts) -> Finding {
    if facts.is_reliable() {
        return Finding::fine(SESSION, "keeps its advisory locks");
    }
    Finding::problem(
        SESSION,
        "does not keep its advisory locks: a pooler gives each transaction another session",
        "Connect directly, or through a pool with `pool_mode = session`.",
    )
}

fn clock(offset_ms: i64) -> Finding {
    if offset_ms.unsigned_abs() <= MAX_CLOCK_OFFSET_MS {
        return Finding::fine(CLOCK, "the database's clock agrees with this machine's");
    }
    let (seconds, how) = (
        offset_ms.unsigned_abs() / 1_000,
        if offset_ms > 0 { "ahead of" } else { "behind" },
    );
    Finding::problem(
        CLOCK,
        format!("the database's clock is {seconds} s {how} this machine's"),
        "Synchronise the clocks of both machines (NTP).",
    )
}

/// Whether an acknowledged webhook survives the loss of the database's host.
fn durability(checkup: &Checkup) -> Finding {
    let level = checkup.synchronous_commit.as_str();
    match level {
        "off" => {
            return Finding::problem(
                DURABILITY,
                "synchronous_commit is off: a crash of the database loses acknowledged webhooks",
                "Set synchronous_commit = on for the exporter's role.",
            );
        }
        // Regardless of the standbys.
        "local" if !checkup.standbys.is_empty() => {
            return Finding::problem(
                DURABILITY,
                "synchronous_commit is local: a failover can lose acknowledged webhooks",
                "Set synchronous_commit = on for the exporter's role, and synchronous_standby_names on the server.",
            );
        }
        _ => {}
    }
    let states = checkup.standbys.iter();
    let states: Vec<Option<&str>> = states.map(|one| one.sync_state.as_deref()).collect();
    let is_synchronous = |state: &Option<&str>| matches!(state, Some("sync" | "quorum"));
    let names = &checkup.synchronous_standby_names;
    if states.is_empty() {
        return match names.is_empty() {
            true => Finding::fine(
                DURABILITY,
                format!("synchronous_commit is {level}; no standby is connected"),
            ),
            false => Finding::problem(
                DURABILITY,
                "synchronous_standby_names is set, and no standby is connected: commits wait",
                "Start the standby, or clear synchronous_standby_names.",
            ),
        };
    }
    if states.iter().any(is_synchronous) {
        let count = states.iter().filter(|state| is_synchronous(state)).count();
        let message = format!(
            "synchronous_commit is {level}; {count} of {} standbys are synchronous",
            states.len()
        );
        return Finding::fine(DURABILITY, message);
    }
    if !names.is_empty() && states.contains(&None) {
        return Finding::unknown(
            DURABILITY,
            "the role may not read the state of the standbys",
            format!("Run: GRANT pg_monitor TO {}.", checkup.user),
        );
    }
    Finding::problem(
        DURABILITY,
        "no standby is synchronous: a failover can lose acknowledged webhooks",
        "Set synchronous_standby_names, with synchronous_commit = on or remote_apply; or accept that a failover loses the latest webhooks.",
    )
}

fn connections(checkup: &Checkup, readers: i64) -> Finding {
    let counts = checkup.connections;
    let (left, needed) = (
        (counts.limit - counts.used).max(0),
        readers + CONNECTIONS_BESIDE_READERS,
    );
    let message = format!("{left} of {} connections are free", counts.limit);
    if left >= needed {
        return Finding::fine(CONNECTIONS, message);
    }
    Finding::problem(
        CONNECTIONS,
        format!("{message}; a replica uses up to {needed}"),
        "Raise max_connections of PostgreSQL, or lower store.max_connections.",
    )
}

fn replicas(checkup: &Checkup, config_hash: &str) -> Finding {
    let replicas = &checkup.replicas;
    if !checkup.hidden_roles.is_empty() {
        let (user, roles) = (&checkup.user, checkup.hidden_roles.join(", "));
        return Finding::problem(
            REPLICAS,
            format!(
                "replicas use other roles than {user} ({roles}): PostgreSQL does not show one role the sessions of another, \
                 so replicas consider each other disconnected"
            ),
            "Give all replicas, and doctor, the same user in store.url.",
        );
    }
    if replicas.is_empty() {
        return Finding::fine(REPLICAS, "none is connected");
    }
    let versions: BTreeSet<&str> = replicas.iter().map(|one| one.version.as_str()).collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let others = replicas.iter().filter(|one| one.config_hash != config_hash);
    let others: Vec<&str> = others.map(|one| one.name.as_str()).collect();
    let message = format!(
        "{} connected, version {}",
        replicas.len(),
        versions.join(", ")
    );
    if versions.len() > 1 {
        return Finding::problem(
            REPLICAS,
            format!("{message}: the versions differ"),
            "Finish the update of all replicas.",
        );
    }
    if !others.is_empty() {
        return Finding::problem(
            REPLICAS,
            format!(
                "{message}; with another configuration: {}",
                others.join(", ")
            ),
            "Give all replicas, and doctor, the same configuration, and restart those that differ.",
        );
    }
    Finding::fine(REPLICAS, message)
}

/// Shards are only owned while replicas run.
fn shards(checkup: &Checkup) -> Option<Finding> {
    if checkup.replicas.is_empty() {
        return None;
    }
    Some(match checkup.shards_without_owner {
        0 => Finding::fine(SHARDS, "each has an owner"),
        count => Finding::problem(
            SHARDS,
            format!("{count} have no owner: their accounts are not exported"),
            "Run doctor again in ten seconds; if they remain, see the log of the replicas.",
        ),
    })
}
