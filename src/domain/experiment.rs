//! Declared experiments: two or more variants of a journey, or two versions of it, compared by one metric.

use std::fmt;
use std::time::Duration;

use super::journey::JourneyId;

/// Maximum number of declared experiments. Each has 12 series with two arms, and 84 with ten.
pub const MAX_EXPERIMENTS: usize = 50;

/// Number of arms of an experiment: with two or more, each is compared with the first one.
pub const ARMS: std::ops::RangeInclusive<usize> = 2..=10;

/// A share of a whole, in parts per million, so that a declared experiment is compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    const PARTS: u32 = 1_000_000;

    /// A share of this many parts per million. `None` above the whole.
    #[must_use]
    pub const fn from_millionths(parts: u32) -> Option<Self> {
        if parts <= Self::PARTS {
            Some(Self(parts))
        } else {
            None
        }
    }

    /// The share in parts per million.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// The share as a number from 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::PARTS)
    }
}

/// In percent, as in the configuration: `2.5%`.
impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(out, "{whole}%");
        }
        let digits = format!("{rest:04}");
        write!(out, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

/// What makes a user of an arm a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExperimentMetric {
    /// The session reached the goal.
    Completion,
    /// The customer answered this step.
    StepAnswered(String),
    /// A step seemed to confuse the customer: this one, or any. Fewer are better.
    Confusion(Option<String>),
    /// The customer read a message of the session.
    Read,
    /// The customer sent a message after the session began.
    Reply,
    /// The customer stopped marketing messages. Fewer are better.
    OptOut,
    /// The business responded to the customer's first message in the session within this time.
    FirstResponse(Duration),
}

impl ExperimentMetric {
    /// Names of all metrics.
    pub const NAMES: [&str; 7] = [
        "completion",
        "step_answered",
        "confusion",
        "read",
        "reply",
        "opt_out",
        "first_response",
    ];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::StepAnswered(_) => "step_answered",
            Self::Confusion(_) => "confusion",
            Self::Read => "read",
            Self::Reply => "reply",
            Self::OptOut => "opt_out",
            Self::FirstResponse(_) => "first_response",
        }
    }

    /// Whether a lower rate is better.
    #[must_use]
    pub fn is_better_lower(&self) -> bool {
        matches!(self, Self::Confusion(_) | Self::OptOut)
    }
}

/// One of the things that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentArm {
    /// The variant, or the version: the label value.
    pub name: String,
    /// The journey with its version.
    pub journey: JourneyId,
    /// The variant of the session. `None` for any, if versions are compared.
    pub variant: Option<String>,
}

/// How users come to the arms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExperimentSplit {
    /// At random, in proportion to these shares, one for each arm.
    Planned(Vec<Share>),
    /// Not at random: versions before and after a change.
    BeforeAfter,
}

/// A declared experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Its name. A changed plan needs another name, because its users must be counted from 0.
    pub name: String,
    /// What is compared; the first one is the control.
    pub arms: Vec<ExperimentArm>,
    /// How it is measured.
    pub metric: ExperimentMetric,
    /// The smallest difference of two rates that is worth knowing.
    pub smallest_effect: Share,
    /// The greatest probability of a wrong verdict, over all looks.
    pub significance: Share,
    /// The probability that a difference of `smallest_effect` is found once the needed users have come.
    pub power: Share,
    /// The success rate that is expected of the control.
    pub expected_rate: Share,
    /// How users come to the arms.
    pub split: ExperimentSplit,
}

impl Experiment {
    /// The arm of a session of this journey and variant.
    #[must_use]
    pub fn arm_of(&self, journey: &JourneyId, variant: &str) -> Option<&ExperimentArm> {
        self.arms.iter().find(|arm| {
            let is_variant = arm.variant.as_deref().is_none_or(|own| own == variant);
            arm.journey == *journey && is_variant
        })
    }
}

/// The declared experiments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Experiments(pub Vec<Experiment>);

impl Experiments {
    /// The declared experiment of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Experiment> {
        self.0.iter().find(|experiment| experiment.name == name)
    }

    /// Whether none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an experiment compares sessions of this journey.
    #[must_use]
    pub fn compare(&self, journey: &JourneyId) -> bool {
        let mut arms = self.0.iter().flat_map(|experiment| &experiment.arms);
        arms.any(|arm| arm.journey == *journey)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|experiment| experiment.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shown_in_percent() {
        for (parts, shown) in [
            (0, "0%"),
            (50_000, "5%"),
            (25_000, "2.5%"),
            (100, "0.01%"),
            (1_000_000, "100%"),
        ] {
            let share = Share::from_millionths(parts).expect("a share");
            assert_eq!(share.to_string(), shown);
        }
        assert_eq!(Share::from_millionths(1_000_001), None);
    }

    #[test]
    fn arms_are_variants_of_a_version_or_versions_with_any_variant() {
        let id = |version: &str| JourneyId {
            journey: "booking".to_owned(),
            version: version.to_owned(),
        };
        let arm = |name: &str, version, variant: Option<&str>| ExperimentArm {
            name: name.to_owned(),
            journey: id(version),
            variant: variant.map(str::to_owned),
        };
        let with = |arms| Experiment {
            name: "short".to_owned(),
            arms,
            metric: ExperimentMetric::Completion,
            smallest_effect: Share(50_000),
            significance: Share(50_000),
            power: Share(800_000),
            expected_rate: Share(500_000),
            split: ExperimentSplit::BeforeAfter,
        };
        let name = |experiment: &Experiment, version, variant| {
            let arm = experiment.arm_of(&id(version), variant);
            arm.map(|arm| arm.name.clone())
        };
        let variants = with(vec![arm("a", "1", Some("a")), arm("b", "1", Some("b"))]);
        assert_eq!(name(&variants, "1", "b").as_deref(), Some("b"));
        assert_eq!(name(&variants, "1", "none"), None);
        assert_eq!(name(&variants, "2", "b"), None);
        let versions = with(vec![arm("1", "1", None), arm("2", "2", None)]);
        assert_eq!(name(&versions, "2", "whatever").as_deref(), Some("2"));
    }
}
