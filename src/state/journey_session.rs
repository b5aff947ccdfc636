//! One customer's session of a journey: its steps with their counts, and where it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating};
use crate::domain::Timestamp;
use crate::domain::journey::{JourneyId, Journeys, StepOutcome};

/// A counted event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The session began.
    Started,
    /// The session reached its goal.
    Completed,
    /// The session ended without reaching a goal.
    Abandoned,
    /// A step was entered, for the first time or again.
    Entered(String),
    /// A step was entered again in the same session. Counted in addition to [`Self::Entered`].
    Reentered(String),
    /// The number of entries of a step in the session reached the loop threshold.
    Looped(String),
    /// A step was answered, with the time since its entry. `None` if it was not the last entered step.
    Answered(String, Option<Duration>),
    /// The session ended at this step.
    LeftAt(String),
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneySession {
    /// The journey with its version.
    pub id: JourneyId,
    /// The variant of the journey that the customer was assigned.
    pub variant: String,
    /// Time at which the session is abandoned, unless an event comes first.
    pub ends_at: Timestamp,
    /// Number of entries of each step in this session.
    entries: BTreeMap<String, u32>,
    /// The last step, with the time of its entry. The time is `None` once the step is answered.
    at: Option<(String, Option<Timestamp>)>,
}

impl Dated for JourneySession {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.at.iter().for_each(|step| step.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.at.iter_mut().for_each(|step| step.redate(to));
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
            entries: BTreeMap::new(),
            at: None,
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
                }
                if *entries == journeys.loop_threshold(&self.id) {
                    count(Milestone::Looped(step.clone()));
                }
                self.at = Some((step, Some(at)));
                false
            }
            StepOutcome::Answered => {
                let asked = self.at.take().filter(|(last, _)| *last == step);
                let asked_at = asked.and_then(|(_, asked_at)| asked_at);
                let took = asked_at.map(|asked_at| at.since(asked_at));
                count(Milestone::Answered(step.clone(), took));
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

    /// Ends the session at its current step.
    pub fn abandon(&mut self, mut count: impl FnMut(Milestone)) {
        if let Some((step, _)) = self.at.take() {
            count(Milestone::LeftAt(step));
        }
        count(Milestone::Abandoned);
    }
}
