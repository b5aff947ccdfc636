//! `GET /api/v1/experiments`: the declared experiments as they stand, as JSON.
//!
//! The figures are those of all replicas.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::context::Operator;
use crate::clock;
use crate::domain::Word;
use crate::domain::experiment::{Experiment, ExperimentMetric, ExperimentSplit};
use crate::insight::experiments::{
    self, ArmReport, ComparisonReport, ExperimentReport, SplitCheck,
};

/// Number of concurrent responses; others wait.
pub(super) const MAX_ANSWERS: usize = 2;

#[derive(Debug, Serialize)]
struct ExperimentsPage {
    at: String,
    experiments: Vec<ExperimentRecord>,
}

#[derive(Debug, Serialize)]
struct ExperimentRecord {
    name: String,
    journey: Option<String>,
    metric: &'static str,
    /// The step that the metric is about.
    step: Option<String>,
    /// The longest first response that is a success.
    within_seconds: Option<f64>,
    is_better_lower: bool,
    smallest_effect: f64,
    significance: f64,
    power: f64,
    /// Whether versions before and after a change are compared, so that users do not come at random.
    is_before_after: bool,
    arms: Vec<ArmRecord>,
    comparisons: Vec<ComparisonRecord>,
    split: Option<SplitRecord>,
}

/// One arm. The control is the first one.
#[derive(Debug, Serialize)]
struct ArmRecord {
    variant: String,
    users: u64,
    successes: u64,
    rate: Option<f64>,
    rate_bounds: Bounds,
    users_needed: u64,
    users_still_needed: u64,
    opted_out: u64,
    failed_messages: u64,
    responses: u64,
    mean_first_response_seconds: Option<f64>,
    /// Number of phone numbers with users of the arm, by quality rating.
    quality_ratings: BTreeMap<&'static str, u64>,
}

/// A variant against the control.
#[derive(Debug, Serialize)]
struct ComparisonRecord {
    variant: String,
    difference: Option<f64>,
    /// Newcombe's bounds, for one look.
    difference_bounds: Option<Bounds>,
    /// Bounds that hold for all looks together, from which the verdict follows.
    always_valid_bounds: Bounds,
    verdict: &'static str,
}

#[derive(Debug, Serialize)]
struct SplitRecord {
    chi_square: f64,
    p_value: f64,
    is_mismatch: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Bounds {
    lower: f64,
    upper: f64,
}

pub(super) async fn experiments(operator: Operator, answers: Arc<Semaphore>) -> Response {
    let stopping = || {
        let why = serde_json::json!({ "error": "stopping" });
        (StatusCode::SERVICE_UNAVAILABLE, Json(why)).into_response()
    };
    let Ok(_one_of_few) = answers.acquire().await else {
        return stopping();
    };
    operator.read_others().await;
    // The users still needed are searched for, which takes milliseconds of CPU time with many experiments.
    let answer = tokio::task::spawn_blocking(move || {
        let options = operator.options.load_full();
        let accounts = operator.accounts();
        let reports = experiments::reports(&options.experiments, &accounts, |_| true);
        let page = ExperimentsPage {
            at: clock::calendar(clock::now()),
            experiments: reports.iter().map(ExperimentRecord::new).collect(),
        };
        ([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response()
    });
    answer.await.unwrap_or_else(|_| stopping())
}

impl ExperimentRecord {
    fn new(report: &ExperimentReport<'_>) -> Self {
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
