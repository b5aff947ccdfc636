//! Counters of journeys, per journey, version and variant, and per step.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::confusion::Pace;
use super::journey_session::Milestone;
use super::{Counts, Histogram};
use crate::domain::Timestamp;
use crate::domain::journey::{
    Confusion, JourneyId, Journeys, MAX_JOURNEYS, MAX_STEPS, NO_VARIANT, OTHER,
};

/// Number of variants of journeys with counters from which those that are no longer declared are removed.
const MAX_VARIANTS_KEPT: usize = 2 * MAX_JOURNEYS;

/// Number of steps of a variant with counters from which those that are no longer declared are removed.
const MAX_STEPS_KEPT: usize = 2 * MAX_STEPS;

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
    /// Counters by journey and variant, without those that are no longer declared. These are kept: if they are declared
    /// again, their counters continue.
    pub fn declared<'a>(
        &'a self,
        journeys: &'a Journeys,
    ) -> impl Iterator<Item = (&'a JourneyId, &'a str, &'a VariantCounts)> {
        let counts = self.0.iter();
        let counts = counts.map(|((id, variant), counts)| (id, variant.as_str(), counts));
        counts.filter(|(id, variant, _)| journeys.declare(id, variant))
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
            let counts = self.get_or_add(id, variant, journeys);
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
    pub fn count(
        &mut self,
        at: Timestamp,
        (id, variant): (&JourneyId, &str),
        milestone: Milestone,
        declared: &Journeys,
    ) {
        let counts = self.get_or_add(id, variant, declared);
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

    fn get_or_add(
        &mut self,
        id: &JourneyId,
        variant: &str,
        declared: &Journeys,
    ) -> &mut VariantCounts {
        let key = (id.clone(), variant.to_owned());
        if self.0.len() >= MAX_VARIANTS_KEPT && !self.0.contains_key(&key) {
            self.0
                .retain(|(id, variant), _| declared.declare(id, variant));
        }
        let counts = self.0.entry(key).or_default();
        if counts.steps.len() >= MAX_STEPS_KEPT {
            counts
                .steps
                .retain(|step, _| declared.declare_step(id, step));
        }
        counts
    }
}

impl VariantCounts {
    /// Counters by step of this journey, without those that are no longer declared.
    pub fn declared_steps<'a>(
        &'a self,
        id: &'a JourneyId,
        journeys: &'a Journeys,
    ) -> impl Iterator<Item = (&'a str, &'a StepCounts)> {
        let steps = self
            .steps
            .iter()
            .map(|(step, counts)| (step.as_str(), counts));
        steps.filter(|(step, _)| journeys.declare_step(id, step))
    }

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::journey::{Journey, Step};

    fn id(version: usize) -> JourneyId {
        JourneyId {
            journey: "booking".to_owned(),
            version: version.to_string(),
        }
    }

    /// One version of a journey with one step.
    fn declared(version: usize, step: &str) -> Journeys {
        Journeys(vec![Journey {
            id: id(version),
            steps: vec![Step::open(step)],
            goals: Vec::new(),
            variants: Vec::new(),
            idle_timeout: Duration::from_secs(600),
            loop_threshold: 3,
        }])
    }

    fn enter(counts: &mut JourneyCounts, version: usize, step: &str) {
        let journeys = declared(version, step);
        let entered = Milestone::Entered(step.to_owned());
        let journey = (&id(version), NO_VARIANT);
        counts.count(Timestamp::default(), journey, entered, &journeys);
        let shown = counts.declared(&journeys);
        let steps = shown.flat_map(|(id, _, counts)| counts.declared_steps(id, &journeys));
        let entered: Vec<_> = steps.map(|(step, counts)| (step, counts.entered)).collect();
        assert_eq!(entered, [(step, 1)]);
    }

    #[test]
    fn versions_and_steps_that_are_no_longer_declared_make_room() {
        let mut counts = JourneyCounts::default();
        for version in 0..3 * MAX_VARIANTS_KEPT {
            enter(&mut counts, version, "date");
            assert!(counts.0.len() <= MAX_VARIANTS_KEPT);
        }
        let mut counts = JourneyCounts::default();
        for step in 0..3 * MAX_STEPS_KEPT {
            enter(&mut counts, 1, &step.to_string());
            let steps = &counts.0[&(id(1), NO_VARIANT.to_owned())].steps;
            assert!(steps.len() <= MAX_STEPS_KEPT);
        }
    }
}
