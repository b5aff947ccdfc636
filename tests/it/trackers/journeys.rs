//! Tens of thousands of customers on three journeys. Their events come with repeats and disorder, and the metrics match.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use whatsapp_business_exporter::domain::journey::{Journey, JourneyId, Journeys, Step};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{Event, Fact, PhoneNumberId, Source, Timestamp};
use whatsapp_business_exporter::expose::Options;
use whatsapp_business_exporter::ingest::track::EventReader;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use super::truth::{BEGINS, NUMBERS};
use super::week::samples_of;
use crate::support::{ALL_TEMPLATES, text_with, waba};

const CUSTOMERS: u32 = 25_000;
const WEEK_MS: i64 = 7 * 86_400_000;

const LOOP: u32 = 3;

/// Journeys with their steps and variants.
const JOURNEYS: [(&str, &[&str], &[&str]); 3] = [
    (
        "booking",
        &["date", "time", "guests", "confirm"],
        &["A", "B"],
    ),
    ("refund", &["order", "reason"], &[]),
    (
        "survey",
        &["first", "second", "third"],
        &["short", "long", "none at all"],
    ),
];

fn declared() -> Journeys {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let journeys = JOURNEYS.map(|(name, steps, variants)| Journey {
        id: JourneyId {
            journey: name.to_owned(),
            version: "2".to_owned(),
        },
        steps: steps.iter().map(|step| Step::open(step)).collect(),
        goals: Vec::new(),
        variants: owned(variants),
        idle_timeout: Duration::from_secs(1_800),
        loop_threshold: LOOP,
    });
    Journeys(journeys.to_vec())
}

/// By series: what must be shown.
type Truth = BTreeMap<String, f64>;

/// An event, and when it happened, in Unix milliseconds.
pub type Sent = (i64, Value);

struct Walk<'a> {
    number: &'static str,
    customer: u32,
    journey: &'static str,
    variant: Option<&'static str>,
    now: i64,
    sent: &'a mut Vec<Sent>,
    truth: &'a mut Truth,
}

impl Walk<'_> {
    fn push(&mut self, kind: &str, more: &Value) {
        let id = format!("{}-{}", self.customer, self.sent.len());
        let at = Timestamp::from_millis(self.now);
        let mut event = json!({
            "id": id, "type": kind, "phone_number_id": self.number, "customer": self.customer.to_string(),
            "at": at.as_millis(), "journey": self.journey, "version": "2",
        });
        let fields = more.as_object().expect("an object").clone();
        event.as_object_mut().expect("an object").extend(fields);
        self.sent.push((self.now, event));
    }

    fn step(&mut self, step: &str, outcome: &str) {
        let mut more = json!({"step": step, "outcome": outcome});
        if let Some(variant) = self.variant {
            more["variant"] = variant.into();
        }
        self.push("step", &more);
    }

    fn confused(&mut self, step: &str, reason: &str) {
        self.count_with(
            "step_confused_total",
            &format!(r#",step="{step}",reason="{reason}""#),
            1.0,
        );
    }

    fn count(&mut self, metric: &str, step: Option<&str>, value: f64) {
        let step = step.map(|step| format!(r#",step="{step}""#));
        self.count_with(metric, &step.unwrap_or_default(), value);
    }

    fn count_with(&mut self, metric: &str, more: &str, value: f64) {
        let (number, journey) = (self.number, self.journey);
        let variant = self.variant.unwrap_or("none");
        let series = format!(
            r#"whatsapp_journey_{metric}{{waba_id="{}",phone_number_id="{number}",journey="{journey}",version="2",variant="{variant}"{more}}}"#,
            waba()
        );
        *self.truth.entry(series).or_default() += value;
    }

    /// Some steps are asked repeatedly, and at some a customer leaves, with or without an event.
    fn go(&mut self, steps: &[&'static str], dice: &mut Rng) {
        self.count("sessions_started_total", None, 1.0);
        for step in steps {
            let entries = if dice.u8(..8) == 0 {
                dice.u32(2..=4)
            } else {
                1
            };
            for entry in 1..=entries {
                self.step(step, "entered");
                self.count("step_entered_total", Some(step), 1.0);
                self.count(
                    "step_reentries_total",
                    Some(step),
                    f64::from(u8::from(entry > 1)),
                );
                if entry > 1 {
                    self.confused(step, "asked_again");
                }
                self.count(
                    "loops_total",
                    Some(step),
                    f64::from(u8::from(entry == LOOP)),
                );
                self.now += dice.i64(1_000..200_000);
            }
            let leaves = dice.u8(..10);
            if leaves == 0 {
                self.step(step, "abandoned");
            }
            if leaves <= 1 {
                self.count("step_abandoned_total", Some(step), 1.0);
                self.count("sessions_abandoned_total", None, 1.0);
                return;
            }
            let asked_at = self.sent.last().map_or(self.now, |(at, _)| *at);
            self.step(step, "answered");
            self.count("step_answered_total", Some(step), 1.0);
            let took = (self.now - asked_at) as f64 / 1_000.0;
            self.count("step_seconds_sum", Some(step), took);
            self.count("step_seconds_count", Some(step), 1.0);
            self.now += dice.i64(1..5_000);
        }
        self.push("goal", &json!({}));
        self.count("sessions_completed_total", None, 1.0);
    }
}

fn walks() -> (Vec<Sent>, Truth) {
    let (mut sent, mut truth, mut dice) = (Vec::new(), Truth::new(), Rng::with_seed(11));
    for customer in 0..CUSTOMERS {
        let (journey, steps, variants) = JOURNEYS[dice.usize(..JOURNEYS.len())];
        let variant = (!variants.is_empty()).then(|| variants[dice.usize(..variants.len())]);
        Walk {
            number: NUMBERS[dice.usize(..NUMBERS.len())],
            customer,
            journey,
            variant,
            now: BEGINS * 1_000 + dice.i64(0..WEEK_MS),
            sent: &mut sent,
            truth: &mut truth,
        }
        .go(steps, &mut dice);
    }
    (sent, truth)
}

/// Some are late by up to most of a minute, and some come twice.
pub fn delivered(sent: Vec<Sent>) -> Vec<Sent> {
    let mut dice = Rng::with_seed(12);
    let mut arrivals = Vec::with_capacity(sent.len());
    for (at, event) in sent {
        let latency = if dice.u8(..10) == 0 {
            dice.i64(0..55_000)
        } else {
            dice.i64(5..500)
        };
        if dice.u8(..50) == 0 {
            arrivals.push((at + latency + dice.i64(0..3_600_000), event.clone()));
        }
        arrivals.push((at + latency, event));
    }
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

/// The series two days after the last event, when every session is over, with these journeys declared.
pub fn shown_at_the_end(
    state: &mut State,
    last: Timestamp,
    journeys: Journeys,
) -> BTreeMap<String, f64> {
    let end = last.plus(Duration::from_secs(2 * 86_400));
    state.apply(&Event {
        waba_id: waba(),
        observed_at: end,
        source: Source::Poll,
        fact: Fact::TimePassed,
    });
    let options = Options {
        journeys,
        ..ALL_TEMPLATES.clone()
    };
    samples_of(&text_with(state.accounts(), end, &options))
}

#[test]
fn journeys_with_repeats_and_disorder_are_measured_correctly() {
    let (sent, truth) = walks();
    let (customers, trackers) = (
        CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into())),
        Arc::new(Trackers {
            hours: None,
            journeys: declared(),
            ..Trackers::default()
        }),
    );
    let mut state = State::default();
    state.watch([waba()]);
    state.track(Arc::clone(&trackers));
    let mut last = Timestamp::default();
    // Events of the same second are sent in one batch.
    for some in delivered(sent).chunk_by(|one, next| one.0 / 1_000 == next.0 / 1_000) {
        last = Timestamp::from_millis(some.last().map_or(0, |(at, _)| *at));
        let events: Vec<&Value> = some.iter().map(|(_, event)| event).collect();
        let reader = EventReader {
            customers: &customers,
            trackers: &trackers,
            receipt: last.into(),
            account_of: |_: &PhoneNumberId| Some(waba()),
        };
        let batch = reader.read(json!({ "events": events }).to_string().as_bytes());
        for item in batch.expect("a batch") {
            state.apply(&item.outcome.expect("a good event"));
        }
    }
    let shown = shown_at_the_end(&mut state, last, declared());
    for (series, value) in &truth {
        let shown = *shown
            .get(series)
            .unwrap_or_else(|| panic!("{series} is missing"));
        assert!(
            (shown - value).abs() < 0.001,
            "{series}: {shown}, not {value}"
        );
    }
    // Nothing else happened, on no other journey, step or variant.
    let is_counted = |series: &str| {
        let is_bucket = series.starts_with("whatsapp_journey_step_seconds_bucket");
        series.starts_with("whatsapp_journey_") && !is_bucket
    };
    for (series, value) in shown.iter().filter(|(series, _)| is_counted(series)) {
        assert!(
            *value == 0.0 || truth.contains_key(series),
            "{series} is {value}"
        );
    }
    let open = state.accounts()[&waba()]
        .traffic()
        .map(|traffic| traffic.open());
    assert_eq!(open.sum::<usize>(), 0);
}
