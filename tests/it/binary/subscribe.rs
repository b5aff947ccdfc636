//! `subscribe` and `unsubscribe` at a simulated Meta, which asks the running exporter for the verify token.

use serde_json::{Value, json};

use crate::http::get;
use crate::support::pair::{Pair, WABA};

/// A Meta at which nothing is subscribed, and an exporter that waits for webhooks.
fn bare() -> Pair {
    let pair = Pair::start();
    pair.send(
        "changes",
        &json!({"change": "subscription_lost", "waba_id": WABA}),
    );
    pair
}

fn world(pair: &Pair) -> Value {
    let answer = get(pair.graph, "/simulator/world", "").expect("an answer");
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Where webhooks go, and which apps get the account's.
fn subscribed(pair: &Pair) -> (Value, Value) {
    let world = world(pair);
    let account = &world["accounts"][WABA];
    (
        world["app"]["callback_url"].clone(),
        account["subscribed_app_ids"].clone(),
    )
}

#[test]
fn missing_subscriptions_are_shown_then_made_and_then_none_is_missing() {
    let pair = bare();
    let before = subscribed(&pair);
    let shown = pair.run("subscribe", &["--dry-run"]);
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    let account = format!("app default: subscribe to account {WABA}");
    let callback = format!(
        "app default: set the callback URL to {}; also subscribe to account_alerts",
        pair.callback()
    );
    assert!(
        shown.out.contains(&account) && shown.out.contains(&callback),
        "{}",
        shown.out
    );
    assert!(
        shown.out.ends_with("dry run: nothing was changed"),
        "{}",
        shown.out
    );
    assert_eq!(subscribed(&pair), before);

    let done = pair.run("subscribe", &[]);
    assert!(done.out.ends_with("\ndone"), "{} {}", done.out, done.log);
    let app = world(&pair)["app"]["id"].clone();
    assert_eq!(subscribed(&pair), (json!(pair.callback()), json!([app])));

    let again = pair.run("subscribe", &[]);
    assert_eq!(again.out, "app default: nothing to do\nno changes needed");
}

#[test]
fn a_callback_that_leads_elsewhere_is_moved_on_request_alone() {
    let pair = bare();
    let elsewhere = json!({"callback_url": "http://127.0.0.1:9/production"});
    pair.send("webhooks", &elsewhere);
    let refused = pair.run("subscribe", &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(
        refused.log.contains("perhaps to your production"),
        "{}",
        refused.log
    );
    assert_eq!(
        subscribed(&pair),
        (json!("http://127.0.0.1:9/production"), json!([]))
    );
    let moved = pair.run("subscribe", &["--move-callback"]);
    assert_eq!(moved.code, Some(0), "{}", moved.log);
    assert_eq!(subscribed(&pair).0, json!(pair.callback()));
}

#[test]
fn fields_that_the_app_has_already_stay() {
    let pair = bare();
    assert_eq!(pair.run("subscribe", &[]).code, Some(0));
    for (field, is_subscribed) in [("messages", true), ("account_update", false)] {
        let change = json!({"change": "webhook_field_subscribed", "field": field, "is_subscribed": is_subscribed});
        pair.send("changes", &change);
    }
    let done = pair.run("subscribe", &[]);
    assert!(
        done.out.contains("; also subscribe to account_update\n"),
        "{}",
        done.out
    );
    let fields = &world(&pair)["app"]["webhook_fields"];
    assert!(
        fields["messages"].is_string() && fields["account_update"].is_string(),
        "{fields}"
    );
}

#[test]
fn unsubscribing_ends_the_accounts_webhooks() {
    let pair = bare();
    assert_eq!(pair.run("subscribe", &[]).code, Some(0));
    let shown = pair.run("unsubscribe", &["--dry-run"]);
    assert!(
        shown
            .out
            .starts_with(&format!("app default: unsubscribe from account {WABA}")),
        "{}",
        shown.out
    );
    assert_eq!(pair.run("unsubscribe", &[]).code, Some(0));
    assert_eq!(subscribed(&pair), (json!(pair.callback()), json!([])));
}
