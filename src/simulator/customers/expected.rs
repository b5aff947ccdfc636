//! The figures that an exporter must show about the customers' conversations, by the rules of `docs/conversations.md`.
//!
//! Messages are counted in the order of their times. A customer has one session at a time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::message::BusinessMessage;
use super::person::CustomerMessage;

/// Number of entries of a step in a session that are a loop: the exporter's default.
const LOOP_THRESHOLD: u32 = 3;
/// Number of unanswered messages of a customer that count as `repeated`.
const REPEATED: u32 = 2;

/// One figure. Labels that it does not have are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Figure {
    /// Its name: that of the exporter's metric without prefix and suffix.
    pub name: &'static str,
    /// The number of the business.
    pub phone_number_id: String,
    /// `journey` in the callback data.
    pub journey: String,
    /// `version`, or `1`.
    pub version: String,
    /// `variant` of the message that started the session.
    pub variant: String,
    /// `step`.
    pub step: String,
    /// The id of the chosen reply, the reason of the confusion, or the entry point. An answer without an id is empty.
    pub detail: String,
}

/// The figures.
#[derive(Debug, Default)]
pub struct ExpectedFigures {
    figures: BTreeMap<Figure, u64>,
    sessions: BTreeMap<String, Session>,
}

/// A message that asked a step.
#[derive(Debug)]
struct Question {
    step: String,
    at: i64,
    /// Whether it offered replies.
    is_closed: bool,
    is_answered: bool,
}

/// A customer's session that is open.
#[derive(Debug)]
struct Session {
    /// The labels of all its figures.
    labels: Figure,
    /// By message id.
    questions: BTreeMap<String, Question>,
    /// Id of the message that asked last.
    last: String,
    entries: BTreeMap<String, u32>,
    /// Number of the customer's messages since the last one of the business.
    unanswered: u32,
}

impl ExpectedFigures {
    /// All figures, as they must be once every session that is still open has been idle for too long.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<Figure, u64> {
        let mut figures = self.figures.clone();
        for session in self.sessions.values() {
            let step = session.questions[&session.last].step.clone();
            *figures
                .entry(session.figure("sessions_abandoned"))
                .or_default() += 1;
            let left = Figure {
                step,
                ..session.figure("step_abandoned")
            };
            *figures.entry(left).or_default() += 1;
        }
        figures
    }

    /// A customer begins a conversation.
    pub(super) fn begins(&mut self, phone_number_id: &str, source: Option<&str>) {
        let figure = Figure {
            name: "conversations_started",
            phone_number_id: phone_number_id.to_owned(),
            detail: source.unwrap_or("none").to_owned(),
            ..Figure::default()
        };
        self.add(figure, 1);
    }

    /// A message of the business has the status `sent`, at this time (Unix seconds).
    pub(super) fn sent(&mut self, customer: &str, message: &BusinessMessage, at: i64) {
        if let Some(session) = self.sessions.get_mut(customer) {
            session.unanswered = 0;
        }
        let Some(journey) = message.mark("journey") else {
            return;
        };
        if let Some(step) = message.mark("step") {
            let version = message.mark("version").unwrap_or("1");
            let variant = message.mark("variant").unwrap_or("none");
            if !self.sessions.contains_key(customer) {
                let labels = Figure {
                    phone_number_id: message.phone_number_id.clone(),
                    journey: journey.to_owned(),
                    version: version.to_owned(),
                    variant: variant.to_owned(),
                    ..Figure::default()
                };
                let session = Session::new(labels);
                self.add(session.figure("sessions_started"), 1);
                self.sessions.insert(customer.to_owned(), session);
            }
            let session = self.sessions.get_mut(customer);
            let counted = session.map(|session| session.asks(step, message, at));
            self.add_all(counted);
        }
        if message.mark("goal") == Some("1") {
            self.complete(customer);
        }
    }

    /// A customer writes, at this time (Unix seconds).
    pub(super) fn written(
        &mut self,
        customer: &str,
        message: &CustomerMessage,
        at: i64,
        goals: &[String],
    ) {
        let session = self.sessions.get_mut(customer);
        let counted = session.map(|session| session.written(message, at));
        self.add_all(counted);
        if matches!(message, CustomerMessage::Chosen(offer, _) if goals.contains(&offer.id)) {
            self.complete(customer);
        }
    }

    fn complete(&mut self, customer: &str) {
        if let Some(session) = self.sessions.remove(customer) {
            self.add(session.figure("sessions_completed"), 1);
        }
    }

    fn add(&mut self, figure: Figure, count: u64) {
        *self.figures.entry(figure).or_default() += count;
    }

    fn add_all(&mut self, counted: Option<Vec<(Figure, u64)>>) {
        for (figure, count) in counted.into_iter().flatten() {
            self.add(figure, count);
        }
    }
}

impl Session {
    fn new(labels: Figure) -> Self {
        Self {
            labels,
            questions: BTreeMap::new(),
            last: String::new(),
            entries: BTreeMap::new(),
            unanswered: 0,
        }
    }

    fn figure(&self, name: &'static str) -> Figure {
        Figure {
            name,
            ..self.labels.clone()
        }
    }

    fn of_step(&self, name: &'static str, step: &str, detail: &str) -> (Figure, u64) {
        let figure = Figure {
            step: step.to_owned(),
            detail: detail.to_owned(),
            ..self.figure(name)
        };
        (figure, 1)
    }

    fn asks(&mut self, step: &str, message: &BusinessMessage, at: i64) -> Vec<(Figure, u64)> {
        let entries = self.entries.entry(step.to_owned()).or_default();
        *entries += 1;
        let entries = *entries;
        let mut counted = vec![self.of_step("step_entered", step, "")];
        if entries > 1 {
            counted.push(self.of_step("step_reentries", step, ""));
            counted.push(self.of_step("step_confused", step, "asked_again"));
        }
        if entries == LOOP_THRESHOLD {
            counted.push(self.of_step("loops", step, ""));
        }
        let question = Question {
            step: step.to_owned(),
            at,
            is_closed: !message.offers.is_empty(),
            is_answered: false,
        };
        self.last.clone_from(&message.id);
        self.questions.insert(message.id.clone(), question);
        counted
    }

    fn written(&mut self, message: &CustomerMessage, at: i64) -> Vec<(Figure, u64)> {
        let mut counted = Vec::new();
        let named = match message {
            CustomerMessage::Reaction(_) => return counted,
            CustomerMessage::Chosen(_, to) | CustomerMessage::Picture(to) => Some(to),
            CustomerMessage::Typed(_) | CustomerMessage::Unsupported => None,
        };
        self.unanswered += 1;
        if self.unanswered == REPEATED {
            let step = self.questions[&self.last].step.clone();
            counted.push(self.of_step("step_confused", &step, "repeated"));
        }
        // A message that names none of the questions belongs to the last one.
        let named = named.filter(|id| self.questions.contains_key(*id));
        let question = &self.questions[named.unwrap_or(&self.last)];
        if question.is_answered {
            return counted;
        }
        let step = question.step.clone();
        let (answer, confused) = match message {
            CustomerMessage::Chosen(offer, _) => (Some(offer.id.as_str()), None),
            CustomerMessage::Typed(_) if question.is_closed => (Some(""), Some("free_text")),
            CustomerMessage::Typed(_) => (Some(""), None),
            CustomerMessage::Picture(_) if !question.is_closed => (Some(""), None),
            _ => (None, Some("unsupported")),
        };
        counted.extend(confused.map(|reason| self.of_step("step_confused", &step, reason)));
        let Some(answer) = answer else {
            return counted;
        };
        counted.push(self.of_step("step_answered", &step, ""));
        if question.is_closed {
            counted.push(self.of_step("step_answers", &step, answer));
        }
        // The step waits for an answer since it was asked last.
        let same = self.questions.values_mut().filter(|one| one.step == step);
        let mut asked_at = i64::MIN;
        for question in same {
            question.is_answered = true;
            asked_at = asked_at.max(question.at);
        }
        let (figure, _) = self.of_step("step_seconds", &step, "");
        counted.push((figure, (at - asked_at).unsigned_abs()));
        counted
    }
}
