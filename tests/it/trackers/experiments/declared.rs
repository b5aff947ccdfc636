//! The journey and the experiments that the tests declare.

use std::time::Duration;

use whatsapp_business_exporter::domain::experiment::{
    Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Share,
};
use whatsapp_business_exporter::domain::journey::{Journey, JourneyId, ReplyPattern, Step};

use super::{IDLE, VARIANTS};

pub(super) fn journey(version: &str) -> Journey {
    let pattern = |text: &str| ReplyPattern::new(text).expect("a pattern");
    Journey {
        id: JourneyId {
            journey: "booking".to_owned(),
            version: version.to_owned(),
        },
        steps: vec![
            Step {
                name: "date".to_owned(),
                answers: vec![pattern("monday"), pattern("yes")],
            },
            Step::open("guests"),
        ],
        goals: vec![pattern("yes")],
        variants: VARIANTS.map(str::to_owned).to_vec(),
        idle_timeout: Duration::from_secs(IDLE.unsigned_abs()),
        loop_threshold: 3,
    }
}

fn percent(share: u32) -> Share {
    Share::from_millionths(share * 10_000).expect("a share")
}

/// An experiment of the first variants of version 1.
pub(super) fn experiment(name: &str, metric: ExperimentMetric, variants: usize) -> Experiment {
    let arm = |variant: &&str| ExperimentArm {
        name: (*variant).to_owned(),
        journey: journey("1").id,
        variant: Some((*variant).to_owned()),
    };
    Experiment {
        name: name.to_owned(),
        arms: VARIANTS[..variants].iter().map(arm).collect(),
        metric,
        smallest_effect: percent(10),
        significance: percent(5),
        power: percent(80),
        expected_rate: percent(50),
        split: ExperimentSplit::Planned(vec![percent(30); variants]),
    }
}

/// One experiment for each metric.
pub(super) fn one_of_each() -> Vec<Experiment> {
    let within = Duration::from_secs(60);
    let metrics = [
        ExperimentMetric::Completion,
        ExperimentMetric::StepAnswered("date".to_owned()),
        ExperimentMetric::Confusion(None),
        ExperimentMetric::Read,
        ExperimentMetric::Reply,
        ExperimentMetric::OptOut,
        ExperimentMetric::FirstResponse(within),
    ];
    let declared = metrics.map(|metric| experiment(metric.as_str(), metric, 2));
    declared.to_vec()
}
