//! Events that are dated ahead of their receipt.

use super::{ACCOUNT, RECEIVED_AT, as_text, customers};
use crate::domain::{MAX_CLOCK_DIFFERENCE, Source};
use crate::ingest::webhook::Delivery;

/// The last second that is accepted.
fn limit() -> i64 {
    let limit = RECEIVED_AT.plus(MAX_CLOCK_DIFFERENCE);
    limit.as_millis().div_euclid(1000)
}

const RECEIVED: i64 = RECEIVED_AT.as_millis().div_euclid(1000);

fn parse(entry: &str) -> Delivery {
    let body = format!(r#"{{"object":"whatsapp_business_account","entry":[{entry}]}}"#);
    Delivery::parse(body.as_bytes(), RECEIVED_AT, Some(&customers())).expect("JSON")
}

fn seconds(delivery: &Delivery) -> Vec<i64> {
    let events = delivery.events.iter();
    events
        .map(|event| event.observed_at.as_millis().div_euclid(1000))
        .collect()
}

fn entry(time: &str, change: &str) -> String {
    format!(r#"{{"id":"{ACCOUNT}",{time}"changes":[{change}]}}"#)
}

const PAUSED: &str = r#"{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_id":7,"message_template_name":"offer","message_template_language":"en_US","reason":"NONE"}}"#;

fn message(timestamp: i64) -> String {
    format!(
        r#"{{"field":"messages","value":{{"metadata":{{"phone_number_id":"900100200300400"}},"messages":[{{"from":"15550100111","id":"wamid.1","timestamp":"{timestamp}","type":"text"}}],"statuses":[{{"id":"wamid.2","recipient_id":"15550100111","status":"sent","timestamp":"{timestamp}"}}]}}}}"#
    )
}

#[test]
fn times_too_far_ahead_are_replaced_by_the_receipt() {
    for (claimed, counted) in [
        (limit(), limit()),
        (limit() + 1, RECEIVED),
        (RECEIVED + 86_340, RECEIVED),
        (RECEIVED + 365 * 86_400, RECEIVED),
    ] {
        let time = format!(r#""time":{claimed},"#);
        let delivery = parse(&entry(&time, PAUSED));
        assert_eq!(seconds(&delivery), [counted], "{claimed}");
        assert!(
            matches!(delivery.events[0].source, Source::Webhook(_)),
            "a retry is a retry"
        );
        let warnings: Vec<String> = delivery.warnings.iter().map(as_text).collect();
        let expected: &[&str] = if claimed == counted {
            &[]
        } else {
            &["entry.time!"]
        };
        assert_eq!(warnings, expected);
        assert_eq!(
            delivery.accounts[0]
                .claimed_time
                .map(|time| time.as_millis()),
            Some(claimed * 1000)
        );
        // Messages and statuses have their own times.
        let delivery = parse(&entry("", &message(claimed)));
        assert_eq!(seconds(&delivery), [counted, counted], "{claimed}");
    }
}

#[test]
fn a_retry_of_an_event_dated_ahead_has_the_same_key() {
    let time = format!(r#""time":{},"#, RECEIVED + 86_340);
    let keys: Vec<_> = (0..2)
        .map(|_| parse(&entry(&time, PAUSED)).events[0].source.key())
        .collect();
    assert!(keys[0].is_some() && keys[0] == keys[1]);
}

#[test]
fn invalid_times_are_replaced_by_the_receipt() {
    for time in [r#""time":0,"#, r#""time":-5,"#, r#""time":"soon","#] {
        let delivery = parse(&entry(time, PAUSED));
        assert!(
            matches!(delivery.events[0].source, Source::UndatedWebhook(_)),
            "{time}"
        );
    }
}
