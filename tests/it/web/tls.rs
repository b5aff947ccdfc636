//! TLS of the operator's listener.

use reqwest::Version;

use super::authority::{Authority, END};
use super::{client, exporter_with, https, status, tls_section};

#[tokio::test]
async fn all_is_served_over_tls_and_nothing_without() {
    let ca = Authority::new();
    let exporter = exporter_with(&tls_section(""), "", &ca.server(), &ca).await;
    let http = client(&ca, None);
    let metrics = http.get(https(&exporter.url) + "/metrics").send().await;
    let metrics = metrics.expect("an answer");
    assert_eq!(metrics.version(), Version::HTTP_2, "as the toolkit has it");
    let text = metrics.text().await.expect("text");
    let expires = "whatsapp_exporter_certificate_expires_timestamp_seconds{listener=\"web\"} ";
    let expires = text.lines().find_map(|line| line.strip_prefix(expires));
    assert_eq!(expires.and_then(|text| text.parse().ok()), Some(END));
    assert_eq!(
        status(&http, format!("{}/metrics", exporter.url)).await,
        None
    );
    let strangers = client(&Authority::new(), None);
    assert_eq!(status(&strangers, https(&exporter.url) + "/").await, None);
    // Both of them have broken off the handshake.
    let text = http.get(https(&exporter.url) + "/metrics").send().await;
    let text = text.expect("an answer").text().await.expect("text");
    let closed =
        "whatsapp_exporter_connections_closed_total{listener=\"web\",reason=\"handshake\"} ";
    let closed = text.lines().find_map(|line| line.strip_prefix(closed));
    let closed: Option<u32> = closed.and_then(|count| count.parse().ok());
    assert!(closed >= Some(2), "{closed:?}");
}

#[tokio::test]
async fn webhooks_that_share_the_listener_are_encrypted_with_it() {
    let ca = Authority::new();
    let mut exporter = exporter_with(&tls_section(""), "", &ca.server(), &ca).await;
    exporter.http = client(&ca, None);
    exporter.public_url = https(&exporter.public_url);
    assert_eq!(exporter.post_signed(b"{}".to_vec()).await, 200);
}

#[tokio::test]
async fn versions_and_protocols_are_as_chosen() {
    let ca = Authority::new();
    let file = tls_section("  min_version: TLS13\n") + "http_server_config: {http2: false}\n";
    let exporter = exporter_with(&file, "", &ca.server(), &ca).await;
    let url = https(&exporter.url) + "/-/healthy";
    let answer = client(&ca, None).get(&url).send().await.expect("an answer");
    assert_eq!(answer.version(), Version::HTTP_11);
    let root = reqwest::Certificate::from_pem(ca.certificate.as_bytes()).expect("a certificate");
    let old = reqwest::Client::builder()
        .tls_certs_only([root])
        .max_tls_version(reqwest::tls::Version::TLS_1_2)
        .build()
        .expect("a client");
    assert_eq!(status(&old, url).await, None);
}
