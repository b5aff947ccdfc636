//! The journey, the campaigns and the experiment that the store tracks.

use std::time::Duration;

use whatsapp_business_exporter::domain::BusinessHours;
use whatsapp_business_exporter::domain::campaign::{CallbackData, Campaigns};
use whatsapp_business_exporter::domain::experiment::{
    Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Experiments, Share,
};
use whatsapp_business_exporter::domain::journey::{Journey, JourneyId, Journeys, Step};
use whatsapp_business_exporter::domain::track::Trackers;

pub(super) fn trackers() -> Trackers {
    let hours = BusinessHours::parse("Mon-Fri 09:00-18:00", "Europe/Berlin").expect("hours");
    Trackers {
        hours: Some(hours),
        journeys: Journeys(vec![Journey {
            id: booking(),
            steps: vec![Step::open("date"), Step::open("time")],
            goals: Vec::new(),
            variants: vec!["A".into(), "B".into()],
            idle_timeout: Duration::from_secs(60),
            loop_threshold: 2,
        }]),
        reads_messages: true,
        campaigns: campaigns(),
        experiments: experiments(),
    }
}

fn experiments() -> Experiments {
    let percent = |share: u32| Share::from_millionths(share * 10_000).expect("a share");
    let arm = |variant: &str| ExperimentArm {
        name: variant.into(),
        journey: booking(),
        variant: Some(variant.into()),
    };
    Experiments(vec![Experiment {
        name: "wording".into(),
        arms: vec![arm("A"), arm("B")],
        metric: ExperimentMetric::Completion,
        smallest_effect: percent(5),
        significance: percent(5),
        power: percent(80),
        expected_rate: percent(50),
        split: ExperimentSplit::Planned(vec![percent(50); 2]),
    }])
}

fn campaigns() -> Campaigns {
    let mut campaigns = Campaigns::default();
    for value in ["spring", "summer"] {
        campaigns.declare(CallbackData::new(value).expect("short"), value);
    }
    campaigns
}

pub(super) fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".into(),
        version: "1".into(),
    }
}
