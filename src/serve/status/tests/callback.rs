//! Overrides of the callback URL, and the states of other replicas.

use super::*;

#[test]
fn an_override_of_the_callback_is_an_issue_of_the_number() {
    let with = |levels: WebhookConfiguration| {
        let snapshot = number::Snapshot {
            webhook_configuration: Some(levels),
            ..number(1, QualityRating::Green, "Fern & Moss")
        };
        facts(&[account("Fern & Moss"), numbers(vec![snapshot])])
    };
    let url = |text| CallbackUrl::new(text);
    let elsewhere = WebhookConfiguration {
        phone_number: url("https://crm.example/in?token=s3cret"),
        ..WebhookConfiguration::default()
    };
    let facts = with(elsewhere);
    let text = "its messages webhooks go to https://crm.example/in, not to webhook.callback_url";
    let status = json(&facts);
    let shown = &status["accounts"][0]["phone_numbers"][0];
    assert_eq!(shown["troubles"][0]["text"], text);
    assert_eq!(shown["messages_override"], "https://crm.example/in");
    assert_eq!(status["attention"]["warning"], 1);
    assert!(drawn(&facts).contains(text));
    assert!(!status.to_string().contains("s3cret"));

    // States of other replicas are as old as the last reading.
    assert_eq!(json(&facts)["store"]["other_replicas"], Value::Null);
    let facts = Facts {
        others: Some((7, NOW.minus(Duration::from_secs(12)))),
        ..facts
    };
    let others = &json(&facts)["store"]["other_replicas"];
    assert_eq!(others["accounts"], 7);
    assert_eq!(others["read"]["age_seconds"], 12);
    let page = drawn(&facts).replace('\u{a0}', " ");
    let sentence = "7 accounts of other replicas: states read from the database 12 s ago.";
    assert!(page.contains(sentence), "{page}");

    // Without an expected URL there is nothing to compare.
    let facts = Facts {
        callback: None,
        ..facts
    };
    let status = json(&facts);
    assert_eq!(status["attention"]["warning"], 0);
    // An override with the exporter's own URL, and a wrong URL of the app, are no issue of the number.
    let own = WebhookConfiguration {
        account: url("https://watch.example/webhook?version=2"),
        application: url("https://old.example/"),
        ..WebhookConfiguration::default()
    };
    assert_eq!(json(&with(own))["attention"]["warning"], 0);
}
