//! Somebody else answers: at the Graph API's address, or at the public one; or nobody does.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::DATE;
use axum::response::IntoResponse;
use whatsapp_business_exporter::app::doctor::Verdict::{Problem, Unknown};

use super::patient::{Patient, assert_found};

/// A server that answers everything alike, for as long as the test runs.
async fn stranger<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let routes = Router::new().fallback(move || async move { answer });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// A port at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

#[tokio::test]
async fn no_graph_api() {
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.base-url", &format!("http://{}", nobody()));
    assert_found(&patient, "graph", Problem, "no connection").await;
    assert_eq!(patient.found("token").await, [], "nothing can be asked");
    let patient = patient.with_flag("--graph.base-url", "https://no-such-host.invalid");
    assert_found(&patient, "graph", Problem, "name cannot be resolved").await;
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off() {
    let answer = [(DATE, "Fri, 20 Mar 2026 09:46:40 GMT")];
    let meta = stranger(answer).await;
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.base-url", &format!("http://{meta}"));
    assert_found(&patient, "clock", Problem, "differs from Meta's by").await;
}

#[tokio::test]
async fn a_public_address_that_leads_nowhere_or_elsewhere() {
    let at = |address: SocketAddr| format!("http://{address}/webhook");
    let patient = Patient::healthy()
        .await
        .with_flag("--webhook.callback-url", &at(nobody()));
    assert_found(&patient, "handshake", Problem, "cannot be reached").await;
    assert_found(&patient, "self_test", Problem, "cannot be reached").await;
    let patient = patient.with_flag("--webhook.callback-url", &at(stranger("hello").await));
    assert_found(
        &patient,
        "handshake",
        Problem,
        "does not echo the challenge",
    )
    .await;
    assert_found(
        &patient,
        "self_test",
        Problem,
        "not by the exporter on this machine",
    )
    .await;
    let patient = patient.with_flag(
        "--webhook.callback-url",
        &at(stranger(StatusCode::NOT_FOUND).await),
    );
    assert_found(&patient, "handshake", Problem, "answers 404").await;
    assert_found(&patient, "self_test", Problem, "answered 404").await;
}

#[tokio::test]
async fn an_exporter_with_other_secrets() {
    let patient = Patient::healthy()
        .await
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "another");
    assert_found(&patient, "handshake", Problem, "refuses the verify token").await;
    let patient = patient.with_variable("WHATSAPP_APP_SECRET", "another");
    assert_found(&patient, "self_test", Problem, "wrong signature").await;
}

#[tokio::test]
async fn no_exporter_and_no_public_address() {
    let patient = Patient::healthy()
        .await
        .with_flag("--web.listen-address", &nobody().to_string());
    assert_found(&patient, "exporter", Unknown, "none answers").await;
    assert_found(&patient, "self_test", Unknown, "cannot be seen").await;
    let patient = patient.without_public_address();
    assert_found(
        &patient,
        "handshake",
        Unknown,
        "public address is not known",
    )
    .await;
    assert_found(&patient, "callback_url", Unknown, "not known").await;
}
