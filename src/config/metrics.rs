//! `metrics`: which series `/metrics` has.

use super::kind::{Boolean, Words};
use super::section::settings;
use super::walker::Walker;
use crate::domain::StateSets;

/// The forms of states, for all entities.
pub(super) const STATE_SETS: Words<StateSets> = Words {
    value_name: "FORM",
    words: &[("full", StateSets::Full), ("sparse", StateSets::Sparse)],
};

settings! {
    /// The series of accounts, phone numbers and conversations.
    #[derive(Clone, Debug, PartialEq, Eq)]
    MetricsConfig "metrics" {
        /// Series for the states and counters of everything but single templates: `full` exports every state, and
        /// counters from 0; `sparse` only the current state, and counters from their first increment.
        state_sets: StateSets = "full", STATE_SETS;

        /// Whether OpenMetrics responses contain the `_created` timestamps of counters and histograms. Prometheus 2 stores
        /// each as a series of its own.
        created_timestamps: bool = "false", Boolean;
    }
}

impl MetricsConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}
