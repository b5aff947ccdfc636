//! One customer's session of a journey: its steps with their counts, and where it ended.

mod milestone;
mod report;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use milestone::Milestone;
use report::Report;
pub use report::Reporter;

use super::confusion::{self, REPEATED};
use super::redate::{Dated, Redating, dated};
use crate::domain::journey::{Confusion, JourneyId, Journeys, OTHER, StepOutcome};
use crate::domain::mark::MessageContext;
use crate::domain::message::Kind;
use crate::domain::{MessageKey, Timestamp};

/// Maximum number of messages of a session that a reply can name, and of reports of steps. The oldest is
/// dropped.
const MAX_KEPT: usize = 32;

/// A message that asked a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    at: Timestamp,
    step: String,
    message: MessageKey,
    is_open: bool,
}

dated! { Asked: at }

/// An open session, or one that was completed a short time ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneySession {
    /// The journey with its version.
    pub id: JourneyId,
    /// The variant of the journey that the customer was assigned.
    pub variant: String,
    /// Time at which the session is abandoned, unless an event comes first. A completed session is removed then.
    pub ends_at: Timestamp,
    /// Whether the goal was reached. A further report of the goal does not begin a new session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_completed: bool,
    /// Number of entries of each step in this session.
    entries: BTreeMap<String, u32>,
    /// The last step, with the time of its entry. The time is `None` once the step is answered.
    at: Option<(String, Option<Timestamp>)>,
    /// The messages that asked steps, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asked: Vec<Asked>,
    /// Recent reports, which the other reporter may repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reports: Vec<Report>,
    /// Number of messages of the customer since the last one of the business.
    #[serde(default, skip_serializing_if = "is_zero")]
    unanswered: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Dated for JourneySession {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.at.iter().for_each(|step| step.times(see));
        self.asked.times(see);
        self.reports.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.at.iter_mut().for_each(|step| step.redate(to));
        self.asked.redate(to);
        self.reports.redate(to);
    }
}

impl JourneySession {
    /// Moves the end of the session forward to `latest`, if it is later.
    pub(super) fn end_by(&mut self, latest: Timestamp) {
        self.ends_at = self.ends_at.min(latest);
    }

    /// Starts a session.
    pub fn new(id: JourneyId, variant: String) -> Self {
        Self {
            id,
            variant,
            ends_at: Timestamp::default(),
            is_completed: false,
            entries: BTreeMap::new(),
            at: None,
            asked: Vec::new(),
            reports: Vec::new(),
            unanswered: 0,
        }
    }

    /// Applies a step; returns whether the session is over.
    pub fn step(
        &mut self,
        at: Timestamp,
        (step, outcome): (String, StepOutcome),
        journeys: &Journeys,
        mut count: impl FnMut(Milestone),
    ) -> bool {
        self.ends_at = at.plus(journeys.idle_timeout(&self.id));
        match outcome {
            StepOutcome::Entered => {
                let entries = self.entries.entry(step.clone()).or_default();
                *entries += 1;
                count(Milestone::Entered(step.clone()));
                if *entries > 1 {
                    count(Milestone::Reentered(step.clone()));
                    count(Milestone::Confused(step.clone(), Confusion::AskedAgain));
                }
                if *entries == journeys.loop_threshold(&self.id) {
                    count(Milestone::Looped(step.clone()));
                }
                self.at = Some((step, Some(at)));
                false
            }
            StepOutcome::Answered => {
                let asked_at = self.asked_at(&step);
                count(Milestone::Answered(
                    step.clone(),
                    asked_at.map(|asked_at| at.since(asked_at)),
                ));
                self.close(&step);
                self.at = Some((step, None));
                false
            }
            StepOutcome::Abandoned => {
                self.at = Some((step, None));
                self.abandon(count);
                true
            }
        }
    }

    /// Notes the message that asked a step, so that a reply to it answers the step.
    pub fn note_message(&mut self, at: Timestamp, step: &str, message: Option<MessageKey>) {
        if let Some(message) = message {
            push_bounded(
                &mut self.asked,
                Asked {
                    at,
                    step: step.to_owned(),
                    message,
                    is_open: true,
                },
            );
        }
    }

    /// Notes that the business wrote.
    pub fn note_business_message(&mut self) {
        self.unanswered = 0;
    }

    /// Whether this message, which a reply names, belongs to the session.
    pub fn has_message(&self, message: MessageKey) -> bool {
        self.asked.iter().any(|asked| asked.message == message)
    }

    /// Time since which the last step has been waiting for an answer.
    pub fn open_since(&self) -> Option<Timestamp> {
        let (_, since) = self.at.as_ref()?;
        since.filter(|_| !self.is_completed)
    }

    /// Applies a message of the customer.
    pub fn note_customer_message(
        &mut self,
        at: Timestamp,
        kind: Kind,
        context: &MessageContext,
        journeys: &Journeys,
        mut count: impl FnMut(Milestone),
    ) {
        self.ends_at = at.plus(journeys.idle_timeout(&self.id));
        self.unanswered += 1;
        if self.unanswered == REPEATED
            && let Some((last, _)) = &self.at
        {
            count(Milestone::Confused(last.clone(), Confusion::Repeated));
        }
        let Some(step) = self.answered_step(context.replies_to) else {
            return;
        };
        let declared = journeys.find_step(&self.id, &step);
        let answers = declared.map_or(&[][..], |(_, step)| &step.answers);
        let taken = confusion::taken(kind, context.choice.is_some(), !answers.is_empty());
        if let Some(confusion) = taken.confusion {
            count(Milestone::Confused(step.clone(), confusion));
        }
        if !taken.is_answer {
            return;
        }
        if !answers.is_empty() {
            let choice = context.choice.as_ref();
            let answer = choice.and_then(|choice| choice.first_of(answers));
            let answer = answer.map_or(OTHER, |answer| answer.as_str());
            count(Milestone::Chosen(step.clone(), answer.to_owned()));
        }
        self.answer(at, step, count);
    }

    /// Ends the session at its current step.
    pub fn abandon(&mut self, mut count: impl FnMut(Milestone)) {
        if let Some((step, _)) = self.at.take() {
            count(Milestone::LeftAt(step));
        }
        count(Milestone::Abandoned);
    }

    /// The step that a message answers: the step whose message it names, or else the last step, if that waits for an
    /// answer.
    fn answered_step(&self, named: Option<MessageKey>) -> Option<String> {
        let mut asked = self.asked.iter().rev();
        let asked = asked.find(|asked| Some(asked.message) == named);
        match asked {
            Some(asked) => asked.is_open.then(|| asked.step.clone()),
            None => {
                let (step, since) = self.at.as_ref()?;
                since.map(|_| step.clone())
            }
        }
    }

    /// Applies an answer to a step. If the step is not the last one, the last step still waits.
    fn answer(&mut self, at: Timestamp, step: String, mut count: impl FnMut(Milestone)) {
        let asked = self.asked.iter().rev().find(|asked| asked.step == step);
        let asked_at = self.asked_at(&step).or(asked.map(|asked| asked.at));
        let is_last = self.at.as_ref().is_some_and(|(last, _)| *last == step);
        self.close(&step);
        let report = (step.as_str(), StepOutcome::Answered);
        if !self.is_repeated(at, report, Reporter::Webhook) {
            self.note_report(at, report, Reporter::Webhook);
            let took = asked_at.map(|asked_at| at.since(asked_at));
            count(Milestone::Answered(step.clone(), took));
        }
        if is_last {
            self.at = Some((step, None));
        }
    }

    /// Time of the last entry of this step, if it is the last step and waits for an answer.
    fn asked_at(&self, step: &str) -> Option<Timestamp> {
        let (last, since) = self.at.as_ref()?;
        since.filter(|_| last == step)
    }

    /// Records that no message of the step waits for an answer any more.
    fn close(&mut self, step: &str) {
        let asked = self.asked.iter_mut().filter(|asked| asked.step == step);
        asked.for_each(|asked| asked.is_open = false);
    }
}

fn push_bounded<T>(kept: &mut Vec<T>, new: T) {
    if kept.len() >= MAX_KEPT {
        kept.remove(0);
    }
    kept.push(new);
}
