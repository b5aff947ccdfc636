//! Files that change while the exporter runs, such as renewed certificates.

use std::time::{Duration, Instant};

use super::authority::{Authority, Identity};
use super::{USERS, WEB, client, config_with, exporter_with, https, status, tls_section};
use crate::exporter::meta::Exporter;

/// Several times the pause between two looks at the files.
const PATIENCE: Duration = Duration::from_secs(120);

const RELOADED: &str = "whatsapp_exporter_config_last_reload_successful";

/// Time of the last successful load.
const LOADED_AT: &str = "whatsapp_exporter_config_last_reload_success_timestamp_seconds";

/// Waits for a response to a new client, which cannot use an old connection.
async fn until(what: &str, exporter: &Exporter, ca: &Authority, expected: Option<u16>) {
    let began = Instant::now();
    let url = https(&exporter.url) + "/metrics";
    while status(&client(ca, None), url.clone()).await != expected {
        assert!(began.elapsed() < PATIENCE, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn renew(exporter: &Exporter, Identity { certificate, key }: &Identity) {
    exporter.file.write_to("key.pem", key);
    exporter.file.write_to("cert.pem", certificate);
}

#[tokio::test]
async fn new_certificates_and_passwords_need_no_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let mut exporter = exporter_with(&tls_section(""), "", &old.server(), &old).await;
    until("the first certificate", &exporter, &old, Some(200)).await;
    renew(&exporter, &new.server());
    until("the second certificate", &exporter, &new, Some(200)).await;
    assert_eq!(
        status(&client(&old, None), https(&exporter.url)).await,
        None
    );
    exporter.file.write_to(WEB, &(tls_section("") + &USERS));
    until("a password to be asked for", &exporter, &new, Some(401)).await;
    exporter.file.write_to(WEB, &tls_section(""));
    until("no password to be asked for", &exporter, &new, Some(200)).await;

    // An invalid file is reported, and changes nothing.
    exporter.http = client(&new, None);
    exporter.url = https(&exporter.url);
    exporter
        .file
        .write_to("cert.pem", "half of it, as while it is written");
    exporter.until(RELOADED, 0.0).await;
    until("the second certificate still", &exporter, &new, Some(200)).await;
    renew(&exporter, &new.server());
    exporter.until(RELOADED, 1.0).await;
}

#[tokio::test]
async fn a_renewed_certificate_does_not_hide_a_failed_reload() {
    let (old, new) = (Authority::new(), Authority::new());
    let mut exporter = exporter_with(&tls_section(""), "", &old.server(), &old).await;
    exporter.http = client(&old, None);
    exporter.url = https(&exporter.url);
    let loaded_at = exporter.value(LOADED_AT).await;
    exporter.file.write("poll: {numbers_interval: soon}\n");
    assert_eq!(exporter.reload().await.0, 500);
    assert_eq!(exporter.value(RELOADED).await, Some(0.0));
    renew(&exporter, &new.server());
    until("the second certificate", &exporter, &new, Some(200)).await;
    exporter.http = client(&new, None);
    assert_eq!(exporter.value(RELOADED).await, Some(0.0));

    // Also if only the file of the listener was invalid: the changes of the other file are not in force.
    exporter.file.write(&config_with(""));
    exporter
        .file
        .write_to(WEB, "basic_auth_users: {alice: open sesame}\n");
    assert_eq!(exporter.reload().await.0, 500);
    exporter.file.write_to(WEB, &tls_section(""));
    renew(&exporter, &old.server());
    until("the first certificate again", &exporter, &old, Some(200)).await;
    exporter.http = client(&old, None);
    assert_eq!(exporter.value(RELOADED).await, Some(0.0));
    assert_eq!(exporter.value(LOADED_AT).await, loaded_at);

    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(RELOADED).await, Some(1.0));
    assert!(exporter.value(LOADED_AT).await > loaded_at);
}

#[tokio::test]
async fn a_reload_puts_a_file_in_force_at_once_and_refuses_a_bad_one() {
    let ca = Authority::new();
    let exporter = exporter_with("", "", &ca.server(), &ca).await;
    exporter
        .file
        .write_to(WEB, "basic_auth_users: {alice: open sesame}\n");
    let (status, text) = exporter.reload().await;
    assert_eq!(status, 500);
    assert!(
        text.contains("web.config_file: basic_auth_users.alice: is not a bcrypt hash"),
        "{text}"
    );
    exporter.file.write_to(WEB, &USERS);
    assert_eq!(exporter.reload().await.0, 200);
    let answer = exporter.http.get(format!("{}/", exporter.url)).send().await;
    assert_eq!(answer.expect("an answer").status(), 401);
}
