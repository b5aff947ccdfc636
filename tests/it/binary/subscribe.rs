//! `subscribe` and `unsubscribe` at a simulated Meta, which asks the running exporter for the verify token.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{get, post};
use crate::process::{Outcome, Process, exported_by, outcome, program, quiet_meta};

const WABA: &str = "800100200300401";

struct SetUp {
    _meta: Process,
    _exporter: Process,
    graph: SocketAddr,
    exporter: SocketAddr,
    variables: Vec<(String, String)>,
}

impl SetUp {
    /// A Meta at which nothing is subscribed, and an exporter that waits for webhooks.
    fn bare() -> Self {
        let (meta, graph) = quiet_meta(&[]);
        let mut variables = exported_by(&meta);
        let accounts = |(name, _): &&mut (String, String)| name == "WHATSAPP_BUSINESS_ACCOUNT_IDS";
        let only = variables.iter_mut().find(accounts);
        WABA.clone_into(&mut only.expect("it is exported").1);
        let base_url = format!("--graph.base-url=http://{graph}");
        let arguments = [&base_url, "--web.listen-address=127.0.0.1:0"];
        let process = program(&arguments, &variables);
        let exporter = process.address_after("the status page address=");
        let lost = json!({"change": "subscription_lost", "waba_id": WABA});
        let answer = post(graph, "/simulator/changes", &lost).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        Self {
            _meta: meta,
            _exporter: process,
            graph,
            exporter,
            variables,
        }
    }

    fn run(&self, command: &str, more: &[&str]) -> Outcome {
        let base_url = format!("--graph.base-url=http://{}", self.graph);
        let callback = format!("--webhook.callback-url={}", self.callback());
        let arguments = [command, &base_url, &callback];
        outcome(&[&arguments, more].concat(), &self.variables)
    }

    fn callback(&self) -> String {
        format!("http://{}/webhook", self.exporter)
    }

    fn world(&self) -> Value {
        let answer = get(self.graph, "/simulator/world", "").expect("an answer");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Where webhooks go, and which apps get the account's.
    fn subscribed(&self) -> (Value, Value) {
        let world = self.world();
        let account = &world["accounts"][WABA];
        (
            world["app"]["callback_url"].clone(),
            account["subscribed_app_ids"].clone(),
        )
    }
}

#[test]
fn what_is_missing_is_shown_then_done_and_then_there_is_nothing_to_do() {
    let set_up = SetUp::bare();
    let before = set_up.subscribed();
    let shown = set_up.run("subscribe", &["--dry-run"]);
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    let account = format!("app default: subscribe to account {WABA}");
    let callback = format!(
        "app default: send webhooks to {}: also account_alerts",
        set_up.callback()
    );
    assert!(
        shown.out.contains(&account) && shown.out.contains(&callback),
        "{}",
        shown.out
    );
    assert!(shown.out.ends_with("nothing was changed"), "{}", shown.out);
    assert_eq!(set_up.subscribed(), before);

    let done = set_up.run("subscribe", &[]);
    assert!(done.out.ends_with("\ndone"), "{} {}", done.out, done.log);
    let app = set_up.world()["app"]["id"].clone();
    assert_eq!(
        set_up.subscribed(),
        (json!(set_up.callback()), json!([app]))
    );

    let again = set_up.run("subscribe", &[]);
    assert_eq!(
        again.out,
        "app default: nothing to do\nall is as it should be"
    );
}

#[test]
fn a_callback_that_leads_elsewhere_is_moved_on_request_alone() {
    let set_up = SetUp::bare();
    let elsewhere = json!({"callback_url": "http://127.0.0.1:9/production"});
    let answer = post(set_up.graph, "/simulator/webhooks", &elsewhere).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let refused = set_up.run("subscribe", &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(
        refused.log.contains("perhaps to your production"),
        "{}",
        refused.log
    );
    assert_eq!(
        set_up.subscribed(),
        (json!("http://127.0.0.1:9/production"), json!([]))
    );
    let moved = set_up.run("subscribe", &["--move-callback"]);
    assert_eq!(moved.code, Some(0), "{}", moved.log);
    assert_eq!(set_up.subscribed().0, json!(set_up.callback()));
}

#[test]
fn fields_that_the_app_has_already_stay() {
    let set_up = SetUp::bare();
    assert_eq!(set_up.run("subscribe", &[]).code, Some(0));
    for (field, is_subscribed) in [("messages", true), ("account_update", false)] {
        let change = json!({"change": "webhook_field_subscribed", "field": field, "is_subscribed": is_subscribed});
        let answer = post(set_up.graph, "/simulator/changes", &change).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let done = set_up.run("subscribe", &[]);
    assert!(done.out.contains(": also account_update\n"), "{}", done.out);
    let fields = &set_up.world()["app"]["webhook_fields"];
    assert!(
        fields["messages"].is_string() && fields["account_update"].is_string(),
        "{fields}"
    );
}

#[test]
fn unsubscribing_ends_the_accounts_webhooks() {
    let set_up = SetUp::bare();
    assert_eq!(set_up.run("subscribe", &[]).code, Some(0));
    let shown = set_up.run("unsubscribe", &["--dry-run"]);
    assert!(
        shown
            .out
            .starts_with(&format!("app default: unsubscribe from account {WABA}")),
        "{}",
        shown.out
    );
    assert_eq!(set_up.run("unsubscribe", &[]).code, Some(0));
    assert_eq!(set_up.subscribed(), (json!(set_up.callback()), json!([])));
}
