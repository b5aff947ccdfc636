//! The clients that send facts, messages and events until the exporter is killed.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::durability::deliveries::{NUMBER, body_of, next_of};
use crate::durability::service::{send, send_body};
use crate::http::post_text;

pub(super) const TOKEN: &str = "a-token-for-events";

pub(super) fn acknowledged(answer: &Result<crate::http::Answer, String>) -> bool {
    // The process may be killed before or during the request.
    matches!(answer, Ok(answer) if answer.status == 200)
}

pub(super) fn send_facts(address: SocketAddr, ledger: &Mutex<Ledger>, dice: &mut fastrand::Rng) {
    let facts = ledger.lock().expect("no panic").draw(dice);
    if acknowledged(&send(address, &facts)) {
        let mut ledger = ledger.lock().expect("no panic");
        ledger.acknowledged.extend(&facts);
        ledger.to_relay.insert(body_of(&facts));
    }
}

pub(super) fn send_next(address: SocketAddr, ledger: &Mutex<Ledger>, conversation: usize) {
    let number = ledger.lock().expect("no panic").draw_next(conversation);
    let body = next_of(conversation, number);
    if acknowledged(&send_body(address, &body)) {
        let mut ledger = ledger.lock().expect("no panic");
        ledger.messages_acknowledged[conversation].insert(number);
        ledger.to_relay.insert(body);
    }
}

/// An event that is old enough to count at once.
pub(super) fn event(number: u64) -> Value {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = since_epoch.expect("it is later").as_secs() - 1_000 - number % 100;
    json!({
        "id": format!("event-{number}"), "type": "step", "phone_number_id": NUMBER, "at": at,
        "customer": format!("1777010{:04}", number % 20),
        "journey": "booking", "step": "date", "outcome": "entered",
    })
}

pub(super) fn send_events(address: SocketAddr, ledger: &Mutex<Ledger>, dice: &mut fastrand::Rng) {
    let numbers = ledger.lock().expect("no panic").draw_events(dice);
    let accepted = post_events(address, &numbers);
    ledger
        .lock()
        .expect("no panic")
        .events_accepted
        .extend(accepted);
}

/// The events that are acknowledged. One about a number that no poll and no message has named yet is not.
pub(super) fn post_events(address: SocketAddr, numbers: &[u64]) -> Vec<u64> {
    let events: Vec<Value> = numbers.iter().map(|number| event(*number)).collect();
    let body = json!({ "events": events }).to_string();
    let header = format!("Authorization: Bearer {TOKEN}");
    let answer = post_text(address, "/v1/events", &header, &body);
    let Ok(answer) = answer.as_ref().map_err(drop).and_then(|answer| {
        let whole = serde_json::from_str::<Value>(&answer.body).map_err(drop);
        if answer.status == 200 { whole } else { Err(()) }
    }) else {
        return Vec::new();
    };
    let results = answer["results"].as_array().expect("a result for each");
    let is_taken =
        |result: &Value| result["result"] == "accepted" || result["result"] == "duplicate";
    let accepted = numbers
        .iter()
        .zip(results)
        .filter(|(_, result)| is_taken(result));
    accepted.map(|(number, _)| *number).collect()
}
