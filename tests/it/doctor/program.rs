//! The program itself: what it prints for a healthy and for a broken set-up, which `docs/connect.md` shows, and
//! its exit codes.

use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use crate::http::{get, until_metric};
use crate::process::outcome;

use crate::support::pair::{Pair, WABA};
use crate::support::ports::unused_address;

const NUMBER: &str = "900100200300401";

/// The setup of the page, after a first webhook.
fn healthy() -> Pair {
    let pair = Pair::start();
    let callback = json!({"callback_url": pair.callback(), "webhooks": "on"});
    pair.send("webhooks", &callback);
    let labels = format!("{{waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\"}}");
    let flagged = format!("whatsapp_phone_number_flagged{labels} 0");
    until_metric(pair.exporter, &flagged);
    let flag = json!({"change": "number_flagged", "phone_number_id": NUMBER});
    pair.send("changes", &flag);
    until_metric(
        pair.exporter,
        "whatsapp_exporter_webhook_deliveries_total 1",
    );
    pair
}

/// The output, with the ports of the page and without times.
fn as_in_the_docs(pair: &Pair, text: &str) -> String {
    let text = text.replace(&pair.graph.to_string(), "127.0.0.1:10132");
    // The pair shares one port.
    let webhooks = format!("{}/webhook", pair.exporter);
    let text = text.replace(&webhooks, "127.0.0.1:10133/webhook");
    let text = text.replace(&pair.exporter.to_string(), "127.0.0.1:10131");
    let ago = Regex::new("received .* ago").expect("a good pattern");
    let text = ago.replace_all(&text, "received 5m ago");
    let used = Regex::new("[0-9]+ % of Meta").expect("a good pattern");
    used.replace_all(&text, "0 % of Meta").into_owned()
}

fn assert_shown(text: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connect.md");
    let shown = std::fs::read_to_string(page).expect("it is there");
    assert!(
        shown.contains(text),
        "docs/connect.md does not show:\n{text}"
    );
}

#[test]
fn a_healthy_pair_is_as_the_docs_show_it() {
    let pair = healthy();
    let outcome = pair.run("doctor", &[]);
    assert_shown(&as_in_the_docs(&pair, &outcome.out));
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
}

#[test]
fn a_broken_pair_is_as_the_docs_show_it() {
    let pair = healthy();
    pair.send(
        "changes",
        &json!({"change": "token_expiring", "in_seconds": 432_000}),
    );
    pair.send(
        "changes",
        &json!({"change": "subscription_lost", "waba_id": WABA}),
    );
    let field = "account_update";
    pair.send(
        "changes",
        &json!({"change": "webhook_field_subscribed", "field": field, "is_subscribed": false}),
    );
    pair.send(
        "webhooks",
        &json!({"callback_url": "http://127.0.0.1:9/old"}),
    );
    let outcome = pair.run("doctor", &[]);
    assert_shown(&as_in_the_docs(&pair, &outcome.out));
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
}

#[test]
fn scripts_get_json_and_another_exit_code_for_unknown_results() {
    let pair = healthy();
    pair.send(
        "faults",
        &json!({"fault": "server_error_page", "endpoint": "debug_token"}),
    );
    let outcome = pair.run("doctor", &["--format=json"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.out);
    let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(report["problems"], 0, "{report}");
    let findings = report["findings"].as_array().expect("findings");
    let token = findings.iter().find(|finding| finding["check"] == "token");
    let token = token.expect("it is looked at");
    assert_eq!(token["verdict"], "unknown");
    assert!(token["cure"].is_string(), "{token}");
    for (name, secret) in &pair.variables {
        let is_secret =
            !["WHATSAPP_BUSINESS_ACCOUNT_IDS", "WHATSAPP_APP_ID"].contains(&name.as_str());
        let is_told =
            outcome.out.contains(secret.as_str()) || outcome.log.contains(secret.as_str());
        assert!(!is_secret || !is_told, "{name} is told");
    }
    let metrics = get(pair.exporter, "/metrics", "")
        .expect("the metrics")
        .body;
    assert!(
        !metrics.contains("bad_signature\"} 1"),
        "its own delivery was refused"
    );
}

#[test]
fn a_failing_proxy_is_distinguished_from_the_graph_api() {
    let proxy = format!("http://{}", unused_address());
    let proxy = ("HTTPS_PROXY".to_owned(), proxy);
    let pair = Pair::start();
    let variables: Vec<_> = pair.variables.iter().cloned().chain([proxy]).collect();
    let arguments = [
        "doctor",
        "--graph.base-url=https://graph.example.com",
        "--webhook.callback-url=https://exporter.example.com/webhook",
    ];
    let outcome = outcome(&arguments, &variables);
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    for what in [
        "cannot reach https://graph.example.com/: the proxy does not connect to it (tunnel error",
        "https://exporter.example.com/webhook cannot be reached: the proxy does not connect to it (tunnel error",
    ] {
        assert!(outcome.out.contains(what), "{}", outcome.out);
    }
    let cure = "Check HTTPS_PROXY and NO_PROXY, and the log of the proxy.";
    assert_eq!(outcome.out.matches(cure).count(), 3, "{}", outcome.out);
}

#[test]
fn a_machine_without_ca_certificates() {
    let pair = Pair::start();
    let none = [
        ("SSL_CERT_FILE", "/dev/null"),
        ("SSL_CERT_DIR", "/dev/null"),
    ];
    let none = none.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables: Vec<_> = pair.variables.iter().cloned().chain(none).collect();
    let graph = format!("--graph.base-url=http://{}", pair.graph);
    let callback = "--webhook.callback-url=https://exporter.example.com/webhook";
    let outcome = outcome(&["doctor", &graph, callback], &variables);
    let cure = "Install the CA certificates (Debian: ca-certificates).";
    assert!(outcome.out.contains(cure), "{}", outcome.out);
}
