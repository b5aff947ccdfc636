//! Mutual TLS with Meta: /webhook requires Meta's certificate, with its authority and common name.

use super::authority::Authority;
use super::{PUBLIC, USERS, client, https, status, tls_section};
use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};

const RELOADED: &str = "whatsapp_exporter_config_last_reload_successful";
const META: &str = "client.webhooks.fbclientcerts.com";

/// An exporter that requires a certificate of `meta` for webhooks.
async fn mutual(ca: &Authority, meta: &Authority) -> Exporter {
    let server = ca.server();
    let file = format!(
        "webhook:\n  listen_address: :0\n  config_file: {PUBLIC}\n  client_ca_file: meta.pem\n{}",
        config_file(SELDOM, &[WABA])
    );
    let files = [
        (PUBLIC, tls_section("")),
        ("cert.pem", server.certificate.clone()),
        ("key.pem", server.key.clone()),
        ("meta.pem", meta.certificate.clone()),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let mut exporter = Exporter::with_files(small_world(), &file, "sqlite::memory:", &files).await;
    exporter.public_url = https(&exporter.public_url);
    exporter
}

#[tokio::test]
async fn deliveries_come_from_meta_alone_and_events_from_applications() {
    let (ca, meta) = (Authority::new(), Authority::new());
    let mut exporter = mutual(&ca, &meta).await;
    let documents = format!("{}/v1/openapi.json", exporter.public_url);
    let body = || b"{}".to_vec();

    exporter.http = client(&ca, Some(&meta.client(META, &[])));
    assert_eq!(exporter.post_signed(body()).await, 200);

    exporter.http = client(&ca, None);
    assert_eq!(
        exporter.post_signed(body()).await,
        403,
        "the signature alone is not enough"
    );
    assert_eq!(status(&exporter.http, documents.clone()).await, Some(200));
    let handshake = format!("{}/webhook?hub.mode=subscribe", exporter.public_url);
    assert_eq!(status(&exporter.http, handshake).await, Some(403));

    for stranger in [
        meta.client("somebody.example.com", &[META]),
        ca.client(META, &[]),
    ] {
        let http = client(&ca, Some(&stranger));
        assert_eq!(
            status(&http, documents.clone()).await,
            None,
            "no handshake with it"
        );
    }
    exporter.http = reqwest::Client::new();
    let refused =
        r#"whatsapp_exporter_requests_refused_total{listener="webhook",reason="no_certificate"}"#;
    assert_eq!(exporter.value(refused).await, Some(2.0));
}

#[tokio::test]
async fn a_changed_file_that_meta_cannot_use_is_refused_as_at_the_start() {
    let (ca, meta) = (Authority::new(), Authority::new());
    let mut exporter = mutual(&ca, &meta).await;
    let operator = exporter.http.clone();
    for bad in [
        "http_server_config: {http2: true}\n".to_owned(),
        tls_section("  client_auth_type: RequestClientCert\n"),
        tls_section("") + &USERS,
    ] {
        exporter.http = operator.clone();
        exporter.file.write_to(PUBLIC, &bad);
        exporter.until(RELOADED, 0.0).await;
        exporter.http = client(&ca, Some(&meta.client(META, &[])));
        assert_eq!(exporter.post_signed(b"{}".to_vec()).await, 200, "{bad}");
        exporter.http = operator.clone();
        exporter.file.write_to(PUBLIC, &tls_section(""));
        exporter.until(RELOADED, 1.0).await;
    }
}
