//! Verified deliveries are passed on: all of them, each account's in order, whatever the upstream and
//! the exporter go through, and never at the cost of an acknowledgement.

mod load;
mod parking;
pub mod upstream;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use whatsapp_business_exporter::simulator::signature::header_value;

use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};
use upstream::{Manner, Upstream};

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

/// A delivery about these accounts, told from others by its number.
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

/// Every delivery came at least once, as it was sent, and each account's first came in order.
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
async fn everything_arrives_in_order_though_the_upstream_fails_and_the_exporter_restarts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let mut upstream = Upstream::new(Manner::Takes(Duration::ZERO)).await;
    let file = relaying_to(&upstream.url(), "  request_timeout: 300ms\n");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    post(&exporter, 0..10).await;
    exporter.until(TAKEN, 10.0).await;

    upstream.go_down();
    post(&exporter, 10..30).await;
    exporter.until_above(&failures("connection"), 0.0).await;
    upstream.answer(Manner::Answers(500));
    upstream.come_up().await;
    exporter.until_above(&failures("server_error"), 0.0).await;
    upstream.answer(Manner::IsSilent);
    post(&exporter, 30..40).await;
    exporter.until_above(&failures("timeout"), 0.0).await;
    exporter.until(PENDING, 30.0).await;
    assert_eq!(exporter.get("/-/ready").await.trim(), "ready");
    let accepted = exporter.value("whatsapp_exporter_webhook_deliveries_total");
    assert_eq!(accepted.await, Some(40.0));
    exporter.stopped().await;
    assert_eq!(stored_deliveries(&database).await, 30);

    upstream.answer(Manner::Takes(Duration::from_millis(20)));
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(&exporter, 40..60).await;
    exporter.until(TAKEN, 50.0).await;
    exporter.until(PENDING, 0.0).await;
    assert_all_came(&upstream, 60, &secret);
    let text = exporter.get("/metrics").await;
    assert!(!text.contains("relay_oldest_pending_timestamp_seconds{"));
    assert!(!text.contains("15550100111"));
    exporter.stopped().await;
    assert_eq!(stored_deliveries(&database).await, 0);
    let bytes = std::fs::read(&database).expect("the database");
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(
        holds(b"relay_parcels") && !holds(b"15550100111"),
        "bodies stay"
    );
}

#[tokio::test]
async fn an_account_whose_delivery_is_not_taken_holds_up_no_other() {
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

/// A management event of the account.
fn event(number: usize) -> Vec<u8> {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":1800000000,"changes":[{{"field":"flows","value":{{"n":{number}}}}}]}}]}}"#
    )
    .into_bytes()
}

#[tokio::test]
async fn messages_and_management_events_do_not_wait_for_each_other() {
    let oldest_message =
        r#"whatsapp_exporter_relay_oldest_message_timestamp_seconds{upstream="app"}"#;
    for (refused, taken, shows_messages) in [("\"messages\"", 3.0, true), ("\"flows\"", 5.0, false)]
    {
        let upstream = Upstream::new(Manner::Dislikes(refused, 500)).await;
        let exporter = Exporter::configured(small_world(), &relaying_to(&upstream.url(), "")).await;
        for number in 0..5 {
            assert_eq!(exporter.post_signed(load::status(number, 1)).await, 200);
        }
        for number in 0..3 {
            assert_eq!(exporter.post_signed(event(number)).await, 200);
        }
        exporter.until(TAKEN, taken).await;
        exporter.until(PENDING, 8.0 - taken).await;
        let oldest = exporter.value(oldest_message).await;
        assert_eq!(oldest.is_some(), shows_messages, "{refused}");
    }
}

#[tokio::test]
async fn each_conversation_keeps_its_order_through_failures_reloads_and_restarts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let upstream = Upstream::new(Manner::Flaky(Duration::from_millis(5), 7)).await;
    let file = relaying_to(&upstream.url(), "");
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for round in 0..4 {
        let exporter = Exporter::stored(small_world(), &file, &store).await;
        for number in round * 60..round * 60 + 60 {
            let body = load::status(number, number % 6);
            assert_eq!(exporter.post_signed(body.clone()).await, 200);
            sent.push(body);
            if number % 60 == 30 {
                let in_flight = format!("  max_in_flight: {}\n", round + 2);
                exporter
                    .file
                    .write(&relaying_to(&upstream.url(), &in_flight));
                assert_eq!(exporter.reload().await.0, 200);
            }
        }
        exporter.stopped().await;
    }
    upstream.answer(Manner::Takes(Duration::ZERO));
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let all_taken = || {
        let taken: BTreeSet<Vec<u8>> = upstream.taken().into_iter().map(|one| one.body).collect();
        sent.iter().all(|body| taken.contains(body))
    };
    exporter
        .until_metrics("everything to be taken", |_| all_taken())
        .await;
    let taken = upstream.taken();
    let first = |body: &Vec<u8>| taken.iter().position(|one| one.body == *body);
    for customer in 0..6 {
        let own = sent.iter().skip(customer).step_by(6);
        let places: Vec<_> = own.map(first).collect();
        assert!(places.iter().all(Option::is_some), "{customer}: {places:?}");
        assert!(places.is_sorted(), "{customer}: {places:?}");
    }
}

#[tokio::test]
async fn deliveries_of_an_earlier_version_keep_their_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let file = relaying_to(&upstream.url(), "");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let bodies: Vec<_> = (0..12)
        .map(|number| load::status(number, number % 3))
        .collect();
    for body in &bodies[..6] {
        assert_eq!(exporter.post_signed(body.clone()).await, 200);
    }
    exporter.until(PENDING, 6.0).await;
    exporter.stopped().await;
    let mut old = connection(&database).await;
    let earlier = "UPDATE relay_parcels SET lanes = NULL";
    old.execute(earlier).await.expect("good SQL");
    old.close().await.expect("in good order");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    for body in &bodies[6..] {
        assert_eq!(exporter.post_signed(body.clone()).await, 200);
    }
    exporter.until(PENDING, 12.0).await;
    upstream.answer(Manner::Takes(Duration::ZERO));
    exporter.until(TAKEN, 12.0).await;
    let taken = upstream.taken();
    let taken: Vec<&[u8]> = taken.iter().map(|one| one.body.as_slice()).collect();
    assert!(taken[..6].iter().eq(&bodies[..6]), "one after the other");
    assert!(
        bodies[6..]
            .iter()
            .all(|body| taken[6..].contains(&body.as_slice()))
    );
}

#[tokio::test]
async fn what_looks_too_old_at_the_start_is_kept_until_it_was_tried() {
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
async fn what_no_upstream_takes_is_dropped_when_it_is_too_old() {
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
async fn an_upstream_that_is_silent_costs_no_acknowledgement_and_no_more_than_its_room() {
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
async fn it_is_off_until_a_configuration_wants_it_and_off_again_after() {
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
