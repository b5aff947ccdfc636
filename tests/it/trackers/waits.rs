//! How long customers have been waiting, by both clocks.

use std::time::Duration;

use serde_json::json;
use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use crate::support::{samples, text_at, waba};

/// Thursday 2026-03-26 17:50 in Berlin, ten minutes before the office closes.
const ASKED_AT: Timestamp = Timestamp::from_seconds(1_774_543_800);

/// The metrics at this time.
fn waits(state: &State, now: Timestamp) -> Vec<String> {
    let text = text_at(state.accounts(), now);
    let samples = samples(&text, "whatsapp_conversations_longest_wait_seconds");
    let shown = samples.iter().map(|line| {
        let (_, clock) = line.split_once("clock=").expect("a clock");
        clock.replace(['"', '}'], "")
    });
    shown.collect()
}

/// The state after one webhook of the field `messages`.
fn after(mut state: State, value: &serde_json::Value, at: Timestamp) -> State {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let mut value = value.clone();
    value["metadata"] = json!({"phone_number_id": "900100200300400"});
    let body = json!({"object": "whatsapp_business_account", "entry": [{
        "id": waba().as_str(), "changes": [{"field": "messages", "value": value}],
    }]});
    let delivery = Delivery::parse(body.to_string().as_bytes(), at, Some(&customers));
    for event in delivery.expect("JSON").events {
        state.apply(&event);
    }
    state
}

fn asked() -> State {
    let mut state = State::default();
    state.watch([waba()]);
    let seconds = ASKED_AT.as_millis() / 1000;
    let question = json!({"messages": [
        {"id": "wamid.1", "from": "15550100111", "timestamp": seconds.to_string(), "type": "text"},
    ]});
    after(state, &question, ASKED_AT)
}

#[test]
fn the_business_clock_stops_when_the_office_closes() {
    let state = asked();
    let hour = Duration::from_secs(3600);
    for (after, shown) in [
        (Duration::ZERO, ["business 0", "wall 0"]),
        (hour / 12, ["business 300", "wall 300"]),
        (hour, ["business 600", "wall 3600"]),
        (15 * hour, ["business 600", "wall 54000"]),
        (16 * hour, ["business 3600", "wall 57600"]),
    ] {
        assert_eq!(waits(&state, ASKED_AT.plus(after)), shown, "{after:?}");
    }
}

#[test]
fn no_customer_waits_after_the_response() {
    let minute = Duration::from_secs(60);
    let answered_at = ASKED_AT.plus(minute);
    let seconds = answered_at.as_millis() / 1000;
    let sent = json!({"statuses": [{
        "id": "wamid.2", "status": "sent", "recipient_id": "15550100111", "timestamp": seconds.to_string(),
    }]});
    let state = after(asked(), &sent, answered_at);
    assert_eq!(waits(&state, answered_at), ["business 0", "wall 0"]);
}

#[test]
fn a_scrape_from_before_the_question_shows_no_wait() {
    let earlier = ASKED_AT.minus(Duration::from_secs(60));
    assert_eq!(waits(&asked(), earlier), ["business 0", "wall 0"]);
}
