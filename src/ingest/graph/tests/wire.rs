//! Requests on the wire, and failing responses.

use std::time::Duration;

use axum::body::Body;
use serde_json::json;

use super::meta::{Meta, SECRET, ScriptedAnswer, TOKEN, page, waba};
use crate::ingest::graph::{Failure, FailureKind};

/// The complete failure of one listing.
async fn failure(meta: &Meta) -> Failure {
    let listed = meta.client.list_numbers(&waba(), &meta.calls).await;
    assert!(!listed.listing.complete);
    listed.failure.expect("it failed")
}

#[tokio::test]
async fn the_token_is_only_in_the_header_and_its_proof_in_the_query() {
    let meta = Meta::answering([page(0..1, None)]).await;
    meta.client.list_numbers(&waba(), &meta.calls).await;
    let received = &meta.received()[0];
    assert_eq!(received.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(!received.uri.to_string().contains(TOKEN));
    // printf EAAtoken | openssl dgst -sha256 -hmac app-secret
    let proof = &received.query["appsecret_proof"];
    assert_eq!(proof, PROOF);
    assert!(!format!("{:?}", meta.client).contains(TOKEN));
    assert!(!format!("{:?}", meta.client).contains(SECRET));
}

const PROOF: &str = "9f9f0867bc3df2d00cecd6aa6fb78e65b64c050401bd6ec5b84d98503d443d34";

#[tokio::test]
async fn no_failure_contains_the_token_or_the_proof() {
    let echo = json!({"code": 190, "error_subcode": 463, "message": format!("bad token {TOKEN}"), "fbtrace_id": format!("{TOKEN} {PROOF}")});
    let meta = Meta::answering([ScriptedAnswer::error(&echo)]).await;
    let failure = failure(&meta).await;
    assert_eq!(failure.kind(), FailureKind::Token);
    let text_shown = format!("{failure} {failure:?}");
    assert!(
        !text_shown.contains(TOKEN) && !text_shown.contains(PROOF),
        "{text_shown}"
    );
    assert!(text_shown.contains("subcode 463"), "{text_shown}");
}

#[tokio::test]
async fn a_missing_response_ends_with_the_request_timeout() {
    let meta = Meta::silent().await;
    assert_eq!(failure(&meta).await.kind(), FailureKind::Timeout);
    let taken = *meta.calls.taken.lock().expect("no panic");
    assert_eq!(taken, 2, "once with half the page, then no more");
}

#[tokio::test]
async fn a_closed_port_is_a_connection_failure() {
    let meta = Meta::silent().await;
    // Bound until the end, so that nothing else listens there.
    let taken = tokio::net::TcpSocket::new_v4().expect("a socket");
    taken
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let address = taken.local_addr().expect("bound");
    let options = crate::ingest::graph::ClientOptions {
        base_url: format!("http://{address}").parse().expect("a URL"),
        api_version: "v26.0".to_owned(),
        access_token: TOKEN.into(),
        app_secret: None,
        app_id: None,
        request_timeout: Duration::from_secs(5),
        max_answer_bytes: 1_000,
    };
    let client = crate::ingest::graph::Client::new(options, meta.telemetry.clone());
    let listed = client
        .expect("a client")
        .list_numbers(&waba(), &meta.calls)
        .await;
    let failure = listed.failure.expect("it failed");
    assert_eq!(failure.kind(), FailureKind::Connection);
    assert!(!failure.to_string().contains(&address.port().to_string()));
}

#[tokio::test]
async fn truncated_json_is_malformed_and_a_truncated_body_is_a_connection_failure() {
    let meta = Meta::answering([ScriptedAnswer::text(200, r#"{"data": [{"id": "1""#)]).await;
    assert_eq!(failure(&meta).await.kind(), FailureKind::Malformed);
    let broken = cut_short();
    let meta = Meta::answering([broken]).await;
    assert_eq!(failure(&meta).await.kind(), FailureKind::Connection);
}

/// A body that ends after its first bytes.
fn cut_short() -> ScriptedAnswer {
    ScriptedAnswer::text(200, Body::from_stream(BreaksOff::default()))
}

#[derive(Default)]
struct BreaksOff {
    began: bool,
}

impl futures_core::Stream for BreaksOff {
    type Item = Result<&'static str, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let began = std::mem::replace(&mut self.began, true);
        let next = if began {
            Err(std::io::ErrorKind::BrokenPipe.into())
        } else {
            Ok("{")
        };
        std::task::Poll::Ready(Some(next))
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let body = json!({"error": {"code": 131_031}});
    let meta = Meta::answering([ScriptedAnswer::json(&body)]).await;
    assert_eq!(failure(&meta).await.kind(), FailureKind::Blocked);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ScriptedAnswer::text(302, "").with("location", "/v26.0/elsewhere");
    let meta = Meta::answering([elsewhere, page(0..1, None)]).await;
    assert_eq!(failure(&meta).await.kind(), FailureKind::Malformed);
    assert_eq!(meta.received().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_uses_the_longer_of_two_waits_and_shows_its_end() {
    let usage = r#"{"800100":[{"type":"whatsapp_business_management","call_count":100,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":7}]}"#;
    let limited = || {
        ScriptedAnswer::error(&json!({"code": 80008, "message": "There have been too many calls"}))
            .with("x-business-use-case-usage", usage)
            .with("retry-after", "60")
    };
    let calm = page(0..1, None).with(
        "x-business-use-case-usage",
        r#"{"800100":[{"type":"whatsapp_business_management","call_count":3,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}"#,
    );
    let meta = Meta::answering([limited(), calm]).await;
    let failure = failure(&meta).await;
    assert_eq!(failure.kind(), FailureKind::RateLimit);
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(7 * 60)));
    assert_eq!(
        meta.calls.usage.lock().expect("no panic")[0]
            .ratio
            .to_bits(),
        1.0_f64.to_bits()
    );
    let regain = || regains(&meta);
    assert_eq!(regain(), 1);
    meta.client.list_numbers(&waba(), &meta.calls).await;
    assert_eq!(regain(), 0, "possible again is an absent series");
}

fn regains(meta: &Meta) -> usize {
    series(
        meta,
        "whatsapp_exporter_graph_regain_access_timestamp_seconds",
    )
    .len()
}

/// The label values of every series of a metric.
fn series(meta: &Meta, name: &str) -> Vec<Vec<String>> {
    let families = meta.telemetry.gather();
    let family = families.iter().find(|family| family.name() == name);
    let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
    let values = |metric: &prometheus::proto::Metric| {
        let labels = metric.get_label().iter();
        labels.map(|label| label.value().to_owned()).collect()
    };
    metrics.iter().map(values).collect()
}

#[tokio::test]
async fn the_version_of_the_latest_response_is_shown() {
    let answered = |version| page(0..1, None).with("facebook-api-version", version);
    let meta = Meta::answering([answered("v25.0"), answered("v26.0"), answered("<script>")]).await;
    let mut shown = Vec::new();
    for _ in 0..3 {
        meta.client.list_numbers(&waba(), &meta.calls).await;
        shown.extend(series(&meta, "whatsapp_exporter_graph_api_version_info"));
    }
    // Labels are sorted by name: answered, asked.
    assert_eq!(
        shown,
        [["v25.0", "v26.0"], ["v26.0", "v26.0"], ["v26.0", "v26.0"]]
    );
}

#[tokio::test]
async fn the_end_of_the_requested_version_is_shown_if_it_is_known() {
    let meta = Meta::answering([]).await;
    let name = "whatsapp_exporter_graph_version_end_timestamp_seconds";
    assert_eq!(series(&meta, name), [[""; 0]; 0], "v26.0 has no end yet");
    let versions = |requested: &str| {
        crate::ingest::graph::version::Versions::new(requested.to_owned(), &meta.telemetry)
    };
    drop(versions("v25.0"));
    assert_eq!(series(&meta, name), [["v25.0"]]);
    let end = meta
        .telemetry
        .graph_version_end
        .with_label_values(&["v25.0"]);
    assert_eq!(end.get(), 1_848_441_600.0);
    // A reload with another version.
    drop(versions("v99.0"));
    assert_eq!(series(&meta, name), [[""; 0]; 0]);
}
