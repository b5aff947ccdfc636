//! One drawn customer: the webhooks that the customer causes, and the counts that must follow.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::{Value, json};

use super::slow_answers::Answer;
use crate::support::waba;

/// The steps with the ids of their replies. Any message answers a step without.
pub(super) const STEPS: [(&str, &[&str]); 3] = [
    ("date", &["date_*", "later"]),
    ("guests", &[]),
    ("confirm", &["yes", "no"]),
];

pub(super) const GOAL: &str = "yes";

/// A text that must not appear in the state.
const TYPED: &str = "my card is 4111";

pub(super) const VARIANTS: [&str; 2] = ["short", "long"];

pub(super) const LOOP: u32 = 3;

pub(super) const IDLE: i64 = 1_800;

/// The true value of each series.
pub(super) type Truth = BTreeMap<String, f64>;

/// What a customer sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Typed,
    Picture,
    Reaction,
    Unreadable,
    Pressed(&'static str),
}

pub(super) struct Walk<'a> {
    pub(super) number: &'static str,
    pub(super) customer: String,
    pub(super) variant: &'static str,
    pub(super) now: i64,
    /// Number of messages so far, for their ids.
    pub(super) messages: u32,
    /// Number of the customer's messages since the last one of the business.
    pub(super) unanswered: u32,
    /// Changes with their times, in milliseconds.
    pub(super) sent: &'a mut Vec<(i64, Value)>,
    pub(super) truth: &'a mut Truth,
    pub(super) answers: &'a mut Vec<Answer>,
}

impl Walk<'_> {
    fn push(&mut self, content: &Value) {
        let mut value = content.clone();
        value["metadata"] = json!({
            "display_phone_number": "15550100199", "phone_number_id": self.number,
        });
        self.sent.push((self.now * 1_000, value));
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
        self.push(&json!({ "statuses": [content] }));
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
        self.push(&json!({ "messages": [content] }));
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

    pub(super) fn go(&mut self, dice: &mut Rng) {
        self.count("sessions_started_total", None, "");
        for (step, replies) in STEPS {
            let Some(is_goal) = self.step(step, replies, dice) else {
                self.count("step_abandoned_total", Some(step), "");
                self.count("sessions_abandoned_total", None, "");
                return;
            };
            if is_goal {
                self.count("sessions_completed_total", None, "");
                // The goal is marked twice.
                self.now += dice.i64(0..5);
                self.send(Some("journey=booking&version=2&goal=1"));
                return;
            }
            // The next question may come within the same second.
            self.now += dice.i64(0..3);
        }
        // Without a confirmation the bot says goodbye, which is the goal too.
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
                // A failed message does not enter a step.
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
                4 => {} // No answer: the business asks again.
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
