//! Journeys that webhooks alone tell, by the data with which the sender marked its messages: what is measured of drawn
//! customers is what they did, in any order of arrival and with repeats.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
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
const IDLE: i64 = 1_800;
const LOOP: u32 = 3;
const VARIANTS: [&str; 2] = ["short", "long"];

/// The steps with the ids of their replies. Any message answers a step without.
const STEPS: [(&str, &[&str]); 3] = [
    ("date", &["date_*", "later"]),
    ("guests", &[]),
    ("confirm", &["yes", "no"]),
];
const GOAL: &str = "yes";

/// What must not be found anywhere.
const TYPED: &str = "my card is 4111";

/// By series: what must be shown.
type Truth = BTreeMap<String, f64>;

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

/// An answer: its time, how long it took, and the labels of its step.
struct Answer {
    at: i64,
    took: i64,
    labels: String,
}

/// What a customer sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Typed,
    Picture,
    Reaction,
    Unreadable,
    Pressed(&'static str),
}

struct Walk<'a> {
    number: &'static str,
    customer: String,
    variant: &'static str,
    now: i64,
    /// Number of messages so far, for their ids.
    messages: u32,
    /// Number of the customer's messages since the last one of the business.
    unanswered: u32,
    /// Changes with their times, in milliseconds.
    told: &'a mut Vec<(i64, Value)>,
    truth: &'a mut Truth,
    answers: &'a mut Vec<Answer>,
}

impl Walk<'_> {
    fn tell(&mut self, content: &Value) {
        let mut value = content.clone();
        value["metadata"] = json!({
            "display_phone_number": "15550100199", "phone_number_id": self.number,
        });
        self.told.push((self.now * 1_000, value));
    }

    fn id(&mut self) -> String {
        self.messages += 1;
        format!("wamid.{}.{}", self.customer, self.messages)
    }

    /// The statuses of a message of the business, each with what the sender set.
    fn status(&mut self, id: &str, status: &str, data: Option<&str>) {
        let mut content = json!({
            "id": id, "status": status, "timestamp": self.now.to_string(), "recipient_id": self.customer,
        });
        if let Some(data) = data {
            content["biz_opaque_callback_data"] = data.into();
        }
        self.tell(&json!({ "statuses": [content] }));
    }

    fn send(&mut self, data: Option<&str>) -> String {
        let id = self.id();
        self.status(&id, "sent", data);
        self.unanswered = 0;
        let asked_at = self.now;
        self.status(&id, "delivered", data);
        self.now += 1;
        self.status(&id, "read", data);
        self.now = asked_at;
        id
    }

    fn ask(&mut self, step: &str) -> String {
        let data = format!(
            "journey=booking&step={step}&version=2&variant={}&customer={}",
            self.variant, self.customer
        );
        self.send(Some(&data))
    }

    fn write(&mut self, message: Message, to: Option<&str>) {
        let mut content = json!({
            "from": self.customer, "id": self.id(), "timestamp": self.now.to_string(),
        });
        let (kind, part) = match message {
            Message::Typed => ("text", json!({ "body": TYPED })),
            Message::Picture => ("image", json!({ "caption": TYPED })),
            Message::Reaction => ("reaction", json!({ "emoji": "x" })),
            Message::Unreadable => ("unsupported", json!({})),
            Message::Pressed(id) => (
                "interactive",
                json!({"type": "button_reply", "button_reply": {"id": id, "title": TYPED}}),
            ),
        };
        content["type"] = kind.into();
        content[kind] = part;
        if let Some(id) = to {
            content["context"] = json!({ "from": "15550100199", "id": id });
        }
        self.tell(&json!({ "messages": [content] }));
    }

    fn labels(&self, step: Option<&str>) -> String {
        let mut labels = format!(
            r#"waba_id="{}",phone_number_id="{}",journey="booking",version="2",variant="{}""#,
            waba(),
            self.number,
            self.variant
        );
        if let Some(step) = step {
            let _ = write!(labels, r#",step="{step}""#);
        }
        labels
    }

    fn count(&mut self, metric: &str, step: Option<&str>, more: &str) {
        let labels = self.labels(step);
        let series = format!("whatsapp_journey_{metric}{{{labels}{more}}}");
        *self.truth.entry(series).or_default() += 1.0;
    }

    fn confused(&mut self, step: &str, reason: &str) {
        let more = format!(r#",reason="{reason}""#);
        self.count("step_confused_total", Some(step), &more);
    }

    /// A message that counts as impatience if it is the second one before the business wrote again.
    fn hear(&mut self, message: Message, to: Option<&str>, step: &str) {
        self.write(message, to);
        if message != Message::Reaction {
            self.unanswered += 1;
            if self.unanswered == 2 {
                self.confused(step, "repeated");
            }
        }
    }

    fn go(&mut self, dice: &mut Rng) {
        self.count("sessions_started_total", None, "");
        for (step, replies) in STEPS {
            let Some(is_goal) = self.step(step, replies, dice) else {
                self.count("step_abandoned_total", Some(step), "");
                self.count("sessions_abandoned_total", None, "");
                return;
            };
            if is_goal {
                self.count("sessions_completed_total", None, "");
                // The goal is told twice.
                self.now += dice.i64(0..5);
                self.send(Some("journey=booking&version=2&goal=1"));
                return;
            }
            // The next question may come within the same second.
            self.now += dice.i64(0..3);
        }
        // Who does not confirm is told so, which is the goal too.
        self.count("sessions_completed_total", None, "");
        self.count("step_entered_total", Some("other"), "");
        self.send(Some(&format!(
            "journey=booking&step=goodbye&version=2&goal=1&variant={}",
            self.variant
        )));
    }

    /// Asks a step until it is answered. Returns whether the answer is the goal; `None` if the customer leaves.
    fn step(&mut self, step: &str, replies: &[&'static str], dice: &mut Rng) -> Option<bool> {
        let mut entries = 0;
        loop {
            if dice.u8(..30) == 0 {
                // It was not sent, so it asks nothing.
                let id = self.id();
                let data = format!("journey=booking&step={step}&version=2");
                self.status(&id, "failed", Some(&data));
                self.now += 1;
            }
            let asked = self.ask(step);
            let asked_at = self.now;
            entries += 1;
            self.count("step_entered_total", Some(step), "");
            if entries > 1 {
                self.count("step_reentries_total", Some(step), "");
                self.confused(step, "asked_again");
            }
            if entries == LOOP {
                self.count("loops_total", Some(step), "");
            }
            // A quick thumb presses within the second.
            let is_slow = dice.u8(..20) == 0;
            let thinks = if is_slow { 200..IDLE - 200 } else { 0..40 };
            self.now += dice.i64(thinks).max(0);
            match dice.u8(..20) {
                0 => return None,
                1 => self.hear(Message::Reaction, Some(&asked), step),
                2 => {
                    self.now = self.now.max(asked_at + 1);
                    self.hear(Message::Unreadable, None, step);
                    self.confused(step, "unsupported");
                }
                3 if !replies.is_empty() => {
                    self.hear(Message::Picture, Some(&asked), step);
                    self.confused(step, "unsupported");
                }
                4 => {} // Nothing: the business asks again.
                _ => {
                    return Some(self.answer(step, replies, (&asked, asked_at), dice));
                }
            }
            if dice.bool() {
                self.now += 1;
                self.send(None);
            }
            self.now += 1;
        }
    }

    fn answer(
        &mut self,
        step: &str,
        replies: &[&'static str],
        (asked, asked_at): (&str, i64),
        dice: &mut Rng,
    ) -> bool {
        let pressed = ["date_monday", "later", "yes", "no", "undeclared"];
        let message = match replies {
            [] => Message::Typed,
            _ if dice.u8(..6) == 0 => Message::Typed,
            _ => Message::Pressed(pressed[dice.usize(..pressed.len())]),
        };
        let is_named = dice.u8(..4) > 0;
        if !is_named {
            // Without a name, a message within the same second belongs to what was before.
            self.now = self.now.max(asked_at + 1);
        }
        let to = is_named.then_some(asked);
        self.hear(message, to, step);
        self.count("step_answered_total", Some(step), "");
        self.answers.push(Answer {
            at: self.now,
            took: self.now - asked_at,
            labels: self.labels(Some(step)),
        });
        if !replies.is_empty() {
            let answer = match message {
                Message::Pressed(id) if id.starts_with("date_") => "date_*",
                Message::Pressed(id) => id,
                _ => "other",
            };
            let is_declared = replies.contains(&answer);
            let answer = if is_declared { answer } else { "other" };
            let more = format!(r#",answer="{answer}""#);
            self.count("step_answers_total", Some(step), &more);
            if message == Message::Typed {
                self.confused(step, "free_text");
            }
        }
        let is_goal = message == Message::Pressed(GOAL);
        if !is_goal && dice.u8(..12) == 0 {
            // Something to add, or the same button again.
            self.now += dice.i64(1..20);
            self.hear(message, to, step);
        }
        is_goal
    }
}

/// Bounds of the buckets of `whatsapp_journey_step_seconds`.
const BOUNDS: [i64; 10] = [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

/// The 90th percentile of these times in seconds, as Prometheus computes it of a histogram.
fn usual(buckets: &[u32; BOUNDS.len()]) -> f64 {
    let rank = 0.9 * f64::from(buckets.iter().sum::<u32>());
    let mut below = 0.0;
    for (place, count) in buckets.iter().enumerate() {
        let count = f64::from(*count);
        if below + count >= rank {
            let start = if place == 0 { 0 } else { BOUNDS[place - 1] };
            let width = (BOUNDS[place] - start) as f64;
            return start as f64 + width * (rank - below) / count;
        }
        below += count;
    }
    unreachable!("no answer takes an hour");
}

/// Adds the sums of the answers, and those that were slow by the answers of earlier hours.
fn add_times(mut answers: Vec<Answer>, truth: &mut Truth) {
    answers.sort_by_key(|answer| answer.at);
    let mut steps: BTreeMap<String, (i64, Option<f64>, [u32; BOUNDS.len()])> = BTreeMap::new();
    for Answer { at, took, labels } in answers {
        let series = |metric: &str| format!("whatsapp_journey_step_seconds_{metric}{{{labels}}}");
        *truth.entry(series("sum")).or_default() += took as f64;
        *truth.entry(series("count")).or_default() += 1.0;
        let slow = format!(r#"whatsapp_journey_step_confused_total{{{labels},reason="slow"}}"#);
        let (hour, limit, buckets) = steps.entry(labels.clone()).or_default();
        if at / 3_600 > *hour {
            *hour = at / 3_600;
            let enough = buckets.iter().sum::<u32>() >= 30;
            *limit = enough.then(|| 3.0 * usual(buckets));
        }
        if limit.is_some_and(|limit| took as f64 > limit) {
            *truth.entry(slow).or_default() += 1.0;
        }
        let place = BOUNDS.iter().position(|bound| took <= *bound);
        buckets[place.expect("no answer takes an hour")] += 1;
    }
}

fn walks(customers: u32) -> (Vec<(i64, Value)>, Truth) {
    let (mut told, mut truth, mut dice) = (Vec::new(), Truth::new(), Rng::with_seed(21));
    let mut answers = Vec::new();
    for customer in 0..customers {
        Walk {
            number: NUMBERS[dice.usize(..NUMBERS.len())],
            customer: format!("1555{customer:07}"),
            variant: VARIANTS[dice.usize(..VARIANTS.len())],
            now: BEGINS + dice.i64(0..WEEK),
            messages: 0,
            unanswered: 0,
            told: &mut told,
            truth: &mut truth,
            answers: &mut answers,
        }
        .go(&mut dice);
    }
    add_times(answers, &mut truth);
    (told, truth)
}

fn counted(told: Vec<(i64, Value)>) -> BTreeMap<String, f64> {
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
    for (at, value) in delivered(told) {
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
    let shown = shown_at_the_end(&mut state, last);
    assert!(!format!("{:?}", state.accounts()).contains("4111"));
    shown
}

fn are_measured_as_they_were(customers: u32) {
    let (told, truth) = walks(customers);
    let changes = told.len();
    let shown = counted(told);
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
fn drawn_customers_are_measured_as_they_were() {
    are_measured_as_they_were(3_000);
}

#[test]
#[ignore = "takes minutes in a debug build"]
fn a_hundred_thousand_drawn_customers_are_measured_as_they_were() {
    are_measured_as_they_were(100_000);
}
