//! Another server, or none, responds at the Graph API's address or at the public address.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::DATE;
use axum::response::IntoResponse;
use whatsapp_business_exporter::app::doctor::Verdict::{Problem, Unknown};

use super::patient::{Patient, assert_found};
use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};
use crate::support::ports::unused_address;
use crate::support::tls::untrusted_server;

/// A server that sends the same response to every request until the test ends.
async fn stranger<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let routes = Router::new().fallback(move || async move { answer });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test]
async fn no_graph_api() {
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.base-url", &format!("http://{}", unused_address()));
    let cure = "Check host and port of graph.base_url, and allow connections from this machine";
    let words = "no connection (tcp connect error: Connection refused";
    assert_found(&patient, "graph", Problem, words, cure).await;
    assert_eq!(patient.found("token").await, [], "nothing can be asked");
    let patient = patient.with_flag("--graph.base-url", "https://no-such-host.invalid");
    let cure = "Check graph.base_url and this machine's DNS.";
    let words = "its name cannot be resolved (dns error";
    assert_found(&patient, "graph", Problem, words, cure).await;
}

#[tokio::test]
async fn a_graph_api_with_an_untrusted_certificate_without_tls_or_without_a_response() {
    let patient = Patient::healthy().await;
    let at = |address: SocketAddr| format!("https://{address}");
    let untrusted = at(untrusted_server().await);
    let patient = patient.with_flag("--graph.base-url", &untrusted);
    let cure = "Install the CA certificates (Debian: ca-certificates)";
    let words = "its certificate is not trusted (";
    assert_found(&patient, "graph", Problem, words, cure).await;

    let plain = at(stranger("hello").await);
    let patient = patient.with_flag("--graph.base-url", &plain);
    let cure = "Check scheme and port of graph.base_url";
    assert_found(
        &patient,
        "graph",
        Problem,
        "the TLS handshake failed (",
        cure,
    )
    .await;

    let impatient = format!(
        "graph:\n  request_timeout: 1s\n{}",
        config_file(SELDOM, &[WABA])
    );
    let silent = format!("http://{}", silent().await);
    let patient = patient
        .with_flag("--graph.base-url", &silent)
        .with_file(&impatient);
    let cure = "graph.request_timeout limits the wait";
    assert_found(&patient, "graph", Problem, "no response in time", cure).await;
}

/// A server that accepts connections but never responds.
async fn silent() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off() {
    let answer = [(DATE, "Fri, 20 Mar 2026 09:46:40 GMT")];
    let meta = stranger(answer).await;
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.base-url", &format!("http://{meta}"));
    let cure = "Synchronize the machine's clock (NTP)";
    assert_found(
        &patient,
        "clock",
        Problem,
        "differs from Meta's clock by",
        cure,
    )
    .await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn a_public_address_without_the_exporter() {
    let at = |address: SocketAddr| format!("http://{address}/webhook");
    let patient = Patient::healthy()
        .await
        .with_flag("--webhook.callback-url", &at(unused_address()));
    let cure = "Start the exporter and the reverse proxy";
    let words = "cannot be reached: no connection (tcp connect error: Connection refused";
    assert_found(&patient, "handshake", Problem, words, cure).await;
    assert_found(&patient, "self_test", Problem, words, cure).await;
    let patient = patient.with_flag(
        "--webhook.callback-url",
        "https://no-such-host.invalid/webhook",
    );
    let cure = "Check webhook.callback_url, and create the DNS record of its host.";
    let words = "its name cannot be resolved (dns error";
    assert_found(&patient, "handshake", Problem, words, cure).await;
    let untrusted = format!("https://{}/webhook", untrusted_server().await);
    let patient = patient.with_flag("--webhook.callback-url", &untrusted);
    let cure = "Use a certificate from a public CA";
    let words = "its certificate is not trusted";
    assert_found(&patient, "handshake", Problem, words, cure).await;
    let plain = format!("https://{}/webhook", stranger("hello").await);
    let patient = patient.with_flag("--webhook.callback-url", &plain);
    let cure = "no TLS server responds there";
    assert_found(
        &patient,
        "self_test",
        Problem,
        "the TLS handshake failed",
        cure,
    )
    .await;
    let patient = patient.with_flag("--webhook.callback-url", &at(stranger("hello").await));
    assert_found(
        &patient,
        "handshake",
        Problem,
        "does not echo the challenge",
        "Another server responds at this URL: make the reverse proxy forward it to the exporter.",
    )
    .await;
    assert_found(
        &patient,
        "self_test",
        Problem,
        "not by the exporter on this machine",
        "The public address leads to another exporter: change the target of the reverse proxy.",
    )
    .await;
    let patient = patient.with_flag(
        "--webhook.callback-url",
        &at(stranger(StatusCode::NOT_FOUND).await),
    );
    let cure = "Make the reverse proxy forward this path, with its query, to the exporter.";
    assert_found(
        &patient,
        "handshake",
        Problem,
        "responds with status 404",
        cure,
    )
    .await;
    let cure = "Make the reverse proxy forward POST requests of up to 4 MB to the exporter";
    assert_found(&patient, "self_test", Problem, "got status 404", cure).await;
    // A proxy that refuses the host of the request, not the operator's port.
    let patient = patient.with_flag(
        "--webhook.callback-url",
        &at(stranger(StatusCode::MISDIRECTED_REQUEST).await),
    );
    assert_found(&patient, "self_test", Problem, "got status 421", cure).await;
    let cure = "Make the reverse proxy forward this path, with its query, to the exporter.";
    assert_found(
        &patient,
        "handshake",
        Problem,
        "responds with status 421",
        cure,
    )
    .await;
}

#[tokio::test]
async fn an_exporter_with_other_secrets() {
    let patient = Patient::healthy()
        .await
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "another");
    let cure = "restart or reload it with this configuration";
    assert_found(
        &patient,
        "handshake",
        Problem,
        "rejects the verify token",
        cure,
    )
    .await;
    let patient = patient.with_variable("WHATSAPP_APP_SECRET", "another");
    let cure = "has another app secret, or the reverse proxy changes the body";
    assert_found(&patient, "self_test", Problem, "invalid signature", cure).await;
}

#[tokio::test]
async fn a_public_address_that_leads_to_the_operators_port() {
    let file = format!(
        "webhook:\n  listen_address: :0\n{}",
        config_file(SELDOM, &[WABA])
    );
    let other = Exporter::configured(small_world(), &file).await;
    let patient = Patient::healthy()
        .await
        .with_flag("--webhook.callback-url", &format!("{}/webhook", other.url));
    let words = "leads to the operator's port (";
    let cure = "Make the reverse proxy forward /webhook to webhook.listen_address, :10133.";
    assert_found(&patient, "handshake", Problem, words, cure).await;
    assert_found(&patient, "self_test", Problem, words, cure).await;
}

#[tokio::test]
async fn no_exporter_and_no_public_address() {
    let patient = Patient::healthy()
        .await
        .with_flag("--web.listen-address", &unused_address().to_string());
    let cure = "Start the exporter, then run `doctor` again";
    assert_found(
        &patient,
        "exporter",
        Unknown,
        "no exporter responds on this machine",
        cure,
    )
    .await;
    let cure = "Run `doctor` on the exporter's machine.";
    assert_found(
        &patient,
        "self_test",
        Unknown,
        "cannot verify that the exporter counted",
        cure,
    )
    .await;
    let patient = patient.without_public_address();
    assert_found(
        &patient,
        "handshake",
        Unknown,
        "webhook.callback_url is not set",
        "Set webhook.callback_url to the callback URL in the App Dashboard.",
    )
    .await;
    let cure = "Set webhook.callback_url to the callback URL in the App Dashboard.";
    assert_found(
        &patient,
        "callback_url",
        Unknown,
        "not set to compare it with",
        cure,
    )
    .await;
}

#[tokio::test]
async fn an_exporter_with_inaccessible_metrics() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let guarded = stranger(status).await;
        let patient = Patient::healthy()
            .await
            .with_flag("--web.listen-address", &guarded.to_string());
        let cure = "Check whatsapp_exporter_webhook_deliveries_total in Prometheus";
        assert_found(
            &patient,
            "exporter",
            Unknown,
            "its metrics require a login",
            cure,
        )
        .await;
    }
}

#[tokio::test]
async fn a_public_address_that_does_not_respond() {
    let url = format!("http://{}/webhook", silent().await);
    let patient = Patient::healthy()
        .await
        .with_flag("--webhook.callback-url", &url);
    let cure = "Check that the reverse proxy forwards to the exporter";
    assert_found(&patient, "handshake", Problem, "no response in time", cure).await;
}
