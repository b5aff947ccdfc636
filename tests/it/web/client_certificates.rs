//! Client certificates at the operator's listener.

use super::authority::Authority;
use super::{client, config_with, exporter_with, https, status, tls_section};

const REQUIRED: &str = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
const OWN_PUBLIC_SIDE: &str = "webhook:\n  listen_address: :0\n";

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_authority_are_accepted() {
    let (ca, other) = (Authority::new(), Authority::new());
    let exporter = exporter_with(&tls_section(REQUIRED), OWN_PUBLIC_SIDE, &ca.server(), &ca).await;
    let url = https(&exporter.url) + "/metrics";
    let ours = ca.client("prometheus", &[]);
    assert_eq!(
        status(&client(&ca, Some(&ours)), url.clone()).await,
        Some(200)
    );
    assert_eq!(
        status(&client(&ca, None), url.clone()).await,
        None,
        "not even a handshake"
    );
    let theirs = other.client("prometheus", &[]);
    assert_eq!(status(&client(&ca, Some(&theirs)), url).await, None);
}

#[tokio::test]
async fn open_paths_stay_open_and_others_are_rejected() {
    let ca = Authority::new();
    let more = format!("  open_probes: true\n{OWN_PUBLIC_SIDE}");
    let exporter = exporter_with(&tls_section(REQUIRED), &more, &ca.server(), &ca).await;
    let (url, nobody) = (https(&exporter.url), client(&ca, None));
    let ours = client(&ca, Some(&ca.client("prometheus", &[])));
    assert_eq!(status(&nobody, format!("{url}/-/ready")).await, Some(200));
    assert_eq!(status(&nobody, format!("{url}/metrics")).await, Some(403));
    assert_eq!(status(&ours, format!("{url}/metrics")).await, Some(200));
}

#[tokio::test]
async fn webhooks_that_share_the_listener_need_none() {
    let ca = Authority::new();
    let mut exporter = exporter_with(&tls_section(REQUIRED), "", &ca.server(), &ca).await;
    exporter.http = client(&ca, None);
    exporter.public_url = https(&exporter.public_url);
    assert_eq!(exporter.post_signed(b"{}".to_vec()).await, 200);
    let url = https(&exporter.url) + "/metrics";
    assert_eq!(status(&exporter.http, url).await, Some(403));
}

#[tokio::test]
async fn a_new_address_does_not_change_the_rules_of_the_port_in_use() {
    let ca = Authority::new();
    let shared = "webhook:\n  listen_address: 127.0.0.1:0\n";
    let mut exporter = exporter_with(&tls_section(REQUIRED), shared, &ca.server(), &ca).await;
    exporter.public_url = https(&exporter.public_url);
    let separate = shared.replace(":0", ":1");
    for more in [separate.as_str(), "webhook:\n  enabled: false\n", shared] {
        exporter.file.write(&config_with(more));
        assert_eq!(exporter.reload().await, (200, String::new()), "{more}");
        exporter.http = client(&ca, None);
        assert_eq!(exporter.post_signed(b"{}".to_vec()).await, 200, "{more}");
    }
}

#[tokio::test]
async fn a_name_may_be_asked_for() {
    let ca = Authority::new();
    let sans = format!("{REQUIRED}  client_allowed_sans: [prometheus.example.com, 10.0.0.7]\n");
    let exporter = exporter_with(&tls_section(&sans), OWN_PUBLIC_SIDE, &ca.server(), &ca).await;
    let url = https(&exporter.url) + "/metrics";
    for (names, expected) in [
        (
            ["prometheus.example.com", "other.example.com"].as_slice(),
            Some(200),
        ),
        (&["10.0.0.7"], Some(200)),
        (&["other.example.com"], None),
        (&[], None),
    ] {
        let shown = ca.client("prometheus.example.com", names);
        assert_eq!(
            status(&client(&ca, Some(&shown)), url.clone()).await,
            expected,
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn any_certificate_will_do_where_that_is_asked_for() {
    let (ca, other) = (Authority::new(), Authority::new());
    let any = tls_section("  client_auth_type: RequireAnyClientCert\n");
    let exporter = exporter_with(&any, OWN_PUBLIC_SIDE, &ca.server(), &ca).await;
    let url = https(&exporter.url) + "/metrics";
    let theirs = other.client("somebody", &[]);
    assert_eq!(
        status(&client(&ca, Some(&theirs)), url.clone()).await,
        Some(200)
    );
    assert_eq!(status(&client(&ca, None), url).await, None);
}
