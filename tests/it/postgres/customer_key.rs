//! The key of the customer hashes: all replicas have the same, and it is replaced only when no other replica runs.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::program::environment;
use crate::http::{metrics, until_metric};
use crate::process::{Process, program};
use crate::support::ports::unused_address;
use crate::support::postgres::{PostgresServer, shared};

const PATIENCE: Duration = Duration::from_secs(120);

/// All shards, which the replica owns without another.
const ALL: &str = "whatsapp_exporter_shards{state=\"owned\"} 64";

fn start(store: &str, key: &Path) -> Process {
    let arguments = [
        "serve",
        &format!("--graph.base-url=http://{}/", unused_address()),
        &format!("--store.url={store}"),
        &format!("--trackers.key-file={}", key.display()),
        "--web.listen-address=127.0.0.1:0",
        "--webhook.listen-address=127.0.0.1:0",
    ];
    program(&arguments, &environment(&[]))
}

fn address(replica: &Process) -> SocketAddr {
    replica.address_after("the status page address=")
}

fn stored_key(store: &str) -> String {
    let name = store.rsplit('/').next().expect("a name");
    shared().execute(name, "SELECT customer_key FROM whatsapp_exporter.cluster")
}

#[test]
fn another_key_is_refused_while_other_replicas_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = |name: &str, first: u8| {
        let path = folder.path().join(name);
        let bytes = (first..first + 32).map(|byte| format!("{byte:02x}"));
        fs::write(&path, bytes.collect::<String>()).expect("room");
        path
    };
    let (one_key, other_key) = (key("one.key", 1), key("other.key", 2));
    let store = shared().new_database();
    let mut one = start(&store, &one_key);
    until_metric(address(&one), ALL);
    let stored = stored_key(&store);
    assert!(!stored.is_empty());

    let mut other = start(&store, &other_key);
    let status = other.ended_within(PATIENCE);
    let log = other.log();
    assert_eq!(status.code(), Some(1), "{log}");
    for part in [
        "trackers.key_file: ",
        "differs from the one of the other replicas",
        "give all replicas the same file",
        "stop all replicas first",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(stored_key(&store), stored);
    // It has released shards that it may have taken meanwhile, without a hold-off.
    until_metric(address(&one), ALL);
    let page = metrics(address(&one)).expect("it runs");
    let lost = "whatsapp_exporter_shard_takeovers_total{reason=\"lost\"} 0";
    assert!(page.contains(lost), "{page}");

    one.signal(Signal::TERM);
    assert!(one.ended_within(PATIENCE).success(), "{one:?}");
    let other = start(&store, &other_key);
    until_metric(address(&other), ALL);
    other.until_logged("customers' key was replaced; open conversations were dropped");
    assert_ne!(stored_key(&store), stored);
}

/// Three logs of customers: one conversation in the first, none in the second, and one in the third.
const LOGS: &str = "INSERT INTO whatsapp_exporter.customer_segments (waba_id, phone_number_id, segment, entries, content) \
     SELECT waba_id, phone_number_id, segment, 1, decode(kind || repeat('00', 16) || '00000002' || '7b7d', 'hex') \
     FROM (VALUES ('801', '901', 1, '01'), ('801', '901', 2, '01'), ('801', '902', 1, '02'), ('802', '901', 1, '01')) \
       AS log (waba_id, phone_number_id, segment, kind)";

#[test]
fn customers_are_read_and_counted_only_if_the_key_changes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [key, other_key] = ["abcdefghijklmnop", "ponmlkjihgfedcba"].map(|bytes| {
        let path = folder.path().join(bytes);
        let digits = bytes.bytes().map(|byte| format!("{byte:02x}00"));
        fs::write(&path, digits.collect::<String>()).expect("room");
        path
    });
    let server = PostgresServer::start(&["fsync=off", "log_statement=all"]);
    let store = server.new_database();
    let database = store.rsplit('/').next().expect("a name");
    let run = |key: &Path, until: &str| {
        let mut replica = start(&store, key);
        until_metric(address(&replica), ALL);
        replica.until_logged(until);
        replica.signal(Signal::TERM);
        assert!(replica.ended_within(PATIENCE).success(), "{replica:?}");
        replica.log()
    };
    run(&key, "");
    server.execute(database, LOGS);
    let before = server.log().len();
    let log = run(&key, "");
    assert!(!log.contains("dropped"), "{log}");
    let statements = server.log()[before..].to_owned();
    assert!(
        statements.contains("SELECT customer_key FROM cluster"),
        "{statements}"
    );
    let of_all = |line: &&str| {
        line.contains("FROM customer_segments") && !line.contains("waba_id = ANY($1)")
    };
    let read: Vec<&str> = statements.lines().filter(of_all).collect();
    assert!(read.is_empty(), "{read:?}");

    let log = run(&other_key, "customers' key was replaced");
    assert!(log.contains("dropped=2"), "{log}");
    let left = "SELECT count(*) FROM whatsapp_exporter.customer_segments";
    assert_eq!(server.execute(database, left).trim(), "0");
}
