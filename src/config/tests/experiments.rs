//! `trackers.experiments`: what is read, and the error of each mistake.

use super::*;
use crate::domain::experiment::{ExperimentMetric, ExperimentSplit};

/// Two versions of a journey; the first one has two variants.
const JOURNEYS: &str = "journeys: [{name: booking, steps: [date, time], variants: [A, B], idle_timeout: 10m}, \
                        {name: booking, version: 2, steps: [date], idle_timeout: 1h}]";

/// The keys of a complete experiment after its name and journey.
const VARIANTS: &str = "variants: [A, B], ";
const REST: &str = "metric: reply, smallest_effect: 5%";

fn yaml(experiments: &str) -> String {
    format!("trackers: {{{JOURNEYS}, experiments: [{experiments}]}}")
}

/// The errors of an experiment of the declared journey.
fn errors_of(rest: &str) -> String {
    let place = "trackers.experiments[0].";
    let errors = errors(&yaml(&format!("{{name: x, journey: booking, {rest}}}")));
    let lines = errors.lines().map(|line| {
        let line = line.strip_prefix(place);
        line.unwrap_or_else(|| panic!("{errors}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn variants_have_equal_shares_and_usual_probabilities_by_default() {
    let text = format!("{{name: short, journey: booking, {VARIANTS}{REST}}}");
    let config = good(&yaml(&text), environment());
    let experiment = config.trackers.experiments.find("short").expect("declared");
    let names: Vec<&str> = experiment
        .arms
        .iter()
        .map(|arm| arm.name.as_str())
        .collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(experiment.metric, ExperimentMetric::Reply);
    let ExperimentSplit::Planned(shares) = &experiment.split else {
        panic!("{:?}", experiment.split);
    };
    let shown = |share: &crate::domain::experiment::Share| share.to_string();
    assert_eq!(shares.iter().map(shown).collect::<Vec<_>>(), ["50%", "50%"]);
    let probabilities = [experiment.significance, experiment.power].map(|one| shown(&one));
    assert_eq!(probabilities, ["5%", "80%"]);
}

#[test]
fn two_versions_are_compared_without_a_planned_split() {
    let text = "{name: new, journey: booking, versions: ['1', '2'], metric: first_response, within: 10m, smallest_effect: \
                0.05}";
    let config = good(&yaml(text), environment());
    let experiment = &config.trackers.experiments.0[0];
    assert_eq!(experiment.split, ExperimentSplit::BeforeAfter);
    let versions = experiment.arms.iter();
    let versions: Vec<_> = versions
        .map(|arm| (arm.journey.version.as_str(), arm.variant.as_deref()))
        .collect();
    assert_eq!(versions, [("1", None), ("2", None)]);
    assert_eq!(experiment.smallest_effect.to_string(), "5%");
}

#[test]
fn a_mistake_in_what_is_compared_is_named() {
    for (compared, error) in [
        (
            "",
            "variants: is missing; give the variants to compare, or two versions",
        ),
        ("variants: [A], ", "variants: takes a list of 2 to 10 names"),
        ("variants: A, ", "variants: takes a list of 2 to 10 names"),
        (
            "variants: [A, C], ",
            "variants[1]: is not a declared variant of the journey; add it to the journey's variants",
        ),
        (
            "variants: [A, A], ",
            "variants[1]: is listed twice; remove one",
        ),
        (
            "version: 3, variants: [A, B], ",
            "version: is not a declared version of the journey; give one of trackers.journeys",
        ),
        (
            "variants: [A, B], versions: [1, 2], ",
            "versions: is given together with variants; remove one of the two",
        ),
        ("versions: [1], ", "versions: takes a list of 2 names"),
        (
            "versions: [1, 3], ",
            "versions[1]: is not a declared version of the journey; declare it in trackers.journeys",
        ),
        (
            "versions: [1, 2], version: 1, split: [50%, 50%], ",
            "split: has no meaning with versions; remove it\nversion: has no meaning with versions; remove it",
        ),
        (
            "variants: [A, B], split: [50%], ",
            "split: takes a list of 2 shares, one for each variant",
        ),
        (
            "variants: [A, B], split: [50%, 20%], ",
            "split: does not sum to 100%; give shares of the whole, such as [50%, 50%]",
        ),
        (
            "variants: [A, B], split: [0%, 100%], ",
            "split[0]: \"0%\" is out of range; give 5% to 95%\n\
             split[1]: \"100%\" is out of range; give 5% to 95%",
        ),
    ] {
        assert_eq!(errors_of(&format!("{compared}{REST}")), error, "{compared}");
    }
}

#[test]
fn a_mistake_in_the_metric_is_named() {
    for (metric, error) in [
        (
            "smallest_effect: 5%",
            "metric: is missing; give one of completion, step_answered, confusion, read, reply, opt_out, first_response",
        ),
        (
            "smallest_effect: 5%, metric: clicks",
            "metric: \"clicks\" is not known; give one of completion, step_answered, confusion, read, reply, opt_out, \
             first_response",
        ),
        (
            "smallest_effect: 5%, metric: step_answered",
            "step: is missing; give the step to be answered",
        ),
        (
            "smallest_effect: 5%, metric: confusion, step: place",
            "step: is not a step of the journey; give a declared step that each version has",
        ),
        (
            "smallest_effect: 5%, metric: reply, step: date, within: 1m",
            "step: has no meaning with reply; remove it\nwithin: has no meaning with reply; remove it",
        ),
        (
            "smallest_effect: 5%, metric: first_response",
            "within: is missing; give the time within which the business must respond, at most the journey's idle_timeout",
        ),
        (
            "smallest_effect: 5%, metric: first_response, within: 1h",
            "within: \"1h\" is out of range; give 1s to 10m (the longest is the journey's idle_timeout)",
        ),
        (
            "metric: reply",
            "smallest_effect: is missing; give a difference, such as 5%",
        ),
        (
            "metric: reply, smallest_effect: big",
            "smallest_effect: \"big\" is not a share; write it in percent, such as 5%, with at most 4 decimals",
        ),
        (
            "metric: reply, smallest_effect: 100%",
            "smallest_effect: \"100%\" is out of range; give 0.01% to 99%",
        ),
        (
            "metric: reply, smallest_effect: 5%, significance: 0.6, power: 40%",
            "power: \"40%\" is out of range; give 50% to 99.9%\nsignificance: \"0.6\" is out of range; give 0.01% to 50%",
        ),
    ] {
        assert_eq!(errors_of(&format!("{VARIANTS}{metric}")), error, "{metric}");
    }
}

#[test]
fn names_and_journeys_are_known_and_different() {
    let place = "trackers.experiments";
    let one = |name: &str, journey: &str| {
        format!("{{name: {name}, journey: {journey}, {VARIANTS}{REST}}}")
    };
    assert_eq!(
        errors(&yaml(&one("x", "order"))),
        format!(
            "{place}[0].journey: is not declared; give the name of a journey in trackers.journeys"
        )
    );
    let twice = format!("{0}, {0}", one("x", "booking"));
    assert_eq!(
        errors(&yaml(&twice)),
        format!("{place}[1].name: is declared twice; give it another name")
    );
    let many: Vec<String> = (0..51)
        .map(|number| one(&format!("x{number}"), "booking"))
        .collect();
    assert_eq!(
        errors(&yaml(&many.join(", "))),
        format!("{place}: has more than 50 experiments; remove some")
    );
    let misspelt =
        "{name: x, journey: booking, variants: [A, B], smalest_effect: 5%, metric: reply}";
    assert_eq!(
        errors(&yaml(misspelt)),
        format!(
            "{place}[0].smalest_effect: unknown key; did you mean `smallest_effect`?\n\
             {place}[0].smallest_effect: is missing; give a difference, such as 5%"
        )
    );
}
