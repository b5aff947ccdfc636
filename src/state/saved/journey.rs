//! The stored form of steps of journeys.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Saved, saved_as};
use crate::domain::journey::{JourneyId, Progress, StepOutcome};

saved_as!(
    JourneyId,
    (String, String),
    |id| (id.journey.clone(), id.version.clone()),
    |(journey, version)| JourneyId { journey, version }
);

/// The serde form of [`Progress`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Progress")]
pub(in crate::state) enum SavedProgress {
    Variant(String),
    Step {
        step: String,
        #[serde(with = "SavedStepOutcome")]
        outcome: StepOutcome,
        variant: Option<String>,
    },
    Goal,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "StepOutcome")]
enum SavedStepOutcome {
    Entered,
    Answered,
    Abandoned,
}
