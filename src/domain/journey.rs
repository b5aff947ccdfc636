//! Declared conversation journeys. Undeclared names are replaced by a single one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::word::meta_words;

/// The name that replaces every undeclared journey, version, step and variant.
pub const OTHER: &str = "other";

/// The version of a journey without a declared one.
pub const FIRST_VERSION: &str = "1";

/// The variant of a session that was assigned none.
pub const NO_VARIANT: &str = "none";

/// Maximum number of declared journeys, because each step of each variant has about twenty series per number.
pub const MAX_JOURNEYS: usize = 50;

/// Maximum number of declared steps of a journey.
pub const MAX_STEPS: usize = 50;

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

/// A declared step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Replies that answer it. Empty if any message answers it.
    pub answers: Vec<ReplyPattern>,
}

impl Step {
    /// A step that any message answers.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            answers: Vec::new(),
        }
    }
}

/// The id of a reply that the business offers, such as that of a button, or the beginning of one, followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyPattern(String);

impl ReplyPattern {
    /// A pattern. `None` if it is empty, or has a `*` before its end.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let start = text.strip_suffix('*').unwrap_or(text);
        (!text.is_empty() && !start.contains('*')).then(|| Self(text.to_owned()))
    }

    /// The text of the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id of a reply matches the pattern.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == self.0,
        }
    }
}

/// A reply that the customer chose from those that the business offers: the declared replies that it matches, possibly
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice(pub BTreeSet<ReplyPattern>);

impl Choice {
    /// The first of these replies that was chosen.
    #[must_use]
    pub fn first_of<'p>(&self, declared: &'p [ReplyPattern]) -> Option<&'p ReplyPattern> {
        declared.iter().find(|pattern| self.0.contains(pattern))
    }
}

meta_words! {
    /// Why a step seems to have confused a customer. The words are the exporter's own.
    Confusion {
        FreeText = "free_text",
        Unsupported = "unsupported",
        Repeated = "repeated",
        AskedAgain = "asked_again",
        Slow = "slow",
    }
}

/// A declared journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Its name and version.
    pub id: JourneyId,
    /// Its steps, in the intended order.
    pub steps: Vec<Step>,
    /// Replies that reach the goal.
    pub goals: Vec<ReplyPattern>,
    /// Its variants (A/B test). Empty if there are none.
    pub variants: Vec<String>,
    /// A session without events for this long is abandoned.
    pub idle_timeout: Duration,
    /// Number of entries of a step in one session from which it counts as a loop.
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
        let found = self.find_step(id, step);
        found.map_or(OTHER, |(_, step)| &step.name).to_owned()
    }

    /// The declared step of this name, with its place in the journey.
    #[must_use]
    pub fn find_step(&self, id: &JourneyId, step: &str) -> Option<(usize, &Step)> {
        let mut steps = self.find(id)?.steps.iter().enumerate();
        steps.find(|(_, known)| known.name == step)
    }

    /// The declared replies, each once, that this id of a reply matches. Nothing else of the id is kept.
    #[must_use]
    pub fn choice(&self, reply_id: &str) -> Choice {
        let answers = self.0.iter().flat_map(|journey| {
            let of_steps = journey.steps.iter().flat_map(|step| &step.answers);
            of_steps.chain(&journey.goals)
        });
        let matched = answers.filter(|pattern| pattern.matches(reply_id));
        Choice(matched.cloned().collect())
    }

    /// The name of a variant of this journey.
    #[must_use]
    pub fn variant(&self, id: &JourneyId, variant: &str) -> String {
        let variants = self.find(id).map(|journey| &journey.variants);
        let mut variants = variants.into_iter().flatten();
        let known = variants.find(|known| *known == variant);
        known.map_or(OTHER, |known| known).to_owned()
    }

    /// Whether this variant of this journey is declared. `other` stands for undeclared journeys and variants, and every
    /// declared journey can have sessions without a variant.
    #[must_use]
    pub fn declare(&self, id: &JourneyId, variant: &str) -> bool {
        match self.find(id) {
            Some(journey) => {
                let is_special = [OTHER, NO_VARIANT].contains(&variant);
                is_special || journey.variants.iter().any(|known| known == variant)
            }
            None => id.journey == OTHER && id.version == OTHER,
        }
    }

    /// Whether this step of this journey is declared. `other` stands for undeclared ones.
    #[must_use]
    pub fn declare_step(&self, id: &JourneyId, step: &str) -> bool {
        step == OTHER || self.find_step(id, step).is_some()
    }

    /// Whether this answer is declared. `other` stands for undeclared ones of a step that declares any.
    #[must_use]
    pub fn declare_answer(&self, id: &JourneyId, step: &str, answer: &str) -> bool {
        let step = self.find_step(id, step);
        let mut answers = step.iter().flat_map(|(_, step)| &step.answers);
        answers.any(|known| answer == OTHER || known.as_str() == answer)
    }

    /// A session of this journey without events for this long is abandoned.
    #[must_use]
    pub fn idle_timeout(&self, id: &JourneyId) -> Duration {
        self.find(id)
            .map_or(IDLE_TIMEOUT, |journey| journey.idle_timeout)
    }

    /// Number of entries of a step in one session from which it counts as a loop.
    #[must_use]
    pub fn loop_threshold(&self, id: &JourneyId) -> u32 {
        self.find(id)
            .map_or(LOOP_THRESHOLD, |journey| journey.loop_threshold)
    }
}
