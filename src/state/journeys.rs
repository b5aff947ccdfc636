//! Counters of journeys, per journey, version and variant, and per step.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::confusion::Pace;
use super::journey_session::Milestone;
use super::{Counts, Histogram};
use crate::domain::Timestamp;
use crate::domain::journey::{Confusion, JourneyId, Journeys, NO_VARIANT, OTHER};

/// Counters of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounts {
    /// Number of entries, repeated ones included.
    pub entered: u64,
    /// Number of answers.
    pub answered: u64,
    /// Sessions that ended at the step without reaching a goal.
    pub abandoned: u64,
    /// Number of repeated entries in the same session.
    pub reentries: u64,
    /// Number of sessions in which the step counted as a loop.
    pub loops: u64,
    /// Time from the entry of the step to its answer.
    pub seconds: Histogram,
    /// Answers by declared reply, or `other`, if the step declares its answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, u64>,
    /// Number of signs that the step confused customers, by reason.
    #[serde(default)]
    pub confused: Counts<Confusion>,
    #[serde(default)]
    pace: Pace,
}

/// Counters of one variant of a journey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantCounts {
    /// Sessions that started.
    pub started: u64,
    /// Sessions that reached the goal.
    pub completed: u64,
    /// Sessions that ended without reaching the goal.
    pub abandoned: u64,
    /// Counters by step.
    pub steps: BTreeMap<String, StepCounts>,
}

/// Journeys of one number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JourneyCounts(BTreeMap<(JourneyId, String), VariantCounts>);

impl JourneyCounts {
    /// Counters by journey and variant.
    pub fn iter(&self) -> impl Iterator<Item = (&JourneyId, &str, &VariantCounts)> {
        let counts = self.0.iter();
        counts.map(|((id, variant), counts)| (id, variant.as_str(), counts))
    }

    /// Creates all counters of a journey at 0 before its first session, so that `increase()` sees the first step.
    pub fn expect(&mut self, id: &JourneyId, journeys: &Journeys) {
        let Some(journey) = journeys.find(id) else {
            return;
        };
        let none = [NO_VARIANT.to_owned()];
        let variants = if journey.variants.is_empty() {
            none.as_slice()
        } else {
            &journey.variants
        };
        for variant in variants {
            let counts = self.0.entry((id.clone(), variant.clone())).or_default();
            for step in &journey.steps {
                let counts = counts.steps.entry(step.name.clone()).or_default();
                let answers = step.answers.iter().map(|answer| answer.as_str());
                let other = (!step.answers.is_empty()).then_some(OTHER);
                for answer in answers.chain(other) {
                    counts.answers.entry(answer.to_owned()).or_default();
                }
            }
        }
    }

    /// Counts a milestone.
    pub fn count(&mut self, at: Timestamp, id: &JourneyId, variant: &str, milestone: Milestone) {
        let counts = self.0.entry((id.clone(), variant.to_owned())).or_default();
        match milestone {
            Milestone::Started => counts.started += 1,
            Milestone::Completed => counts.completed += 1,
            Milestone::Abandoned => counts.abandoned += 1,
            Milestone::Entered(step) => counts.step_mut(step).entered += 1,
            Milestone::Reentered(step) => counts.step_mut(step).reentries += 1,
            Milestone::Looped(step) => counts.step_mut(step).loops += 1,
            Milestone::LeftAt(step) => counts.step_mut(step).abandoned += 1,
            Milestone::Answered(step, took) => {
                let step = counts.step_mut(step);
                step.answered += 1;
                if let Some(took) = took {
                    if step.pace.is_slow(at, took, &step.seconds) {
                        step.confused.increment(Confusion::Slow);
                    }
                    step.seconds.observe(took);
                }
            }
            Milestone::Chosen(step, answer) => {
                *counts.step_mut(step).answers.entry(answer).or_default() += 1;
            }
            Milestone::Confused(step, reason) => {
                counts.step_mut(step).confused.increment(reason);
            }
        }
    }
}

impl VariantCounts {
    fn step_mut(&mut self, step: String) -> &mut StepCounts {
        self.steps.entry(step).or_default()
    }
}

/// Saved as a list, because JSON keys must be text.
impl Serialize for JourneyCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for JourneyCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Pairs = Vec<((JourneyId, String), VariantCounts)>;
        let saved = Pairs::deserialize(deserializer)?;
        Ok(Self(saved.into_iter().collect()))
    }
}
