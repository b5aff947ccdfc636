//! Log messages about rejected requests and connections.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Running, entries, running, started, until_entry};
use crate::http::{connect, get, post};
use crate::process::SOON;
use crate::web::authority::Authority;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
fn refusals_are_one_line_per_reason_with_peer_and_cure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("token"),
        "0123456789abcdef0123456789abcdef",
    )
    .expect("ours");
    let token = folder.path().join("token");
    let file = format!("trackers: {{token_file: '{}'}}\n", token.display());
    let mut running = running(folder.path(), &file);
    let address = running.address;
    for _ in 0..30 {
        let answer = get(
            address,
            "/webhook?hub.mode=subscribe&hub.verify_token=guess",
            "X-Forwarded-For: 203.0.113.9",
        );
        assert_eq!(answer.expect("an answer").status, 403);
        assert_eq!(
            post(address, "/webhook", &json!({}))
                .expect("an answer")
                .status,
            401
        );
        assert_eq!(
            post(address, "/v1/events", &json!({}))
                .expect("an answer")
                .status,
            401
        );
    }
    running.exporter.signal(Signal::TERM);
    let status = running.exporter.ended_within(SOON);
    assert_eq!(status.code(), Some(0), "{:?}", running.exporter);
    for (message, reason, cure) in [
        (
            "webhook refused",
            "bad_verify_token",
            "enter the same verify token",
        ),
        (
            "webhook refused",
            "missing_signature",
            "Meta signs every delivery",
        ),
        (
            "event batch refused",
            "unauthorized",
            "send the token of trackers.token_file",
        ),
    ] {
        let lines = entries(&running.exporter, message);
        let lines: Vec<&Value> = lines
            .iter()
            .filter(|entry| entry["reason"] == reason)
            .collect();
        // One line at once, one with the remaining count at the end, and one more for each minute of the test.
        assert!(lines.len() >= 2, "{reason}: {lines:?}");
        let counts = lines.iter().filter_map(|line| line["count"].as_u64());
        assert_eq!(counts.sum::<u64>(), 30, "{reason}");
        for line in lines {
            assert_eq!(
                (&line["peer"], &line["level"]),
                (&json!("127.0.0.1"), &json!("WARN")),
                "{line}"
            );
            assert!(
                line["cure"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(cure)),
                "{line}"
            );
        }
    }
    assert!(
        !running.exporter.log().contains("guess"),
        "what was sent is not logged"
    );
}

/// Waits for the single line with this message and reason.
fn until_refused(running: &Running, message: &str, reason: &str, cure: &str) {
    let line = until_entry(&running.exporter, message, |entry| {
        entry["reason"] == reason
    });
    let said = |field: &str| line[field].as_str().unwrap_or_default();
    assert_eq!(
        (said("peer"), said("listener")),
        ("127.0.0.1", "web"),
        "{line}"
    );
    assert_eq!(
        (said("level"), &line["count"]),
        ("WARN", &json!(1)),
        "{line}"
    );
    assert!(said("cure").contains(cure), "{line}");
}

#[test]
fn refusals_of_the_listener_are_logged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hash = bcrypt::hash("open sesame", 4).expect("a hash");
    let web =
        format!("basic_auth_users:\n  alice: {hash}\nrate_limit:\n  interval: 1h\n  burst: 3\n");
    fs::write(folder.path().join("web.yml"), web).expect("ours");
    let running = started(folder.path(), "web: {config_file: web.yml}\n");
    let statuses: Vec<u16> = (0..5)
        .map(|_| {
            get(running.address, "/metrics", "")
                .expect("an answer")
                .status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    until_refused(
        &running,
        "request refused",
        "unauthorized",
        "basic_auth_users",
    );
    until_refused(
        &running,
        "request refused",
        "rate_limit",
        "raise rate_limit",
    );
}

#[test]
fn a_client_without_tls_is_logged_but_a_port_probe_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Authority::new().server();
    let web = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";
    for (name, text) in [
        ("web.yml", web),
        ("cert.pem", &server.certificate),
        ("key.pem", &server.key),
    ] {
        fs::write(folder.path().join(name), text).expect("ours");
    }
    let running = started(folder.path(), "web: {config_file: web.yml}\n");
    for _ in 0..3 {
        drop(connect(running.address).expect("it listens"));
    }
    assert!(get(running.address, "/metrics", "").is_err());
    until_refused(&running, "connection closed", "handshake", "TLS");
    assert_eq!(entries(&running.exporter, "connection closed").len(), 1);
}
