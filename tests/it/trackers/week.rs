//! Tens of thousands of conversations, delivered as Meta might, and their metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{BusinessHours, Event, Fact, Source, Timestamp};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use super::truth::{Item, NUMBERS, OFFICE_HOURS, Truth, Wait, Week, week};
use crate::support::{text_at, waba};

const CONVERSATIONS: u64 = 20_000;

/// A provider's week.
const MANY: u64 = 100_000;

/// Enough where nothing is out of order.
const FEWER: u64 = 5_000;

/// Largest number of events in one delivery.
const TOGETHER: usize = 20;

/// How much of a wait it counts.
type Clock = fn(Wait) -> u64;

/// An event, and the time of its arrival in Unix milliseconds.
type Arrival = (i64, Item);

/// Each event once, a quarter of a second after it happened.
fn in_order(week: &Week) -> Vec<Arrival> {
    let items = week.items.iter();
    items
        .map(|item| (item.at * 1000 + 250, item.clone()))
        .collect()
}

/// Late by up to most of a minute, so that many overtake each other; one in fifty comes again within the
/// hour, some of those twice.
fn as_meta_would(week: &Week) -> Vec<Arrival> {
    let mut dice = Rng::with_seed(7);
    let mut arrivals = Vec::new();
    for item in &week.items {
        let latency = if dice.u32(..10) == 0 {
            dice.i64(0..55_000)
        } else {
            dice.i64(100..900)
        };
        let mut at = item.at * 1000 + latency;
        arrivals.push((at, item.clone()));
        while dice.u32(..50) == 0 {
            at += dice.i64(0..3_600_000);
            arrivals.push((at, item.clone()));
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

/// What `/metrics` shows after all of it, and two more days.
fn measured(arrivals: &[Arrival]) -> BTreeMap<String, f64> {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let mut state = State::default();
    state.watch([waba()]);
    let hours = BusinessHours::parse(OFFICE_HOURS, "UTC").expect("good hours");
    state.track(Arc::new(Trackers {
        hours: Some(hours),
        ..Trackers::default()
    }));
    let mut last = 0;
    for together in arrivals.chunk_by(|one, next| delivery(one) == delivery(next)) {
        for some in together.chunks(TOGETHER) {
            last = some.last().map_or(last, |(at, _)| *at);
            let delivery =
                Delivery::parse(&body(some), Timestamp::from_millis(last), Some(&customers));
            for event in delivery.expect("JSON").events {
                state.apply(&event);
            }
        }
    }
    let end = Timestamp::from_millis(last).plus(Duration::from_secs(2 * 86_400));
    state.apply(&Event {
        waba_id: waba(),
        observed_at: end,
        source: Source::Poll,
        fact: Fact::TimePassed,
    });
    shown(&state, end)
}

/// Arrivals of one number within half a minute may come together. The events of a delivery are younger than the time
/// after which messages count, as it would be at Meta.
fn delivery((at, item): &Arrival) -> (usize, i64) {
    (item.number, at / 30_000)
}

/// What `/metrics` shows: the series about Meta's side.
pub fn shown(state: &State, now: Timestamp) -> BTreeMap<String, f64> {
    samples_of(&text_at(state.accounts(), now))
}

/// The samples of an exposition by name and labels, without those of the exporter's process.
pub fn samples_of(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let samples = samples.filter(|(name, _)| name.starts_with("whatsapp_"));
    samples
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect()
}

fn body(some: &[Arrival]) -> Vec<u8> {
    let items = |list: &str| {
        let items = some.iter().filter(|(_, item)| item.list == list);
        let items = items.map(|(_, item)| item.content.clone());
        items.collect::<Vec<_>>()
    };
    let contacts: Vec<_> = some
        .iter()
        .filter_map(|(_, item)| item.content.get("contact").cloned())
        .collect();
    let number = NUMBERS[some[0].1.number];
    let metadata = json!({"phone_number_id": number, "display_phone_number": "15550100199"});
    let messages = json!({
        "metadata": metadata, "contacts": contacts, "messages": items("messages"), "statuses": items("statuses"),
    });
    let echoes = json!({"metadata": metadata, "message_echoes": items("message_echoes")});
    let changes = json!([{"field": "messages", "value": messages}, {"field": "smb_message_echoes", "value": echoes}]);
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": waba().as_str(), "changes": changes}]});
    serde_json::to_vec(&body).expect("JSON")
}

/// Everything that must be shown, and nothing that must not.
fn assert_true(measured: &BTreeMap<String, f64>, truth: &[Truth; 3]) {
    for (number, truth) in NUMBERS.iter().zip(truth) {
        let entity = format!(r#"waba_id="{}",phone_number_id="{number}""#, waba());
        let value = |name: &str, labels: &str| {
            let comma = if labels.is_empty() { "" } else { "," };
            let series = format!("{name}{{{entity}{comma}{labels}}}");
            let value = measured.get(&series);
            *value.unwrap_or_else(|| panic!("{series} is missing"))
        };
        for (kind, count) in &truth.received {
            let labels = format!(r#"kind="{kind}""#);
            assert_eq!(
                value("whatsapp_messages_received_total", &labels),
                *count as f64
            );
        }
        for ((status, category), count) in &truth.statuses {
            let labels = format!(r#"status="{status}",category="{category}""#);
            assert_eq!(
                value("whatsapp_message_statuses_total", &labels),
                *count as f64
            );
        }
        for (code, count) in &truth.failures {
            let labels = format!(r#"error_code="{code}""#);
            assert_eq!(
                value("whatsapp_message_failures_total", &labels),
                *count as f64
            );
        }
        for (name, waits) in [
            ("whatsapp_first_response_seconds", &truth.first_responses),
            ("whatsapp_response_seconds", &truth.responses),
        ] {
            let clocks: [(&str, Clock); 2] =
                [("wall", Wait::seconds), ("business", Wait::office_seconds)];
            let by_actor = ["agent", "unknown"].into_iter();
            for (actor, (clock, seconds)) in
                by_actor.flat_map(|actor| clocks.map(|clock| (actor, clock)))
            {
                let common = format!(r#"actor="{actor}",clock="{clock}""#);
                let waits = || waits.iter().filter(|wait| wait.actor == actor);
                let waited = || waits().map(|wait| seconds(*wait));
                let sum: u64 = waited().sum();
                assert_eq!(value(&format!("{name}_sum"), &common), sum as f64);
                assert_eq!(
                    value(&format!("{name}_count"), &common),
                    waits().count() as f64
                );
                for bound in [1, 30, 300, 3_600, 14_400] {
                    let within = waited().filter(|one| *one <= bound).count();
                    let labels = format!(r#"{common},le="{bound}.0""#);
                    assert_eq!(value(&format!("{name}_bucket"), &labels), within as f64);
                }
            }
        }
        let ended = |reason: &str| {
            let labels = format!(r#"reason="{reason}""#);
            value("whatsapp_conversations_ended_total", &labels)
        };
        assert_eq!(ended("answered"), truth.answered as f64);
        assert_eq!(ended("unanswered"), truth.unanswered as f64);
        assert_eq!(ended("overflow"), 0.0);
        assert_eq!(value("whatsapp_conversations_waiting", ""), 0.0);
        assert_eq!(value("whatsapp_conversations_open", ""), 0.0);
    }
}

#[test]
fn a_week_in_order_is_measured_as_it_was() {
    let week = week(FEWER, 2);
    assert_true(&measured(&in_order(&week)), &week.truth);
}

#[test]
fn a_week_with_repeats_and_disorder_gives_the_same_figures() {
    let week = week(CONVERSATIONS, 1);
    assert_true(&measured(&as_meta_would(&week)), &week.truth);
}

/// `cargo test --test it -- --ignored a_hundred_thousand` takes some minutes.
#[test]
#[ignore = "minutes of CPU; the same with fewer conversations runs always"]
fn a_hundred_thousand_conversations_are_measured_correctly() {
    let week = week(MANY, 1);
    assert_true(&measured(&as_meta_would(&week)), &week.truth);
}
