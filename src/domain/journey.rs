//! Declared conversation journeys. Undeclared names are replaced by one name.

use std::time::Duration;

/// The name of every journey, version, step and variant that is not declared.
pub const OTHER: &str = "other";

/// The version of a journey that has no other.
pub const FIRST_VERSION: &str = "1";

/// The variant of a session that was given none.
pub const NO_VARIANT: &str = "none";

/// After so much silence a session that is not declared is over.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A step entered so often in a session that is not declared is a loop.
const LOOP_THRESHOLD: u32 = 3;

/// Id of a journey. A new version is a separate journey, so that the two can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JourneyId {
    /// Its name.
    pub journey: String,
    /// Its version.
    pub version: String,
}

/// Outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The customer was asked.
    Entered,
    /// The customer has answered.
    Answered,
    /// The customer has left here.
    Abandoned,
}

/// An event of a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The next session is to be of this variant.
    Variant(String),
    /// A step was asked, answered or left.
    Step {
        /// The journey.
        step: String,
        /// Outcome of the event.
        outcome: StepOutcome,
        /// The variant that the session has, if it begins here.
        variant: Option<String>,
    },
    /// The journey's end was reached.
    Goal,
}

/// A declared journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The journey.
    pub id: JourneyId,
    /// Its steps, in the intended order.
    pub steps: Vec<String>,
    /// Its variants (A/B test); empty if there are none.
    pub variants: Vec<String>,
    /// After so much silence a session is abandoned.
    pub idle_timeout: Duration,
    /// A step entered so often in one session is a loop.
    pub loop_threshold: u32,
}

/// The declared journeys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journeys(pub Vec<Journey>);

impl Journeys {
    /// The declared journey of this id.
    #[must_use]
    pub fn find(&self, id: &JourneyId) -> Option<&Journey> {
        self.0.iter().find(|journey| journey.id == *id)
    }

    /// The id of what an application calls so.
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

    /// After how much silence a session is abandoned.
    #[must_use]
    pub fn idle_timeout(&self, id: &JourneyId) -> Duration {
        self.find(id)
            .map_or(IDLE_TIMEOUT, |journey| journey.idle_timeout)
    }

    /// How often a step is entered in a session to be a loop.
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
