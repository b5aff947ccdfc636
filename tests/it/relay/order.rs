//! Deliveries of a conversation, or of an account, arrive in order.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{Connection, Executor};

use super::load::status;
use super::upstream::{Manner, Upstream};
use super::{
    PENDING, TAKEN, assert_all_came, connection, failures, post, relaying_to, stored_deliveries,
};
use crate::exporter::meta::{Exporter, WABA, small_world};

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
            assert_eq!(exporter.post_signed(status(number, 1)).await, 200);
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
            let body = status(number, number % 6);
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
    let bodies: Vec<_> = (0..12).map(|number| status(number, number % 3)).collect();
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
