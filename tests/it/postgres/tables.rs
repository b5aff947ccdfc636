//! The schema and its tables: the required rights, and the supported versions.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::domain::{LaneKind, Lanes, Sharding, Timestamp, WabaId};
use whatsapp_business_exporter::store::postgres::{
    KNOWN_SCHEMA, MigrationError, PostgresOptions, migrate,
};
use whatsapp_business_exporter::store::{Location, RelayDelivery, RelayQueueConfig, Store};

use super::options;
use crate::support::postgres::{PASSWORD, shared};
use crate::support::store::opened;
use crate::support::waba;

const SCHEMA: &str = "whatsapp_exporter";

/// A new database, as its URL and its name.
fn database() -> (String, String) {
    let url = shared().new_database();
    let name = url.rsplit('/').next().expect("a database").to_owned();
    (url, name)
}

/// A role without rights, and the URL of the database for it.
fn role_of(url: &str, name: &str) -> (String, String) {
    let role = format!("role_of_{name}");
    shared().execute(
        name,
        &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"),
    );
    let url = url.replace("postgres://postgres:", &format!("postgres://{role}:"));
    (role, url)
}

/// Runs the statement that the error names, as the superuser.
fn grant(name: &str, error: &MigrationError) {
    let MigrationError::MissingRight { grant, .. } = error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains(grant.as_str()), "{error}");
    shared().execute(name, grant);
}

/// Stores a delivery for an upstream, whose number is drawn from a sequence.
async fn relays(options: &PostgresOptions) {
    let location = Location::Server(Box::new(options.clone()));
    let store: Store = opened(&location, Duration::from_secs(86_400)).await;
    store.watch(BTreeSet::from([waba()])).await.expect("sound");
    let config = RelayQueueConfig {
        upstreams: vec!["a".to_owned()],
        max_bytes: 2_000,
    };
    store.configure_relay(config).await.expect("room");
    let delivery = RelayDelivery {
        received_at: Timestamp::from_seconds(1_775_000_000),
        waba_ids: vec![waba()],
        lanes: Lanes {
            kind: LaneKind::Messages,
            keys: vec![7],
        },
        signature: "sha256=00".to_owned(),
        body: "{}".into(),
    };
    let committed = store.commit_with(vec![], Some(delivery)).await;
    committed.expect("all rights");
    let waiting = store.pending("a", 0, 100).await.expect("readable");
    assert_eq!(waiting.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn replicas_that_start_at_once_create_the_tables_once() {
    let (url, name) = database();
    let options = options(&url);
    let (one, two, three) = tokio::join!(migrate(&options), migrate(&options), migrate(&options));
    for migrated in [one, two, three] {
        migrated.expect("one creates the tables, the others wait");
    }
    let count =
        |what: &str| shared().execute(&name, &format!("SELECT count(*) FROM {SCHEMA}.{what}"));
    assert_eq!(
        (count("shards"), count("cluster")),
        ("64".into(), "1".into())
    );
    assert_eq!(count("_sqlx_migrations"), KNOWN_SCHEMA.to_string());
    migrate(&options).await.expect("nothing to do");
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_refused() {
    let (url, name) = database();
    migrate(&options(&url)).await.expect("a new database");
    let later = KNOWN_SCHEMA + 7;
    shared().execute(
        &name,
        &format!(
            "INSERT INTO {SCHEMA}._sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES ({later}, 'later', true, '', 0)"
        ),
    );
    let error = migrate(&options(&url)).await.expect_err("a later version");
    let text = error.to_string();
    assert!(
        text.starts_with("store.url: ") && text.contains("run that version"),
        "{text}"
    );
    let versions = format!("schema version {later}, this one knows {KNOWN_SCHEMA}");
    assert!(text.contains(&versions), "{text}");
    assert!(
        !text.contains(PASSWORD) && error.passing_reason().is_none(),
        "{text}"
    );
}

#[tokio::test]
async fn two_schemas_of_one_database_are_separate() {
    let (url, name) = database();
    let mut other = options(&url);
    other.schema = "staging".to_owned();
    migrate(&other).await.expect("room");
    migrate(&options(&url)).await.expect("room");
    shared().execute(
        &name,
        "INSERT INTO staging.accounts (waba_id, state) VALUES ('1', '{}')",
    );
    let accounts = shared().execute(&name, &format!("SELECT count(*) FROM {SCHEMA}.accounts"));
    assert_eq!(accounts, "0");
}

#[tokio::test]
async fn a_missing_right_to_create_the_schema_is_named() {
    let (url, name) = database();
    let (_, url) = role_of(&url, &name);
    let error = migrate(&options(&url)).await.expect_err("no right");
    assert!(
        error
            .to_string()
            .contains("create schema whatsapp_exporter"),
        "{error}"
    );
    grant(&name, &error);
    migrate(&options(&url)).await.expect("the right is granted");
}

#[tokio::test]
async fn rights_on_the_tables_are_enough_once_they_exist() {
    let (url, name) = database();
    let (role, restricted) = role_of(&url, &name);
    let restricted = options(&restricted);
    shared().execute(&name, &format!("CREATE SCHEMA {SCHEMA}"));
    let error = migrate(&restricted)
        .await
        .expect_err("no right on the schema");
    grant(&name, &error);
    shared().execute(
        &name,
        &format!("REVOKE CREATE ON SCHEMA {SCHEMA} FROM {role}"),
    );
    let error = migrate(&restricted)
        .await
        .expect_err("no right to create tables");
    assert!(error.to_string().contains("create tables"), "{error}");
    migrate(&options(&url)).await.expect("the owner");
    let error = migrate(&restricted)
        .await
        .expect_err("no right on the tables");
    grant(&name, &error);
    migrate(&restricted).await.expect("enough for a replica");
    relays(&restricted).await;
    shared().execute(
        &name,
        &format!("REVOKE USAGE ON SEQUENCE {SCHEMA}.queue_numbers FROM {role}"),
    );
    let error = migrate(&restricted)
        .await
        .expect_err("no right on the sequence");
    let missing = format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {role}`");
    assert!(error.to_string().contains(&missing), "{error}");
    grant(&name, &error);
    migrate(&restricted).await.expect("enough again");
}

#[tokio::test]
async fn the_shard_of_an_account_is_the_one_that_the_exporter_computes() {
    let (url, name) = database();
    migrate(&options(&url)).await.expect("a new database");
    for number in 0..50_u64 {
        let id = (800_100_200_300_400 + number * 7_919).to_string();
        let sql = format!(
            "INSERT INTO {SCHEMA}.accounts (waba_id, state) VALUES ('{id}', '{{}}') RETURNING shard"
        );
        let shard = shared().execute(&name, &sql);
        let expected = Sharding::SHARED.of_account(&WabaId::parse(&id).expect("digits"));
        assert_eq!(shard, expected.0.to_string(), "{id}");
    }
}
