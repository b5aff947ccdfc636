//! A declared experiment with its current figures, for the status page and the API.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Word;
use crate::domain::experiment::{Experiment, ExperimentMetric, ExperimentSplit};
use crate::insight::experiments::{ArmReport, ComparisonReport, ExperimentReport, SplitCheck};

/// An experiment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ExperimentRecord {
    pub name: String,
    pub journey: Option<String>,
    pub metric: &'static str,
    /// The step that the metric is about.
    pub step: Option<String>,
    /// The longest first response that is a success.
    pub within_seconds: Option<f64>,
    pub is_better_lower: bool,
    pub smallest_effect: f64,
    pub significance: f64,
    pub power: f64,
    pub expected_rate: f64,
    /// Whether versions before and after a change are compared, so that users are not assigned at random.
    pub is_before_after: bool,
    pub arms: Vec<ArmRecord>,
    pub comparisons: Vec<ComparisonRecord>,
    pub split: Option<SplitRecord>,
}

/// One arm. The control is the first one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ArmRecord {
    pub variant: String,
    pub users: u64,
    pub successes: u64,
    pub rate: Option<f64>,
    pub rate_bounds: Bounds,
    pub users_needed: u64,
    pub users_still_needed: u64,
    pub opted_out: u64,
    pub failed_messages: u64,
    pub responses: u64,
    pub mean_first_response_seconds: Option<f64>,
    /// Number of phone numbers with users of the arm, by quality rating.
    pub quality_ratings: BTreeMap<&'static str, u64>,
}

/// A variant against the control.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ComparisonRecord {
    pub variant: String,
    pub difference: Option<f64>,
    /// Newcombe's bounds, for one look.
    pub difference_bounds: Option<Bounds>,
    /// Bounds that hold for all looks together, from which the verdict follows.
    pub always_valid_bounds: Bounds,
    pub verdict: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SplitRecord {
    pub chi_square: f64,
    pub p_value: f64,
    pub is_mismatch: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Bounds {
    pub lower: f64,
    pub upper: f64,
}

impl ExperimentRecord {
    pub fn new(report: &ExperimentReport<'_>) -> Self {
        let experiment = report.experiment;
        let (step, within) = metric_details(&experiment.metric);
        Self {
            name: experiment.name.clone(),
            journey: journey_of(experiment),
            metric: experiment.metric.as_str(),
            step,
            within_seconds: within,
            is_better_lower: experiment.metric.is_better_lower(),
            smallest_effect: experiment.smallest_effect.as_f64(),
            significance: experiment.significance.as_f64(),
            power: experiment.power.as_f64(),
            expected_rate: experiment.expected_rate.as_f64(),
            is_before_after: experiment.split == ExperimentSplit::BeforeAfter,
            arms: report.arms.iter().map(ArmRecord::new).collect(),
            comparisons: report
                .comparisons
                .iter()
                .map(ComparisonRecord::new)
                .collect(),
            split: report.split.map(SplitRecord::new),
        }
    }
}

fn journey_of(experiment: &Experiment) -> Option<String> {
    let control = experiment.arms.first()?;
    Some(control.journey.journey.clone())
}

fn metric_details(metric: &ExperimentMetric) -> (Option<String>, Option<f64>) {
    match metric {
        ExperimentMetric::StepAnswered(step) => (Some(step.clone()), None),
        ExperimentMetric::Confusion(step) => (step.clone(), None),
        ExperimentMetric::FirstResponse(within) => (None, Some(within.as_secs_f64())),
        ExperimentMetric::Completion
        | ExperimentMetric::Read
        | ExperimentMetric::Reply
        | ExperimentMetric::OptOut => (None, None),
    }
}

impl ArmRecord {
    fn new(arm: &ArmReport<'_>) -> Self {
        let (counts, findings) = (&arm.sums.counts, &arm.findings);
        let ratings = arm.sums.ratings.iter();
        Self {
            variant: arm.name.to_owned(),
            users: counts.users,
            successes: counts.successes,
            rate: findings.rate,
            rate_bounds: Bounds {
                lower: findings.bounds.lower,
                upper: findings.bounds.upper,
            },
            users_needed: findings.needed,
            users_still_needed: findings.still_needed,
            opted_out: counts.opted_out,
            failed_messages: counts.failed,
            responses: counts.responses,
            mean_first_response_seconds: counts.mean_wait().map(|wait| wait.as_secs_f64()),
            quality_ratings: ratings
                .map(|(word, count)| (word.as_str(), *count))
                .collect(),
        }
    }
}

impl ComparisonRecord {
    fn new(one: &ComparisonReport<'_>) -> Self {
        let comparison = one.comparison;
        Self {
            variant: one.name.to_owned(),
            difference: comparison.difference.map(|found| found.estimate),
            difference_bounds: comparison.difference.map(|found| Bounds {
                lower: found.bounds.lower,
                upper: found.bounds.upper,
            }),
            always_valid_bounds: Bounds {
                lower: comparison.always_valid.lower,
                upper: comparison.always_valid.upper,
            },
            verdict: comparison.verdict.as_str(),
        }
    }
}

impl SplitRecord {
    fn new(split: SplitCheck) -> Self {
        Self {
            chi_square: split.chi_square,
            p_value: split.p_value,
            is_mismatch: split.is_mismatch,
        }
    }
}
