//! A rolling upgrade, seen by the replicas of this version: the first replica of a later version migrates the tables
//! while they count deliveries.

use super::deliveries::{accounts, waba_id};
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, PATIENCE, watching};
use super::senders::{IMPATIENT, Load};
use crate::process::until;
use crate::support::measured;
use crate::support::postgres::PostgresServer;

const REPLICAS: usize = 3;
const SENDERS: usize = 2;

/// PostgreSQL plans a prepared statement again for each of its first five executions.
const MANY: usize = 100;

/// Rows of the inbox after the one that cannot be read, so that some are of its shard.
const ROWS: usize = 60;

/// What `docs/development.md` allows a migration within a minor version, in one transaction with its line, as sqlx runs
/// it. The tables are in the order in which replicas lock them.
const LATER_MIGRATION: &str = "SET search_path = whatsapp_exporter; \
     ALTER TABLE replicas ADD COLUMN zone text; \
     ALTER TABLE shards ADD COLUMN weight smallint NOT NULL DEFAULT 1; \
     ALTER TABLE accounts ADD COLUMN timezone text, ADD COLUMN is_muted boolean NOT NULL DEFAULT false; \
     ALTER TABLE traffic ADD COLUMN saved_at timestamptz DEFAULT now(); \
     ALTER TABLE customer_segments ADD COLUMN version smallint NOT NULL DEFAULT 1; \
     ALTER TABLE delivery_key_segments ADD COLUMN saved_ms bigint; \
     ALTER TABLE transitions ADD COLUMN reason text; \
     ALTER TABLE inbox ADD COLUMN version smallint NOT NULL DEFAULT 1, ADD COLUMN origin text; \
     ALTER TABLE cluster ADD COLUMN region text, ADD COLUMN generation bigint NOT NULL DEFAULT 0; \
     CREATE TABLE labels (waba_id text PRIMARY KEY, label text NOT NULL); \
     CREATE INDEX inbox_by_time ON inbox (received_ms); \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (2, 'later', true, '', 0)";

/// Inserts a row for the shard of an account, with a fact of a later version. Returns its id.
fn insert_unreadable(server: &PostgresServer) -> String {
    let waba_id = waba_id(0);
    let events =
        format!(r#"[{{"waba_id":"{waba_id}","fact":{{"fact_of_a_later_version":{{}}}}}}]"#);
    let insert = format!(
        "INSERT INTO whatsapp_exporter.inbox (received_ms, shard, events) \
         SELECT 1775000000000, shard, '{events}' FROM whatsapp_exporter.accounts WHERE waba_id = '{waba_id}' RETURNING id"
    );
    server.execute(DATABASE, &insert)
}

/// Waits until this many later rows of the inbox are applied, and the given one remains.
fn until_overtaken(server: &PostgresServer, id: &str) {
    let query = format!(
        "SELECT (SELECT last_value FROM whatsapp_exporter.inbox_id_seq) >= {id} + {ROWS}, \
         count(*) FILTER (WHERE id > {id}), count(*) FILTER (WHERE id = {id}) \
         FROM whatsapp_exporter.inbox WHERE id <= {id} + {ROWS}"
    );
    until("later rows to be applied", PATIENCE, || {
        match server.execute(DATABASE, &query).as_str() {
            "t|0|1" => Ok(()),
            other => Err(other.to_owned()),
        }
    });
}

#[test]
fn replicas_count_on_while_a_later_version_migrates_the_tables() {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let server = PostgresServer::start(&["fsync=off"]);
    let config = format!("{NO_META}{}", watching(&accounts()));
    let mut cluster = Cluster::start(REPLICAS, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let load = Load {
        senders: SENDERS,
        next: REPLICAS - 1,
        timeout: IMPATIENT,
    };
    let (unreadable, ledger, _) = load.during(&cluster, ledger, &mut dice, |_, sent| {
        sent.until_more(MANY);
        server.execute(DATABASE, LATER_MIGRATION);
        sent.until_more(MANY);

        let unreadable = insert_unreadable(&server);
        until("the row in a log", PATIENCE, || {
            let logs = cluster.replicas.iter().map(|replica| replica.log());
            let logs: Vec<String> = logs.collect();
            let names_it = |log: &String| {
                log.contains("they stay in the inbox") && log.contains("fact_of_a_later_version")
            };
            if logs.iter().any(names_it) {
                Ok(())
            } else {
                Err(logs.join("\n"))
            }
        });
        until_overtaken(&server, &unreadable);

        // Replaced by the update: it ends, and its shards are taken. Its version may not start again.
        let last = cluster.replicas.last().expect("three");
        last.kill();
        last.start();
        let (status, log) = last.until_ended();
        assert_eq!(status.code(), Some(1), "{log}");
        for part in [
            "store.url: ",
            "was written by a newer version of this exporter (schema version 2, this one knows 1)",
            "run that version",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        sent.until_more(MANY);
        unreadable
    });
    cluster.replicas.pop();
    // A replica of the later version has applied it.
    let applied =
        format!("DELETE FROM whatsapp_exporter.inbox WHERE id = {unreadable} RETURNING id");
    assert_eq!(server.execute(DATABASE, &applied), unreadable);
    ledger.settle(&cluster, &server, seed);
    let log = server.log();
    assert!(
        !log.contains("cached plan") && !log.contains("deadlock"),
        "{log}"
    );
    measured(&format!(
        "a migration under load: {} facts acknowledged, {} deliveries to another replica, {} refused, seed {seed}",
        ledger.acknowledged.len(),
        ledger.retried,
        ledger.refused.len(),
    ));
}
