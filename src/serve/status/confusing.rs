//! The steps of journeys that confuse customers most, as the page and the JSON show them.

use std::cmp::Reverse;

use serde::Serialize;

use crate::domain::Word;
use crate::insight::confusing_steps::ConfusingStep;

/// Number of shown steps.
pub(super) const SHOWN: usize = 5;

/// A step that confuses customers.
#[derive(Clone, Debug, Serialize)]
pub struct ConfusingStepStatus {
    pub journey: String,
    pub version: String,
    pub step: String,
    /// Number of times that customers entered it.
    pub entered: u64,
    /// Signs of confusion per entry.
    pub share: f64,
    /// The reasons, the most frequent first.
    pub reasons: Vec<ReasonCount>,
}

/// A reason with its count.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonCount {
    pub reason: &'static str,
    pub count: u64,
}

impl ConfusingStepStatus {
    /// The status of a step.
    pub fn new(step: &ConfusingStep) -> Self {
        let seen = step.signs.iter().filter(|(_, count)| *count > 0);
        let mut reasons: Vec<ReasonCount> = seen
            .map(|(reason, count)| ReasonCount {
                reason: reason.as_str(),
                count,
            })
            .collect();
        reasons.sort_by_key(|one| Reverse(one.count));
        Self {
            journey: step.journey.journey.clone(),
            version: step.journey.version.clone(),
            step: step.step.clone(),
            entered: step.entered,
            share: step.share(),
            reasons,
        }
    }
}
