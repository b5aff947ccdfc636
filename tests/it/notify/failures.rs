//! Receivers that are down, slow or strict.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

use super::*;

#[tokio::test]
async fn nothing_is_lost_while_the_receiver_fails_and_the_exporter_restarts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let mut upstream = Upstream::new(at_once()).await;
    let more = "  request_timeout: 5s\n";
    let file = notifying(&upstream.url(), more);
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "templates").await;
    pause(&exporter, TEMPLATE).await;
    exporter.until(SENT, 1.0).await;

    upstream.go_down();
    flag(&exporter).await;
    exporter.until_above(&failures("connection"), 0.0).await;
    upstream.answer(Manner::IsSilent);
    upstream.come_up().await;
    for (manner, reason) in [
        (Manner::IsSilent, "timeout"),
        (Manner::Answers(500), "server_error"),
        (Manner::Answers(302), "redirect"),
        (Manner::Answers(404), "client_error"),
    ] {
        upstream.answer(manner);
        exporter.until_above(&failures(reason), 0.0).await;
    }
    reject(&exporter).await;
    exporter.until(PENDING, 2.0).await;
    assert!(exporter.value(OLDEST).await.is_some());
    assert_eq!(exporter.get("/-/ready").await.trim(), "ready");
    exporter.stopped().await;

    upstream.answer(at_once());
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_above(SENT, 1.0).await;
    exporter.until(PENDING, 0.0).await;
    // Polls of the new world follow.
    let expected = ["status PAUSED", "flagged true", "review_status REJECTED"];
    assert_eq!(steps(&upstream)[..3], expected);
    exporter.stopped().await;
    let mut stored = connection(&folder.path().join("state.db")).await;
    let left: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM notify_queue WHERE source = 'webhook'")
            .fetch_one(&mut stored)
            .await
            .expect("good SQL");
    assert_eq!(left, 0);
}

async fn connection(database: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database);
    let connection = SqliteConnection::connect_with(&options).await;
    connection.expect("the store's database")
}

#[tokio::test]
async fn a_requested_pause_is_honoured() {
    let upstream = Upstream::new(Manner::AsksToWait(429, "10")).await;
    let exporter = polled(small_world(), &notifying(&upstream.url(), ""), &[]).await;
    pause(&exporter, TEMPLATE).await;
    exporter.until(failures("rate_limited"), 1.0).await;
    upstream.answer(at_once());
    exporter.until(SENT, 1.0).await;
    let asked = upstream.asked_at();
    assert_eq!(asked.len(), 2);
    assert!(asked[1] - asked[0] >= Duration::from_secs(10), "{asked:?}");
}

#[tokio::test]
async fn a_change_that_is_refused_three_times_is_dropped_and_the_next_one_arrives() {
    let upstream = Upstream::new(Manner::Dislikes("PAUSED", 422)).await;
    let exporter = polled(small_world(), &notifying(&upstream.url(), ""), &[]).await;
    pause(&exporter, TEMPLATE).await;
    flag(&exporter).await;
    exporter.until(dropped("refused"), 1.0).await;
    exporter.until(SENT, 1.0).await;
    assert_eq!(steps(&upstream), ["flagged true"]);
    assert_eq!(exporter.value(&failures("client_error")).await, Some(3.0));
    exporter.until(PENDING, 0.0).await;
}

#[tokio::test]
async fn old_changes_are_tried_once_and_then_dropped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let file = notifying(&upstream.url(), "  max_age: 1m\n");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "templates").await;
    pause(&exporter, TEMPLATE).await;
    flag(&exporter).await;
    exporter.until(PENDING, 2.0).await;
    exporter.stopped().await;
    let mut stored = connection(&database).await;
    let age = "UPDATE notify_queue SET recorded_ms = recorded_ms - 120000";
    stored.execute(age).await.expect("good SQL");
    stored.close().await.expect("in good order");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until(dropped("age"), 2.0).await;
    assert!(upstream.asked() >= 2, "once by each exporter");
}
