//! The current results of declared experiments, from the counters of all phone numbers.

use std::collections::BTreeMap;

pub use crate::experiment::{ArmFindings, Comparison, SplitCheck, Verdict};

use crate::domain::QualityRating;
use crate::domain::experiment::{Experiment, ExperimentSplit, Experiments, Share};
use crate::experiment::{Arm, Direction, Plan, Settings, Split, judge};
use crate::state::{Accounts, ArmCounts};

/// One arm of an experiment, over all phone numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmSums {
    /// The users, and counts of their outcomes.
    pub counts: ArmCounts,
    /// The quality ratings of the phone numbers with users of the arm: the number of phone numbers with each.
    pub ratings: BTreeMap<QualityRating, u64>,
}

/// An arm with its rate and the users that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmReport<'a> {
    /// The variant, or the version.
    pub name: &'a str,
    /// The counts.
    pub sums: ArmSums,
    /// The rate with its bounds.
    pub findings: ArmFindings,
}

/// A comparison of an arm with the control.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonReport<'a> {
    /// The variant, or the version.
    pub name: &'a str,
    /// The difference with its bounds, and the verdict.
    pub comparison: Comparison,
}

/// The current results of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentReport<'a> {
    /// How the experiment is declared.
    pub experiment: &'a Experiment,
    /// The arms, the control first.
    pub arms: Vec<ArmReport<'a>>,
    /// The comparison of each other arm with the control.
    pub comparisons: Vec<ComparisonReport<'a>>,
    /// Whether the split of the users is as planned. `None` if no split was planned, and while there are too few users.
    pub split: Option<SplitCheck>,
}

/// The reports of the declared experiments whose names are selected.
#[must_use]
pub fn reports<'a>(
    declared: &'a Experiments,
    accounts: &Accounts,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<ExperimentReport<'a>> {
    let wanted = declared.0.iter().filter(|one| is_wanted(&one.name));
    wanted.filter_map(|one| report(one, accounts)).collect()
}

/// The report of one experiment. `None` if its plan is not valid, which the configuration does not accept.
fn report<'a>(experiment: &'a Experiment, accounts: &Accounts) -> Option<ExperimentReport<'a>> {
    let sums = sums(experiment, accounts);
    let arms = sums.iter().map(|sum| {
        let counts = sum.counts;
        Arm::new(counts.users, counts.successes).ok()
    });
    let arms: Vec<Arm> = arms.collect::<Option<_>>()?;
    let findings = judge(&plan(experiment)?, &arms).ok()?;
    let names = experiment.arms.iter().map(|arm| arm.name.as_str());
    let arms = names.clone().zip(sums).zip(findings.arms);
    let comparisons = names.skip(1).zip(findings.comparisons);
    Some(ExperimentReport {
        experiment,
        arms: arms
            .map(|((name, sums), findings)| ArmReport {
                name,
                sums,
                findings,
            })
            .collect(),
        comparisons: comparisons
            .map(|(name, comparison)| ComparisonReport { name, comparison })
            .collect(),
        split: findings.split,
    })
}

fn plan(experiment: &Experiment) -> Option<Plan> {
    let direction = if experiment.metric.is_better_lower() {
        Direction::LowerIsBetter
    } else {
        Direction::HigherIsBetter
    };
    let split = match &experiment.split {
        ExperimentSplit::Planned(shares) => {
            Split::Planned(shares.iter().map(|share| share.as_f64()).collect())
        }
        ExperimentSplit::BeforeAfter => Split::Unplanned(experiment.arms.len()),
    };
    let settings = Settings {
        smallest_effect: Share::as_f64(experiment.smallest_effect),
        significance: experiment.significance.as_f64(),
        power: experiment.power.as_f64(),
        direction,
        split,
        expected_rate: Some(experiment.expected_rate.as_f64()),
    };
    Plan::new(settings).ok()
}

/// The sums of each arm over all phone numbers, in the order of the declaration.
fn sums(experiment: &Experiment, accounts: &Accounts) -> Vec<ArmSums> {
    let mut sums = vec![ArmSums::default(); experiment.arms.len()];
    for account in accounts.values() {
        for traffic in account.traffic() {
            let Some(counted) = traffic.experiments.get(&experiment.name) else {
                continue;
            };
            let number = account.number(&traffic.id);
            let rating = number.and_then(|number| number.quality_rating.value());
            for (arm, sum) in experiment.arms.iter().zip(&mut sums) {
                let Some(counts) = counted.get(&arm.name) else {
                    continue;
                };
                sum.counts.add(counts);
                if let Some(rating) = rating {
                    *sum.ratings.entry(rating).or_default() += 1;
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::experiment::{ExperimentArm, ExperimentMetric};
    use crate::domain::journey::JourneyId;

    fn share(parts: u32) -> Share {
        Share::from_millionths(parts).expect("a share")
    }

    /// Every plan that the configuration accepts is valid, also at the ends of each range.
    #[test]
    fn every_accepted_plan_has_a_report() {
        let arms = |count: usize| {
            let arm = |number| ExperimentArm {
                name: format!("{number}"),
                journey: JourneyId {
                    journey: "booking".to_owned(),
                    version: "1".to_owned(),
                },
                variant: Some(format!("{number}")),
            };
            (0..count).map(arm).collect::<Vec<_>>()
        };
        for effect in [100, 50_000, 990_000] {
            for significance in [100, 50_000, 500_000] {
                for power in [500_000, 800_000, 999_000] {
                    for split in [
                        ExperimentSplit::BeforeAfter,
                        ExperimentSplit::Planned(vec![share(50_000), share(950_000)]),
                        ExperimentSplit::Planned(vec![share(100_000); 10]),
                    ] {
                        let count = match &split {
                            ExperimentSplit::Planned(shares) => shares.len(),
                            ExperimentSplit::BeforeAfter => 2,
                        };
                        let declared = Experiments(vec![Experiment {
                            name: "x".to_owned(),
                            arms: arms(count),
                            metric: ExperimentMetric::OptOut,
                            smallest_effect: share(effect),
                            significance: share(significance),
                            power: share(power),
                            expected_rate: share(500_000),
                            split,
                        }]);
                        let reports = reports(&declared, &Accounts::new(), |_| true);
                        let [report] = &reports[..] else {
                            panic!("{declared:?}");
                        };
                        assert_eq!(report.arms.len(), count);
                        let needed = report.arms.iter().map(|arm| arm.findings.still_needed);
                        assert!(needed.min() > Some(0), "{report:?}");
                        let comparisons = &report.comparisons;
                        assert_eq!(comparisons.len(), count - 1);
                        assert!(comparisons.iter().all(|one| {
                            one.comparison.verdict == Verdict::NotEnough
                                && one.comparison.difference.is_none()
                        }));
                    }
                }
            }
        }
    }
}
