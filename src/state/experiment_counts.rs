//! Counters of declared experiments: the users of each arm whose outcome is known.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::experiment::{Experiments, MAX_EXPERIMENTS};

/// Maximum number of experiments of a number whose counters are kept: the declared ones, and as many that were declared
/// earlier. Beyond this, counters of experiments that are no longer declared are removed.
const MAX_KEPT: usize = 2 * MAX_EXPERIMENTS;

/// Counts of the users of one arm. Each user counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmCounts {
    /// Users whose outcome is known.
    pub users: u64,
    /// Users who count as a success by the experiment's metric.
    pub successes: u64,
    /// Users who stopped marketing messages during the session.
    pub opted_out: u64,
    /// Failed messages of their sessions.
    pub failed: u64,
    /// Users who wrote in the session and got a response.
    pub responses: u64,
    /// Sum of their waiting times for the first response, in milliseconds.
    pub waited_ms: u64,
}

impl ArmCounts {
    /// Adds other users of the same arm.
    pub fn add(&mut self, other: &Self) {
        self.users += other.users;
        self.successes += other.successes;
        self.opted_out += other.opted_out;
        self.failed += other.failed;
        self.responses += other.responses;
        self.waited_ms = self.waited_ms.saturating_add(other.waited_ms);
    }

    /// Average waiting time of users for the first response. `None` without responses.
    #[must_use]
    pub fn mean_wait(&self) -> Option<Duration> {
        let mean = self.waited_ms.checked_div(self.responses)?;
        Some(Duration::from_millis(mean))
    }
}

/// The experiments of one number: the counters of each arm, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExperimentCounts(BTreeMap<String, BTreeMap<String, ArmCounts>>);

impl ExperimentCounts {
    /// The counters of each arm of an experiment. `None` before its first user.
    #[must_use]
    pub fn get(&self, experiment: &str) -> Option<&BTreeMap<String, ArmCounts>> {
        self.0.get(experiment)
    }

    /// Whether no user was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts one user.
    pub(super) fn count(
        &mut self,
        (experiment, arm): (&str, &str),
        user: &ArmCounts,
        declared: &Experiments,
    ) {
        if self.0.len() >= MAX_KEPT && !self.0.contains_key(experiment) {
            self.0.retain(|known, _| declared.find(known).is_some());
        }
        let arms = self.0.entry(experiment.to_owned()).or_default();
        arms.entry(arm.to_owned()).or_default().add(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiments_that_are_no_longer_declared_make_room() {
        let user = ArmCounts {
            users: 1,
            ..ArmCounts::default()
        };
        let mut counts = ExperimentCounts::default();
        for number in 0..5 * MAX_KEPT {
            let name = number.to_string();
            counts.count((&name, "a"), &user, &Experiments::default());
            counts.count((&name, "a"), &user, &Experiments::default());
            assert_eq!(counts.get(&name).expect("counted")["a"].users, 2);
            assert!(counts.0.len() <= MAX_KEPT);
        }
    }
}
