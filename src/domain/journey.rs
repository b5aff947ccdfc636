//! Declared conversation journeys. Undeclared names are replaced by a single one.

use std::time::Duration;

/// The name that replaces every undeclared journey, version, step and variant.
pub const OTHER: &str = "other";

/// The version of a journey without a declared one.
pub const FIRST_VERSION: &str = "1";

/// The variant of a session that was assigned none.
pub const NO_VARIANT: &str = "none";

/// Idle timeout of sessions of undeclared journeys.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Loop threshold of undeclared journeys.
const LOOP_THRESHOLD: u32 = 3;

/// Id of a journey. A new version is a separate journey, so that the two can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JourneyId {
    /// Name of the journey.
    pub journey: String,
    /// Version of the journey.
    pub version: String,
}

/// Outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The customer was asked.
    Entered,
    /// The customer has answered.
    Answered,
    /// The customer left the journey at the step.
    Abandoned,
}

/// An event of a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The next session gets this variant.
    Variant(String),
    /// A step was asked, answered or left.
    Step {
        /// Name of the step.
        step: String,
        /// Outcome of the event.
        outcome: StepOutcome,
        /// The variant of the session, if it starts here.
        variant: Option<String>,
    },
    /// The goal was reached.
    Goal,
}

/// A declared journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Its name and version.
    pub id: JourneyId,
    /// Its steps, in the intended order.
    pub steps: Vec<String>,
    /// Its variants (A/B test). Empty if there are none.
    pub variants: Vec<String>,
    /// After this much silence a session is abandoned.
    pub idle_timeout: Duration,
    /// A step that is entered this often in one session is a loop.
    pub loop_threshold: u32,
}

/// The declared journeys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journeys(pub Vec<Journey>);

impl Journeys {
    /// The declared journey with this id.
    #[must_use]
    pub fn find(&self, id: &JourneyId) -> Option<&Journey> {
        self.0.iter().find(|journey| journey.id == *id)
    }

    /// The id of a journey by the names that an application sent.
    #[must_use]
    pub fn id(&self, journey: &str, version: &str) -> JourneyId {
        let id = |journey: &str, version: &str| JourneyId {
            journey: journey.to_owned(),
            version: version.to_owned(),
        };
        let called = id(journey, version);
        let is_declared = self.find(&called).is_some();
        if is_declared {
            called
        } else {
            id(OTHER, OTHER)
        }
    }

    /// The name of a step of this journey.
    #[must_use]
    pub fn step(&self, id: &JourneyId, step: &str) -> String {
        declared(self.find(id).map(|journey| &journey.steps), step)
    }

    /// The name of a variant of this journey.
    #[must_use]
    pub fn variant(&self, id: &JourneyId, variant: &str) -> String {
        declared(self.find(id).map(|journey| &journey.variants), variant)
    }

    /// After this much silence a session of this journey is abandoned.
    #[must_use]
    pub fn idle_timeout(&self, id: &JourneyId) -> Duration {
        self.find(id)
            .map_or(IDLE_TIMEOUT, |journey| journey.idle_timeout)
    }

    /// How often a step must be entered in one session to be a loop.
    #[must_use]
    pub fn loop_threshold(&self, id: &JourneyId) -> u32 {
        self.find(id)
            .map_or(LOOP_THRESHOLD, |journey| journey.loop_threshold)
    }
}

fn declared(names: Option<&Vec<String>>, name: &str) -> String {
    let known = names.into_iter().flatten().find(|known| *known == name);
    known.map_or(OTHER, |known| known).to_owned()
}
