//! One customer as a user of one experiment.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::experiment::ExperimentMetric;
use crate::domain::journey::JourneyId;
use crate::domain::track::Trackers;
use crate::state::experiment_counts::ArmCounts;
use crate::state::redate::{Dated, Redating, dated};

/// How far the session of a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The session is open.
    Open,
    /// The session reached its goal; the user counts at this time.
    Completed(Timestamp),
    /// The user has counted.
    Counted,
}

/// A user of one experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Participation {
    pub experiment: String,
    pub arm: String,
    /// The journey of the session, with its version.
    pub journey: JourneyId,
    pub started_at: Timestamp,
    /// Start of the last session of an arm.
    pub seen_at: Timestamp,
    pub stage: Stage,
    /// Number of open sessions of the arm. Several only if two customers proved to be one.
    #[serde(default = "one")]
    pub sessions: u32,
    /// The counts that the user will add. Default once added.
    #[serde(default, skip_serializing_if = "is_default")]
    pub counts: ArmCounts,
}

fn one() -> u32 {
    1
}

fn is_default(counts: &ArmCounts) -> bool {
    *counts == ArmCounts::default()
}

/// A user whose outcome is known.
pub struct KnownOutcome<'a> {
    pub experiment: &'a str,
    pub arm: &'a str,
    pub counts: ArmCounts,
}

impl Dated for Stage {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        if let Self::Completed(at) = self {
            at.times(see);
        }
    }

    fn redate(&mut self, to: &Redating) {
        if let Self::Completed(at) = self {
            at.redate(to);
        }
    }
}

dated! { Participation: started_at seen_at stage }

impl Participation {
    /// How the experiment is measured. `None` if it is no longer declared.
    pub fn metric<'a>(&self, trackers: &'a Trackers) -> Option<&'a ExperimentMetric> {
        let experiment = trackers.experiments.find(&self.experiment)?;
        Some(&experiment.metric)
    }

    pub fn outcome(&self) -> KnownOutcome<'_> {
        KnownOutcome {
            experiment: &self.experiment,
            arm: &self.arm,
            counts: self.counts,
        }
    }

    /// Remembers only that the user has counted.
    pub fn forget(&mut self) {
        self.stage = Stage::Counted;
        self.counts = ArmCounts::default();
    }
}
