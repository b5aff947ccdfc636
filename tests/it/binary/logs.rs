//! Log lines about the start, about changes that Meta reports, and about refusals.

mod refusals;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::{post, until_metric};
use crate::process::{Process, SOON, exported_by, program, quiet_meta, until};

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
    // No poll comes before the webhook.
    let running = running(folder.path(), "poll: {numbers_interval: 1h}\n");
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
    let polled_often = "poll: {numbers_interval: 1s}\n";
    fs::write(folder.path().join("exporter.yml"), polled_often).expect("the folder is ours");
    running.exporter.signal(Signal::HUP);
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
