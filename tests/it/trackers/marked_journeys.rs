//! Journeys that are measured by webhooks alone, by the callback data of messages. The metrics match the actions of drawn
//! customers, in any order of arrival and with repeats.

mod customer;
mod slow_answers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use customer::{GOAL, IDLE, LOOP, STEPS, Truth, VARIANTS, Walk};
use fastrand::Rng;
use serde_json::{Value, json};
use slow_answers::add_times;
use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::domain::journey::{
    Journey, JourneyId, Journeys, ReplyPattern, Step,
};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::ingest::webhook::{Delivery, Hashers};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use super::journeys::{delivered, shown_at_the_end};
use super::truth::{BEGINS, NUMBERS};
use crate::support::{measured, waba};

const WEEK: i64 = 7 * 86_400;

fn declared() -> Journeys {
    let pattern = |text: &&str| ReplyPattern::new(text).expect("a pattern");
    let steps = STEPS.map(|(name, answers)| Step {
        name: name.to_owned(),
        answers: answers.iter().map(pattern).collect(),
    });
    Journeys(vec![Journey {
        id: JourneyId {
            journey: "booking".to_owned(),
            version: "2".to_owned(),
        },
        steps: steps.to_vec(),
        goals: vec![pattern(&GOAL)],
        variants: VARIANTS.map(str::to_owned).to_vec(),
        idle_timeout: Duration::from_secs(IDLE.unsigned_abs()),
        loop_threshold: LOOP,
    }])
}

fn walks(customers: u32) -> (Vec<(i64, Value)>, Truth) {
    let (mut sent, mut truth, mut dice) = (Vec::new(), Truth::new(), Rng::with_seed(21));
    let mut answers = Vec::new();
    for customer in 0..customers {
        Walk {
            number: NUMBERS[dice.usize(..NUMBERS.len())],
            customer: format!("1555{customer:07}"),
            variant: VARIANTS[dice.usize(..VARIANTS.len())],
            now: BEGINS + dice.i64(0..WEEK),
            messages: 0,
            unanswered: 0,
            sent: &mut sent,
            truth: &mut truth,
            answers: &mut answers,
        }
        .go(&mut dice);
    }
    add_times(answers, &mut truth);
    (sent, truth)
}

fn counted(sent: Vec<(i64, Value)>) -> BTreeMap<String, f64> {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let trackers = Arc::new(Trackers {
        journeys: declared(),
        ..Trackers::default()
    });
    let mut state = State::default();
    state.watch([waba()]);
    state.track(Arc::clone(&trackers));
    let hashers = Hashers {
        conversations: Some(&customers),
        declared: Some(&trackers),
        lanes: None,
    };
    let mut last = Timestamp::default();
    for (at, value) in delivered(sent) {
        last = Timestamp::from_millis(at);
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{"id": waba(), "changes": [{"field": "messages", "value": value}]}],
        });
        let body = serde_json::to_vec(&body).expect("JSON");
        let delivery = Delivery::parse_with(&body, last, hashers).expect("JSON");
        for event in &delivery.events {
            state.apply(event);
        }
    }
    let shown = shown_at_the_end(&mut state, last, declared());
    assert!(!format!("{:?}", state.accounts()).contains("4111"));
    shown
}

fn assert_measured_correctly(customers: u32) {
    let (sent, truth) = walks(customers);
    let changes = sent.len();
    let shown = counted(sent);
    let is_counted = |series: &str| {
        let is_bucket = series.starts_with("whatsapp_journey_step_seconds_bucket");
        series.starts_with("whatsapp_journey_") && !is_bucket
    };
    let series = shown.iter().filter(|(series, _)| is_counted(series));
    for (series, value) in series {
        let expected = truth.get(series).copied().unwrap_or_default();
        assert!(
            (value - expected).abs() < 0.001,
            "{series} is {value}, not {expected}"
        );
    }
    for series in truth.keys() {
        assert!(shown.contains_key(series), "{series} is missing");
    }
    let slow = truth.iter().filter(|(series, _)| series.contains("slow"));
    let slow: f64 = slow.map(|(_, count)| count).sum();
    assert!(slow > 0.0, "some answers are slow");
    let ignored = shown
        .iter()
        .filter(|(series, _)| series.contains("callback_data_ignored"));
    assert!(ignored.map(|(_, count)| count).sum::<f64>() == 0.0);
    measured(&format!(
        "{customers} customers, {changes} changes, {} series, {slow} slow answers",
        truth.len()
    ));
}

#[test]
fn drawn_customers_are_measured_correctly() {
    assert_measured_correctly(3_000);
}

#[test]
#[ignore = "takes minutes in a debug build"]
fn a_hundred_thousand_drawn_customers_are_measured_correctly() {
    assert_measured_correctly(100_000);
}
