//! `doctor` with a store on PostgreSQL.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use whatsapp_business_exporter::store::{Location, Store};

use super::program::environment;
use crate::process::outcome;
use crate::support::ports::unused_address;
use crate::support::postgres::{PostgresServer, shared};
use crate::support::store::{NewStore, opened};
use crate::support::waba;

const DAY: Duration = Duration::from_secs(86_400);

/// The findings about the store: check, verdict and message.
fn findings(url: &str) -> Vec<(String, String, String)> {
    let no_graph = format!("--graph.base-url=http://{}/", unused_address());
    let store = format!("--store.url={url}");
    let key = "--trackers.key-file=customers.key";
    let arguments = ["doctor", "--format=json", &no_graph, &store, key];
    let done = outcome(&arguments, &environment(&[]));
    let report: Value = serde_json::from_str(&done.out).expect("JSON");
    let findings = report["findings"].as_array().expect("a list").iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings
        .map(|one| {
            (
                text(one, "check"),
                text(one, "verdict"),
                text(one, "message"),
            )
        })
        .filter(|(check, ..)| check.starts_with("store"))
        .collect()
}

#[track_caller]
fn expect(findings: &[(String, String, String)], check: &str, verdict: &str, part: &str) {
    let found = findings.iter().find(|(name, ..)| name == check);
    let (_, is, message) = found.unwrap_or_else(|| panic!("{check}: {findings:#?}"));
    assert!(
        is == verdict && message.contains(part),
        "{check}: {findings:#?}"
    );
}

fn url_of(location: &Location) -> String {
    let Location::Server(options) = location else {
        panic!("a server")
    };
    shared().url(options.url.database.as_deref().expect("it is given"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_and_running_replicas_are_described() {
    let NewStore { location, .. } = &NewStore::postgres();
    let url = url_of(location);
    let found = findings(&url);
    expect(&found, "store", "fine", "accepts writes");
    expect(&found, "store_rights", "fine", "may create the tables");
    expect(&found, "store_session", "fine", "keeps its advisory locks");
    expect(&found, "store_clock", "fine", "agrees");
    expect(&found, "store_durability", "fine", "no standby");
    expect(&found, "store_connections", "fine", "are free");
    assert_eq!(found.len(), 6, "{found:#?}");

    let store: Store = opened(location, DAY).await;
    store.watch(BTreeSet::from([waba()])).await.expect("sound");
    let before = store.shards().borrow().len();
    let found = findings(&url);
    expect(&found, "store_rights", "fine", "read and write");
    // This test gives no hash.
    expect(&found, "store_replicas", "problem", "1 connected");
    expect(&found, "store_shards", "fine", "each has an owner");
    assert_eq!(store.shards().borrow().len(), before, "it goes on");

    // The second examination has stored its report, which every replica shows.
    let last = store.last_examination().await.expect("readable");
    let last = last.expect("a report");
    let checks = last.report.findings.iter().map(|one| &*one.check);
    assert!(checks.collect::<Vec<_>>().contains(&"store_replicas"));
    store.close().await;
}

#[test]
fn a_role_without_rights_reads_which_ones_it_lacks() {
    let database = shared().new_database();
    let name = database.rsplit('/').next().expect("a name");
    let role = format!("limited_{name}");
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'not-a-secret'");
    shared().execute(name, &create);
    let own = format!(
        "postgres://{role}:not-a-secret@127.0.0.1:{}/{name}",
        shared().port()
    );
    expect(&findings(&own), "store_rights", "problem", "lacks rights");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_a_right_on_the_sequence_reads_it() {
    let NewStore { location, .. } = &NewStore::postgres();
    opened(location, DAY).await.close().await;
    let url = url_of(location);
    let name = url.rsplit('/').next().expect("a name");
    let role = format!("unnumbered_{name}");
    let run = |sql: &str| shared().execute(name, &sql.replace("ROLE", &role));
    run("CREATE USER ROLE PASSWORD 'not-a-secret'");
    run("GRANT USAGE ON SCHEMA whatsapp_exporter TO ROLE");
    let own = format!(
        "postgres://{role}:not-a-secret@127.0.0.1:{}/{name}",
        shared().port()
    );
    expect(&findings(&own), "store_rights", "problem", "lacks rights");
    run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA whatsapp_exporter TO ROLE");
    expect(&findings(&own), "store_rights", "problem", "lacks rights");
    run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA whatsapp_exporter TO ROLE");
    let found = findings(&own);
    expect(&found, "store_rights", "fine", "read and write");
    expect(&found, "store_replicas", "fine", "none is connected");

    // A replica of another role, which this one cannot see.
    let store = opened(location, DAY).await;
    let found = findings(&own);
    expect(
        &found,
        "store_replicas",
        "problem",
        "other roles than unnumbered_",
    );
    store.close().await;
}

#[test]
fn a_standby_that_is_not_synchronous_is_reported() {
    let primary = PostgresServer::start(&["fsync=off"]);
    let _standby = PostgresServer::standby_of(&primary, &["fsync=off"]);
    let url = primary.new_database();
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    crate::process::until(
        "the standby to connect",
        Duration::from_secs(60),
        || match primary.execute("postgres", streams).as_str() {
            "1" => Ok(()),
            other => Err(other.to_owned()),
        },
    );
    let found = findings(&url);
    expect(
        &found,
        "store_durability",
        "problem",
        "no standby is synchronous",
    );
    primary.execute(
        "postgres",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    primary.execute("postgres", "SELECT pg_reload_conf()");
    crate::process::until(
        "the standby to be synchronous",
        Duration::from_secs(60),
        || {
            let found = findings(&url);
            let fine = found.iter().any(|(check, verdict, message)| {
                check == "store_durability" && verdict == "fine" && message.contains("1 of 1")
            });
            if fine {
                Ok(())
            } else {
                Err(format!("{found:#?}"))
            }
        },
    );
}
