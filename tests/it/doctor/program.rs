//! The program itself: what it prints for a healthy and for a broken set-up, which the README shows, and
//! its exit codes.

use std::net::SocketAddr;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use crate::http::{get, post, until_metric};
use crate::process::{Outcome, Process, exported_by, outcome, program, quiet_meta};

const WABA: &str = "800100200300401";
const NUMBER: &str = "900100200300401";

/// A simulated Meta, an exporter that watches it, and what both are told.
struct SetUp {
    _meta: Process,
    _exporter: Process,
    graph: SocketAddr,
    exporter: SocketAddr,
    variables: Vec<(String, String)>,
}

impl SetUp {
    /// As the README says it, and a webhook has come.
    fn healthy() -> Self {
        let (meta, graph) = quiet_meta(&[]);
        let mut variables = exported_by(&meta);
        let accounts = |(name, _): &&mut (String, String)| name == "WHATSAPP_BUSINESS_ACCOUNT_IDS";
        let only = variables.iter_mut().find(accounts);
        WABA.clone_into(&mut only.expect("it is exported").1);
        let base_url = format!("--graph.base-url=http://{graph}");
        let arguments = [&base_url, "--web.listen-address=127.0.0.1:0"];
        let process = program(&arguments, &variables);
        let exporter = process.address_after("the status page address=");
        let set_up = Self {
            _meta: meta,
            _exporter: process,
            graph,
            exporter,
            variables,
        };
        let callback = format!("http://{exporter}/webhook");
        set_up.tell(
            "webhooks",
            &json!({"callback_url": callback, "webhooks": "on"}),
        );
        let labels = format!("{{waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\"}}");
        until_metric(
            exporter,
            &format!("whatsapp_phone_number_flagged{labels} 0"),
        );
        set_up.change(&json!({"change": "number_flagged", "phone_number_id": NUMBER}));
        until_metric(exporter, "whatsapp_exporter_webhook_deliveries_total 1");
        set_up
    }

    fn tell(&self, what: &str, order: &Value) {
        let answer = post(self.graph, &format!("/simulator/{what}"), order).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn change(&self, order: &Value) {
        self.tell("changes", order);
    }

    fn examined(&self, more: &[&str]) -> Outcome {
        let base_url = format!("--graph.base-url=http://{}", self.graph);
        let address = format!("--web.listen-address={}", self.exporter);
        let callback = format!("--webhook.callback-url=http://{}/webhook", self.exporter);
        let arguments = ["doctor", &base_url, &address, &callback];
        outcome(&[&arguments, more].concat(), &self.variables)
    }

    /// What is printed, with the ports that the README uses and without times.
    fn as_in_the_readme(&self, text: &str) -> String {
        let text = text.replace(&self.graph.to_string(), "127.0.0.1:10132");
        let text = text.replace(&self.exporter.to_string(), "127.0.0.1:10131");
        let ago = Regex::new("came .* ago").expect("a good pattern");
        let text = ago.replace_all(&text, "came 5m ago");
        let used = Regex::new("[0-9]+ % of Meta").expect("a good pattern");
        used.replace_all(&text, "0 % of Meta").into_owned()
    }
}

fn assert_shown(text: &str) {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    assert!(readme.contains(text), "the README does not show:\n{text}");
}

#[test]
fn a_healthy_set_up_is_as_the_readme_shows_it() {
    let set_up = SetUp::healthy();
    let outcome = set_up.examined(&[]);
    assert_shown(&set_up.as_in_the_readme(&outcome.out));
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
}

#[test]
fn a_broken_set_up_is_as_the_readme_shows_it() {
    let set_up = SetUp::healthy();
    set_up.change(&json!({"change": "token_expiring", "in_seconds": 432_000}));
    set_up.change(&json!({"change": "subscription_lost", "waba_id": WABA}));
    let field = "account_update";
    set_up.change(
        &json!({"change": "webhook_field_subscribed", "field": field, "is_subscribed": false}),
    );
    set_up.tell(
        "webhooks",
        &json!({"callback_url": "http://127.0.0.1:9/old"}),
    );
    let outcome = set_up.examined(&[]);
    assert_shown(&set_up.as_in_the_readme(&outcome.out));
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
}

#[test]
fn scripts_get_json_and_an_exit_code_of_its_own_for_what_cannot_be_told() {
    let set_up = SetUp::healthy();
    set_up.tell(
        "faults",
        &json!({"fault": "server_error_page", "endpoint": "debug_token"}),
    );
    let outcome = set_up.examined(&["--format=json"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.out);
    let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(report["problems"], 0, "{report}");
    let findings = report["findings"].as_array().expect("findings");
    let token = findings.iter().find(|finding| finding["check"] == "token");
    let token = token.expect("it is looked at");
    assert_eq!(token["verdict"], "unknown");
    assert!(token["cure"].is_string(), "{token}");
    for (name, secret) in &set_up.variables {
        let is_secret =
            !["WHATSAPP_BUSINESS_ACCOUNT_IDS", "WHATSAPP_APP_ID"].contains(&name.as_str());
        let is_told =
            outcome.out.contains(secret.as_str()) || outcome.log.contains(secret.as_str());
        assert!(!is_secret || !is_told, "{name} is told");
    }
    let metrics = get(set_up.exporter, "/metrics", "")
        .expect("the metrics")
        .body;
    assert!(
        !metrics.contains("bad_signature\"} 1"),
        "its own delivery was refused"
    );
}
