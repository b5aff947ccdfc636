//! Log lines about the start, about changes that Meta reports, and about refusals.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::{connect, get, post, until_metric};
use crate::process::{Process, SOON, exported_by, program, quiet_meta, until};
use crate::web::authority::Authority;

const WABA: &str = "800100200300401";
const NUMBER: &str = "900100200300401";
const SERVING: &str = "serving /metrics and the status page";

/// The JSON log entries with this message.
fn entries(process: &Process, message: &str) -> Vec<Value> {
    let log = process.log();
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    entries
        .filter(|entry: &Value| entry["message"] == message)
        .collect()
}

fn until_entry(process: &Process, message: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    until(message, SOON, || {
        let found = entries(process, message).into_iter().find(&is_meant);
        found.ok_or_else(|| process.log())
    })
}

struct Running {
    meta: Process,
    graph: SocketAddr,
    exporter: Process,
    address: SocketAddr,
}

/// Starts an exporter with this configuration file, and a simulated Meta that sends webhooks to it.
fn running(folder: &Path, file: &str) -> Running {
    let running = started(folder, file);
    let callback =
        json!({"callback_url": format!("http://{}/webhook", running.address), "webhooks": "on"});
    let answer = post(running.graph, "/simulator/webhooks", &callback).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    running
}

/// As [`running`], without webhooks.
fn started(folder: &Path, file: &str) -> Running {
    let (meta, graph) = quiet_meta(&[]);
    let config = folder.join("exporter.yml");
    fs::write(&config, file).expect("the folder is ours");
    let config = format!("--config.file={}", config.display());
    let base_url = format!("--graph.base-url=http://{graph}");
    let arguments = [
        "serve",
        &config,
        &base_url,
        "--web.listen-address=127.0.0.1:0",
        "--log.format=json",
    ];
    let exporter = program(&arguments, &exported_by(&meta));
    let serving = until_entry(&exporter, SERVING, |_| true);
    let address = serving["address"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let address = address.expect("an address");
    Running {
        meta,
        graph,
        exporter,
        address,
    }
}

impl Running {
    fn change(&self, change: &Value) {
        let answer = post(self.graph, "/simulator/changes", change).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn flag(&self, number: &str) {
        self.change(&json!({"change": "number_flagged", "phone_number_id": number}));
    }

    fn until_polled(&self) {
        for collector in ["numbers", "account", "templates"] {
            let up = format!(
                "whatsapp_exporter_poll_up{{app=\"default\",collector=\"{collector}\",waba_id=\"{WABA}\"}} 1"
            );
            until_metric(self.address, &up);
        }
    }
}

#[test]
fn the_start_line_has_version_addresses_and_counts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = running(folder.path(), "store: {url: 'sqlite:state.db'}\n");
    let start = until_entry(&running.exporter, "starting", |_| true);
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        start["revision"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{start}"
    );
    assert_eq!(start["store"], "sqlite:state.db");
    assert!(
        start["config_file"]
            .as_str()
            .is_some_and(|path| path.ends_with("exporter.yml")),
        "{start}"
    );
    let watched = exported_by(&running.meta);
    let watched = watched
        .iter()
        .find(|(name, _)| name == "WHATSAPP_BUSINESS_ACCOUNT_IDS");
    let watched = watched.map(|(_, ids)| ids.split(',').count());
    assert_eq!(
        start["accounts"].as_u64(),
        watched.map(|count| count as u64)
    );
    assert_eq!(
        (&start["apps"], &start["webhooks"]),
        (&json!(1), &json!(true))
    );
    let address = running.address.to_string();
    assert_eq!(
        (&start["web_address"], &start["webhook_address"]),
        (&json!(address), &json!(address))
    );

    let message = "business account read completely for the first time since start";
    let read = until_entry(&running.exporter, message, |entry| entry["waba_id"] == WABA);
    assert!(
        read["name"].as_str().is_some_and(|name| !name.is_empty()),
        "{read}"
    );
    for counted in ["phone_numbers", "templates"] {
        assert!(
            read[counted].as_u64().is_some_and(|count| count > 0),
            "{read}"
        );
    }
    running.until_polled();
    let lines = entries(&running.exporter, message);
    let of_account = lines.iter().filter(|entry| entry["waba_id"] == WABA);
    assert_eq!(of_account.count(), 1);
    assert!(
        entries(&running.exporter, "phone number changed").is_empty(),
        "first values are no changes"
    );
}

#[test]
fn each_change_is_one_line_with_the_signals_target() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = running(folder.path(), "poll: {numbers_interval: 1s}\n");
    running.until_polled();
    running.flag(NUMBER);
    let flagged = until_entry(&running.exporter, "phone number changed", |entry| {
        entry["attribute"] == "flagged"
    });
    let said = |field: &str| flagged[field].as_str().unwrap_or_default();
    assert_eq!((said("waba_id"), said("phone_number_id")), (WABA, NUMBER));
    assert_eq!(
        (said("from"), said("to"), said("source")),
        ("false", "true", "webhook")
    );
    assert_eq!((said("target"), said("level")), ("signals", "INFO"));
    assert_eq!(
        (said("entity"), said("entity_id"), said("severity")),
        ("phone_number", NUMBER, "critical")
    );
    assert!(
        !said("name").is_empty() && said("at").ends_with('Z'),
        "{flagged}"
    );
    let polled = |attribute: &'static str| {
        until_entry(&running.exporter, "phone number changed", move |entry| {
            entry["attribute"] == attribute && entry["source"] == "poll"
        })
    };
    assert_eq!(polled("status")["to"], "FLAGGED");
    assert_eq!(polled("quality_rating")["to"], "RED");
    running.change(&json!({"change": "account_reviewed", "waba_id": WABA, "decision": "REJECTED"}));
    let review = until_entry(&running.exporter, "business account changed", |_| true);
    assert_eq!(
        (&review["attribute"], &review["to"]),
        (&json!("review_status"), &json!("REJECTED"))
    );
    let flags = entries(&running.exporter, "phone number changed");
    let flags = flags.iter().filter(|entry| entry["attribute"] == "flagged");
    assert_eq!(flags.count(), 1, "what the poll confirms is no change");
}

#[test]
fn a_reload_switches_change_logging() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = running(folder.path(), "log: {signals: false}\n");
    running.until_polled();
    running.flag(NUMBER);
    let flagged = format!(
        "whatsapp_phone_number_flagged{{waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\"}} 1"
    );
    until_metric(running.address, &flagged);
    assert!(entries(&running.exporter, "phone number changed").is_empty());

    fs::write(folder.path().join("exporter.yml"), "log: {signals: true}\n")
        .expect("the folder is ours");
    running.exporter.signal(Signal::HUP);
    until_entry(&running.exporter, "configuration reloaded", |_| true);
    running.change(&json!({"change": "account_reviewed", "waba_id": WABA, "decision": "REJECTED"}));
    until_entry(&running.exporter, "business account changed", |_| true);
    let numbers = entries(&running.exporter, "phone number changed");
    let flags = numbers
        .iter()
        .filter(|entry| entry["attribute"] == "flagged");
    assert_eq!(flags.count(), 0, "that was before the reload");
}

#[test]
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
        // One line at once, one with the remaining count at the end, and one more if the test took over a
        // minute.
        assert!((2..=3).contains(&lines.len()), "{reason}: {lines:?}");
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
