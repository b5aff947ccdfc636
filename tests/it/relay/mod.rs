//! Verified deliveries are relayed: all of them, in order for each account, despite failures of the upstream and restarts
//! of the exporter, and without delaying acknowledgements.

mod load;
mod order;
mod parking;
pub mod upstream;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use upstream::{Manner, Upstream};
use whatsapp_business_exporter::simulator::signature::header_value;

use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};

const ACCOUNTS: [&str; 3] = ["800100200300401", "800100200300402", "800100200300403"];

const PENDING: &str = r#"whatsapp_exporter_relay_pending_deliveries{upstream="app"}"#;

const TAKEN: &str = r#"whatsapp_exporter_relay_deliveries_total{upstream="app"}"#;

fn failures(reason: &str) -> String {
    format!(r#"whatsapp_exporter_relay_failures_total{{upstream="app",reason="{reason}"}}"#)
}

fn dropped(reason: &str) -> String {
    format!(r#"whatsapp_exporter_relay_dropped_total{{upstream="app",reason="{reason}"}}"#)
}

fn relaying_to(url: &str, more: &str) -> String {
    let file = config_file(SELDOM, &[WABA]);
    format!("{file}relay:\n  upstreams:\n    - name: app\n      url: {url}\n{more}")
}

/// A delivery about these accounts, with a number that identifies it.
fn delivery(number: usize, accounts: &[&str]) -> Vec<u8> {
    let entry = |account: &&str| {
        format!(
            r#"{{"id":"{account}","time":1800000000,"changes":[{{"field":"messages","value":{{"n":{number}, "from":"15550100111"}}}}]}}"#
        )
    };
    let entries: Vec<String> = accounts.iter().map(entry).collect();
    let entries = entries.join(",");
    format!(r#"{{"object":"whatsapp_business_account","entry":[{entries}]}}"#).into_bytes()
}

/// One, two or all of the accounts.
fn accounts_of(number: usize) -> Vec<&'static str> {
    match number % 5 {
        0 => ACCOUNTS.to_vec(),
        1 => ACCOUNTS[..2].to_vec(),
        other => vec![ACCOUNTS[other - 2]],
    }
}

async fn post(exporter: &Exporter, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let body = delivery(number, &accounts_of(number));
        assert_eq!(exporter.post_signed(body).await, 200, "{number}");
    }
}

/// Asserts that every delivery arrived at least once and unchanged, and the first ones of each account in order.
fn assert_all_came(upstream: &Upstream, count: usize, secret: &str) {
    let taken = upstream.taken();
    let bodies: Vec<&[u8]> = taken.iter().map(|one| one.body.as_slice()).collect();
    let place = |number: usize| {
        let body = delivery(number, &accounts_of(number));
        let place = bodies.iter().position(|one| *one == body);
        place.unwrap_or_else(|| panic!("{number} never came"))
    };
    for account in ACCOUNTS {
        let about_it = (0..count).filter(|number| accounts_of(*number).contains(&account));
        let places: Vec<usize> = about_it.map(place).collect();
        assert!(places.is_sorted(), "{account}: {places:?}");
    }
    for one in &taken {
        assert_eq!(one.signature, header_value(secret, &one.body));
        assert_eq!(one.content_type, "application/json");
    }
}

async fn connection(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database);
    let connection = SqliteConnection::connect_with(&options).await;
    connection.expect("the store's database")
}

async fn stored_deliveries(database: &Path) -> i64 {
    let mut connection = connection(database).await;
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM relay_parcels");
    let count = count.fetch_one(&mut connection).await;
    count.expect("good SQL")
}

#[tokio::test]
async fn repaired_bodies_are_relayed_unchanged() {
    let upstream = Upstream::new(Manner::Takes(Duration::ZERO)).await;
    let file = relaying_to(&upstream.url(), "");
    let exporter = Exporter::configured(small_world(), &file).await;
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    let body = [
        br#"{"object":"whatsapp_business_account","x\ud83d":1e999,"entry":[{"id":"800100200300401","changes":["#.as_slice(),
        b"{\"field\":\"messages\",\"value\":{\"text\":\"caf\xe9\n\"}}]}]}",
    ]
    .concat();
    assert_eq!(exporter.post_signed(body.clone()).await, 200);
    exporter.until(TAKEN, 1.0).await;
    let taken = upstream.taken();
    assert_eq!(taken[0].signature, header_value(&secret, &body));
    assert_eq!(taken[0].body, body);
}

#[tokio::test]
async fn a_refused_delivery_of_one_account_delays_no_other_account() {
    let upstream = Upstream::new(Manner::Dislikes(ACCOUNTS[0], 500)).await;
    let file = relaying_to(&upstream.url(), "");
    let exporter = Exporter::configured(small_world(), &file).await;
    for number in 0..40 {
        let body = delivery(number, &[ACCOUNTS[number % 2]]);
        assert_eq!(exporter.post_signed(body).await, 200);
    }
    exporter.until(TAKEN, 20.0).await;
    exporter.until(PENDING, 20.0).await;
    upstream.answer(Manner::Answers(302));
    exporter.until_above(&failures("redirect"), 0.0).await;
    upstream.answer(Manner::Takes(Duration::ZERO));
    exporter.until(TAKEN, 40.0).await;
}

/// A row that cannot be read, as after damage. Reads of the queue have their own connection, so commits succeed.
#[tokio::test]
async fn a_queue_that_cannot_be_read_is_shown_and_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let file = relaying_to(&upstream.url(), "");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(&exporter, 0..3).await;
    exporter.until(PENDING, 3.0).await;
    exporter.stopped().await;
    let mut damaged = connection(&database).await;
    let damage = "UPDATE relay_parcels SET received_ms = 'x' WHERE parcel = 1";
    damaged.execute(damage).await.expect("good SQL");
    upstream.answer(Manner::Takes(Duration::ZERO));
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_above(&failures("store"), 1.0).await;
    exporter.until(PENDING, 3.0).await;
    let oldest = r#"whatsapp_exporter_relay_oldest_pending_timestamp_seconds{upstream="app"}"#;
    assert!(exporter.value(oldest).await.is_some());

    let repair = "UPDATE relay_parcels SET received_ms = 1800000000000 WHERE parcel = 1";
    damaged.execute(repair).await.expect("good SQL");
    exporter.until(PENDING, 0.0).await;
    exporter.until(TAKEN, 3.0).await;
}

#[tokio::test]
async fn deliveries_that_are_too_old_at_the_start_are_tried_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let file = relaying_to(&upstream.url(), "  max_age: 1m\n");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(&exporter, 0..7).await;
    exporter.until(PENDING, 7.0).await;
    exporter.stopped().await;
    let age = "UPDATE relay_parcels SET received_ms = received_ms - 120000 WHERE parcel <= 4";
    let mut aged = connection(&database).await;
    aged.execute(age).await.expect("good SQL");
    aged.close().await.expect("in good order");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until(PENDING, 7.0).await;
    exporter.until_above(&failures("unavailable"), 3.0).await;
    assert_eq!(exporter.value(&dropped("age")).await, Some(0.0));
    upstream.answer(Manner::Takes(Duration::ZERO));
    exporter.until(TAKEN, 7.0).await;
    exporter.stopped().await;
    assert_eq!(stored_deliveries(&database).await, 0);
}

#[tokio::test]
#[ignore = "a minute, the shortest relay.max_age"]
async fn a_delivery_that_no_upstream_accepts_is_dropped_when_it_is_too_old() {
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let file = relaying_to(&upstream.url(), "  max_age: 1m\n");
    let exporter = Exporter::configured(small_world(), &file).await;
    post(&exporter, 0..7).await;
    exporter.until(PENDING, 7.0).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(exporter.value(&dropped("age")).await, Some(0.0));
    exporter.until(dropped("age"), 7.0).await;
    exporter.until(PENDING, 0.0).await;
}

#[tokio::test]
async fn a_silent_upstream_delays_no_acknowledgement_and_its_queue_has_a_limit() {
    let upstream = Upstream::new(Manner::IsSilent).await;
    let file = relaying_to(&upstream.url(), "  max_bytes: 16MiB\n");
    let exporter = Exporter::configured(small_world(), &file).await;
    let padding = "x".repeat(3 << 20);
    for number in 0..8 {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","changes":[{{"field":"messages","value":{{"n":{number},"text":"{padding}"}}}}]}}]}}"#
        );
        assert_eq!(exporter.post_signed(body.into_bytes()).await, 200);
    }
    exporter.until(dropped("size"), 3.0).await;
    exporter.until(PENDING, 5.0).await;
    let accepted = exporter.value("whatsapp_exporter_webhook_deliveries_total");
    assert_eq!(accepted.await, Some(8.0));
}

#[tokio::test]
async fn the_relay_is_off_without_upstreams_also_after_a_reload() {
    let upstream = Upstream::new(Manner::Answers(500)).await;
    let without = config_file(SELDOM, &[WABA]);
    let exporter = Exporter::configured(small_world(), &without).await;
    post(&exporter, 0..3).await;
    let shows_relay = |text: &str| text.contains("whatsapp_exporter_relay_");
    assert!(!shows_relay(&exporter.get("/metrics").await));
    exporter.file.write(&relaying_to(&upstream.url(), ""));
    assert_eq!(exporter.reload().await.0, 200);
    post(&exporter, 3..5).await;
    exporter.until(PENDING, 2.0).await;
    exporter.file.write(&without);
    assert_eq!(exporter.reload().await.0, 200);
    exporter
        .until_metrics("nothing about a relay", |text| !shows_relay(text))
        .await;
    exporter.file.write(&relaying_to(&upstream.url(), ""));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.until(PENDING, 0.0).await;
}

/// The relay is replaced before the store refuses the new receiver. The old file then brings the old upstream back.
#[tokio::test]
async fn a_reload_that_fails_after_the_relay_was_replaced_can_be_taken_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let [before, after] = [
        Upstream::new(Manner::Takes(Duration::ZERO)).await,
        Upstream::new(Manner::Takes(Duration::ZERO)).await,
    ];
    let old = relaying_to(&before.url(), "");
    let exporter = Exporter::stored(small_world(), &old, &store).await;
    exporter.until_polled(WABA, "account").await;
    let refuse = "CREATE TRIGGER refused BEFORE INSERT ON notify_receivers BEGIN SELECT RAISE(ABORT, 'refused'); END";
    let mut stored = connection(&database).await;
    stored.execute(refuse).await.expect("good SQL");

    // Without the account too, whose metrics must stay.
    let other_account = config_file(SELDOM, &[ACCOUNTS[1]]);
    let relay = relaying_to(&after.url(), "").replacen(&config_file(SELDOM, &[WABA]), "", 1);
    let chat = format!(
        "notify:\n  webhooks:\n    - {{name: chat, url: '{}'}}\n",
        after.url()
    );
    exporter.file.write(&(other_account + &relay + &chat));
    let (status, error) = exporter.reload().await;
    assert_eq!(status, 500);
    let applied = "the new settings of relay are in force already: ";
    assert!(error.starts_with(applied), "{error}");
    let info = format!("whatsapp_business_account_info{{waba_id=\"{WABA}\"");
    let is_shown = |text: &str| text.contains(&info);
    exporter.until_metrics("the account", is_shown).await;

    stored
        .execute("DROP TRIGGER refused")
        .await
        .expect("good SQL");
    exporter.file.write(&old);
    assert_eq!(exporter.reload().await.0, 200);
    let relayed = before.taken().len();
    while exporter.post_signed(delivery(1, &[WABA])).await != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while before.taken().len() == relayed {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn several_upstreams_each_get_everything() {
    let (one, other) = (
        Upstream::new(Manner::Takes(Duration::ZERO)).await,
        Upstream::new(Manner::Answers(500)).await,
    );
    let file = relaying_to(&one.url(), &format!("    - url: {}\n", other.url()));
    let exporter = Exporter::configured(small_world(), &file).await;
    post(&exporter, 0..20).await;
    exporter.until(TAKEN, 20.0).await;
    other.answer(Manner::Takes(Duration::ZERO));
    let by_host = r#"whatsapp_exporter_relay_deliveries_total{upstream="127.0.0.79"}"#;
    exporter.until(by_host, 20.0).await;
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    assert_all_came(&one, 20, &secret);
    assert_all_came(&other, 20, &secret);
    let bodies = |upstream: &Upstream| -> BTreeSet<Vec<u8>> {
        let taken = upstream.taken().into_iter();
        taken.map(|one| one.body).collect()
    };
    assert_eq!(bodies(&one), bodies(&other));
}
