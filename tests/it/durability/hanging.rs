//! A database that does not respond, and reports no error.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::{Event, Fact, Source};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use crate::support::waba;

const KEPT: Duration = Duration::from_secs(86_400);

fn event() -> Event {
    Event {
        waba_id: waba(),
        observed_at: clock::now(),
        source: Source::Poll,
        fact: Fact::TimePassed,
    }
}

/// Another program's lock delays the commit, while the exporter's clock runs ahead.
#[tokio::test]
async fn a_commit_that_takes_too_long_is_shown_until_it_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let telemetry = Arc::new(Telemetry::new());
    let location = Location::File(path.clone());
    let store = Store::open(&location, KEPT, Arc::clone(&telemetry)).await;
    let store = store.expect("a new store");
    store.watch([waba()].into()).await.expect("a sound store");
    let other = SqliteConnectOptions::new().filename(&path);
    let mut other = SqliteConnection::connect_with(&other)
        .await
        .expect("a store");
    other.execute("BEGIN IMMEDIATE").await.expect("a lock");

    tokio::time::pause();
    let error = store.commit(vec![event()]).await.expect_err("it waits");
    tokio::time::resume();
    let expected = "the store cannot commit: the database has not responded for 10s";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(store.is_sound().is_err());
    assert_eq!(telemetry.store_up.get(), 0);

    other.execute("ROLLBACK").await.expect("no lock");
    while store.is_sound().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(telemetry.store_up.get(), 1);
    store.commit(vec![event()]).await.expect("a sound store");
    store.close().await;
}
