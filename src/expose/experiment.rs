//! Renders the current results of declared experiments, summed over phone numbers.
//!
//! An experiment of two arms has one difference and one verdict. With more arms, each arm except the control has its
//! own difference and verdict, with the label `variant`.

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use crate::insight::experiments::{ExperimentReport, Verdict};

metrics! {
    USERS: Gauge "whatsapp_experiment_users" ["experiment", "variant"]
        "Number of users of a variant in trackers.experiments whose outcome is known, over all phone numbers. Each customer counts once, in the variant of the first session, when that session is abandoned or the journey's idle_timeout after its goal.";
    RATE: Gauge "whatsapp_experiment_rate" ["experiment", "variant"]
        "Success rate of a variant, from 0 to 1: the share of its users who count as a success by the experiment's metric. Absent before the first user.";
    DIFFERENCE: Gauge "whatsapp_experiment_difference" ["experiment", "variant", "bound"]
        "Rate of the variant minus that of the control, with the bounds of Newcombe's hybrid score interval for one look. The label variant is present only with more than two variants. Absent before both have a user.";
    VERDICT: Gauge "whatsapp_experiment_verdict" ["experiment", "variant", "verdict"]
        "State set of the verdict, valid at every look: the control is better (a_better), the variant is better (b_better), they differ by less than smallest_effect (no_difference), or more users are needed (not_enough). The label variant is present only with more than two variants.";
    MISMATCH: Gauge "whatsapp_experiment_split_mismatch" ["experiment"]
        "Sample ratio mismatch: 1 if the observed split differs from the planned one (chi-square test, p < 0.001), so that the verdicts are not valid, otherwise 0. Absent if the experiment compares versions of a journey, and while there are too few users.";
}

/// Writes the families of these experiments.
pub(super) fn write(page: &mut Page, reports: &[ExperimentReport<'_>]) {
    let mut family = page.family(&USERS);
    for report in reports {
        for arm in &report.arms {
            let users = SampleValue::Whole(arm.sums.counts.users);
            family.sample(&labels(report, None), &[arm.name], users);
        }
    }
    let mut family = page.family(&RATE);
    for report in reports {
        for arm in &report.arms {
            if let Some(rate) = arm.findings.rate {
                family.sample(&labels(report, None), &[arm.name], SampleValue::Float(rate));
            }
        }
    }
    let mut family = page.family(&DIFFERENCE);
    for report in reports {
        for one in &report.comparisons {
            let Some(difference) = one.comparison.difference else {
                continue;
            };
            let labels = labels(report, Some(one.name));
            for (bound, value) in [
                ("estimate", difference.estimate),
                ("lower", difference.bounds.lower),
                ("upper", difference.bounds.upper),
            ] {
                family.sample(&labels, &[bound], SampleValue::Float(value));
            }
        }
    }
    let mut family = page.family(&VERDICT);
    for report in reports {
        for one in &report.comparisons {
            let labels = labels(report, Some(one.name));
            for verdict in Verdict::ALL {
                let is_it = SampleValue::Flag(verdict == one.comparison.verdict);
                family.sample(&labels, &[verdict.as_str()], is_it);
            }
        }
    }
    let mut family = page.family(&MISMATCH);
    for report in reports {
        if let Some(split) = report.split {
            let is_mismatch = SampleValue::Flag(split.is_mismatch);
            family.sample(&labels(report, None), &[], is_mismatch);
        }
    }
}

/// The labels of an experiment, with the variant that is compared if there are several.
fn labels(report: &ExperimentReport<'_>, compared: Option<&str>) -> EntityLabels {
    let name = ("experiment", report.experiment.name.as_str());
    match compared.filter(|_| report.comparisons.len() > 1) {
        Some(variant) => EntityLabels::new(&[name, ("variant", variant)]),
        None => EntityLabels::new(&[name]),
    }
}
