//! `trackers.experiments`: comparisons of variants or versions of a declared journey.

mod reader;
mod settings;

use super::item_reader::{ItemList, ItemReader};
use super::kind::NOT_SET;
use super::section::SummaryLine;
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::experiment::{
    Experiment, ExperimentMetric, ExperimentSplit, Experiments, MAX_EXPERIMENTS, Share,
};
use crate::domain::journey::Journeys;
use reader::ExperimentReader;
use settings::{
    EXPECTED_RATE, JOURNEY, METRIC, NAME, POWER, SETTINGS, SIGNIFICANCE, SMALLEST_EFFECT, SPLIT,
    STEP, VARIANTS, VERSION, VERSIONS, WITHIN,
};

/// Reads all experiments.
pub(super) fn read(walker: &mut Walker<'_>, journeys: &Journeys) -> Experiments {
    SETTINGS.iter().for_each(|setting| walker.note(setting));
    let list = ItemList {
        key: "trackers.experiments",
        most: MAX_EXPERIMENTS,
        id: &NAME,
        twice: "is declared twice; give it another name",
    };
    let read = |own: ItemReader<'_, '_>| ExperimentReader { own, journeys }.experiment();
    Experiments(list.read(walker, read, |one| one.name.clone()))
}

/// The experiments' part of the summary.
pub(super) fn lines(experiments: &Experiments) -> Vec<SummaryLine> {
    let experiments = experiments.0.iter().enumerate();
    let lines = experiments.flat_map(|(index, experiment)| {
        let shown = shown(experiment).into_iter();
        shown.map(move |(setting, value)| SummaryLine::new(setting.key_of_item(index), value))
    });
    lines.collect()
}

/// Every key of the experiment, so that the summary shows which ones are not given.
fn shown(experiment: &Experiment) -> [(Setting, String); 13] {
    let names = experiment.arms.iter().map(|arm| arm.name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    let first = experiment.arms.first().map(|arm| &arm.journey);
    let (journey, version) = first.map_or(("", ""), |id| (&id.journey, &id.version));
    let none = || NOT_SET.to_owned();
    let (version, variants, versions, split) = match &experiment.split {
        ExperimentSplit::Planned(shares) => {
            let shares = shares.iter().map(Share::to_string);
            let shares = shares.collect::<Vec<_>>().join(", ");
            (version.to_owned(), names, none(), shares)
        }
        ExperimentSplit::BeforeAfter => (none(), none(), names, none()),
    };
    let (step, within) = match &experiment.metric {
        ExperimentMetric::StepAnswered(step) | ExperimentMetric::Confusion(Some(step)) => {
            (step.clone(), none())
        }
        ExperimentMetric::FirstResponse(within) => (none(), value::duration_text(*within)),
        ExperimentMetric::Completion
        | ExperimentMetric::Confusion(None)
        | ExperimentMetric::Read
        | ExperimentMetric::Reply
        | ExperimentMetric::OptOut => (none(), none()),
    };
    [
        (NAME, experiment.name.clone()),
        (JOURNEY, journey.to_owned()),
        (VERSION, version),
        (VARIANTS, variants),
        (VERSIONS, versions),
        (METRIC, experiment.metric.as_str().to_owned()),
        (STEP, step),
        (WITHIN, within),
        (SMALLEST_EFFECT, experiment.smallest_effect.to_string()),
        (SIGNIFICANCE, experiment.significance.to_string()),
        (POWER, experiment.power.to_string()),
        (EXPECTED_RATE, experiment.expected_rate.to_string()),
        (SPLIT, split),
    ]
}
