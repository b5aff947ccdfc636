//! A real Prometheus, configured as docs/deploy.md describes, with TLS and a password.

use std::time::Duration;

use super::authority::Authority;
use super::{USERS, exporter_with, tls_section};
use crate::process::until;
use crate::prometheus::server::Prometheus;

/// The first scrape comes some 5 s after the start.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_over_tls_with_a_password() {
    let ca = Authority::new();
    let file = tls_section("") + &USERS;
    let exporter = exporter_with(&file, "", &ca.server(), &ca).await;
    let target = exporter.url.trim_start_matches("http://").to_owned();
    let certificate = ca.certificate.clone();
    let scraped = tokio::task::spawn_blocking(move || scrape(&target, &certificate));
    scraped.await.expect("no panic");
}

fn scrape(target: &str, certificate: &str) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = data.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.display().to_string()
    };
    let (ca, password) = (
        write("ca.crt", certificate),
        write("password", "open sesame"),
    );
    let wrong = write("wrong", "open barley");
    let job = |name: &str, password: &str| {
        format!(
            "  - job_name: {name}\n    scheme: https\n    tls_config: {{ca_file: {ca}}}\n    \
             basic_auth: {{username: alice, password_file: {password}}}\n    \
             static_configs: [{{targets: ['{target}']}}]\n"
        )
    };
    let jobs = job("right", &password) + &job("wrong", &wrong);
    let text = format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}");
    let prometheus = Prometheus::start(data, &text);
    for (query, expected) in [
        (r#"up{job="right"}"#, 1.0),
        (r#"up{job="wrong"}"#, 0.0),
        (
            r#"whatsapp_exporter_requests_refused_total{reason="unauthorized"} > bool 0"#,
            1.0,
        ),
        (
            r#"whatsapp_exporter_certificate_expires_timestamp_seconds > bool time()"#,
            1.0,
        ),
    ] {
        until(query, PATIENCE, || match prometheus.value(query)? {
            value if value == expected => Ok(()),
            value => Err(value.to_string()),
        });
    }
}
