//! Reads one experiment, and reports every error in it.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::settings::{
    EXPECTED_RATE, JOURNEY, METRIC, NAME, POWER, SIGNIFICANCE, SMALLEST_EFFECT, SPLIT, STEP,
    VARIANTS, VERSION, VERSIONS, WITHIN,
};
use crate::config::error::quoted;
use crate::config::item_reader::ItemReader;
use crate::config::setting::Setting;
use crate::config::share::share;
use crate::config::value;
use crate::domain::experiment::{
    ARMS, Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Share,
};
use crate::domain::journey::{Journey, JourneyId, Journeys};
use crate::yaml::Node;

/// Ranges in parts per million, those of the statistics: 0.01% to 99%, 0.01% to 50%, and 50% to 99.9%.
const EFFECTS: RangeInclusive<u32> = 100..=990_000;

const SIGNIFICANCES: RangeInclusive<u32> = 100..=500_000;

const POWERS: RangeInclusive<u32> = 500_000..=999_000;

const EXPECTED_RATES: RangeInclusive<u32> = 100..=999_900;

/// Shares of users: 5% to 95%. With a smaller share, a comparison takes too many users, and with rare successes more
/// verdicts than `significance` would be wrong.
const PARTS: RangeInclusive<u32> = 50_000..=950_000;

/// Reads one experiment.
pub(super) struct ExperimentReader<'w, 'a> {
    pub own: ItemReader<'w, 'a>,
    pub journeys: &'w Journeys,
}

impl<'a> ExperimentReader<'_, 'a> {
    pub fn experiment(mut self) -> Option<Experiment> {
        let name = self
            .own
            .required(&NAME, "give the experiment a name", value::name);
        let arms = self.arms();
        let metric = self.metric(arms.as_deref());
        let effect = self
            .own
            .required(&SMALLEST_EFFECT, "give a difference, such as 5%", |text| {
                share(text, &EFFECTS)
            });
        let significance = self
            .own
            .value(&SIGNIFICANCE, |text| share(text, &SIGNIFICANCES));
        let power = self.own.value(&POWER, |text| share(text, &POWERS));
        let expected = self
            .own
            .value(&EXPECTED_RATE, |text| share(text, &EXPECTED_RATES));
        let split = self.split(arms.as_deref());
        Some(Experiment {
            name: name?,
            arms: arms?,
            metric: metric?,
            smallest_effect: effect?,
            significance: significance?,
            power: power?,
            expected_rate: expected?,
            split: split?,
        })
    }

    /// The variants of one version, or two versions with any variant.
    fn arms(&mut self) -> Option<Vec<ExperimentArm>> {
        let journey =
            self.own
                .required(&JOURNEY, "give the name of a declared journey", value::name)?;
        let known = self.journeys.0.iter();
        let of_name: Vec<&Journey> = known.filter(|one| one.id.journey == journey).collect();
        if of_name.is_empty() {
            let message = "is not declared; give the name of a journey in trackers.journeys";
            self.own.error(&JOURNEY, message);
            return None;
        }
        match (self.has(&VARIANTS), self.has(&VERSIONS)) {
            (true, true) => {
                let message = "is given together with variants; remove one of the two";
                self.own.error(&VERSIONS, message);
                None
            }
            (false, false) => {
                let message = "is missing; give the variants to compare, or two versions";
                self.own.error(&VARIANTS, message);
                None
            }
            (true, false) => self.variants(&of_name),
            (false, true) => self.versions(&of_name),
        }
    }

    fn variants(&mut self, of_name: &[&Journey]) -> Option<Vec<ExperimentArm>> {
        let version = self.own.value(&VERSION, value::name)?;
        let Some(journey) = of_name.iter().find(|one| one.id.version == version) else {
            let message = "is not a declared version of the journey; give one of trackers.journeys";
            self.own.error(&VERSION, message);
            return None;
        };
        let is_known = |variant: &str| journey.variants.iter().any(|known| known == variant);
        let wrong = "is not a declared variant of the journey; add it to the journey's variants";
        let names = self.names(&VARIANTS, &ARMS, is_known, wrong)?;
        let arm = |name: String| ExperimentArm {
            variant: Some(name.clone()),
            journey: journey.id.clone(),
            name,
        };
        Some(names.into_iter().map(arm).collect())
    }

    fn versions(&mut self, of_name: &[&Journey]) -> Option<Vec<ExperimentArm>> {
        for setting in [VERSION, SPLIT] {
            if self.has(&setting) {
                let message = "has no meaning with versions; remove it";
                self.own.error(&setting, message);
            }
        }
        let is_known = |version: &str| of_name.iter().any(|one| one.id.version == version);
        let wrong = "is not a declared version of the journey; declare it in trackers.journeys";
        let names = self.names(&VERSIONS, &(2..=2), is_known, wrong)?;
        let journey = of_name.first()?.id.journey.clone();
        let arm = |name: String| ExperimentArm {
            journey: JourneyId {
                journey: journey.clone(),
                version: name.clone(),
            },
            variant: None,
            name,
        };
        Some(names.into_iter().map(arm).collect())
    }

    fn metric(&mut self, arms: Option<&[ExperimentArm]>) -> Option<ExperimentMetric> {
        let known = format!("give one of {}", ExperimentMetric::NAMES.join(", "));
        let name = self.own.required(&METRIC, &known, |text| {
            let found = ExperimentMetric::NAMES.iter().find(|name| **name == text);
            let wrong = || format!("{} is not known; {known}", quoted(text));
            found.copied().ok_or_else(wrong)
        })?;
        let takes_step = matches!(name, "step_answered" | "confusion");
        let takes_within = name == "first_response";
        for (setting, is_taken) in [(STEP, takes_step), (WITHIN, takes_within)] {
            if self.has(&setting) && !is_taken {
                self.own
                    .error(&setting, format!("has no meaning with {name}; remove it"));
            }
        }
        Some(match name {
            "completion" => ExperimentMetric::Completion,
            "step_answered" => {
                let step = self
                    .own
                    .required(&STEP, "give the step to be answered", value::name)?;
                ExperimentMetric::StepAnswered(self.known_step(step, arms?)?)
            }
            "confusion" => {
                let step = self.has(&STEP).then(|| self.own.value(&STEP, value::name));
                let step = match step {
                    Some(step) => Some(self.known_step(step?, arms?)?),
                    None => None,
                };
                ExperimentMetric::Confusion(step)
            }
            "read" => ExperimentMetric::Read,
            "reply" => ExperimentMetric::Reply,
            "opt_out" => ExperimentMetric::OptOut,
            _ => ExperimentMetric::FirstResponse(self.within(arms?)?),
        })
    }

    /// A step that every version has.
    fn known_step(&mut self, step: String, arms: &[ExperimentArm]) -> Option<String> {
        let journeys = self.journeys;
        let has_step = |arm: &ExperimentArm| journeys.find_step(&arm.journey, &step).is_some();
        if arms.iter().all(has_step) {
            return Some(step);
        }
        let message = "is not a step of the journey; give a declared step that each version has";
        self.own.error(&STEP, message);
        None
    }

    /// A session ends after the idle timeout, and a later response would not be seen.
    fn within(&mut self, arms: &[ExperimentArm]) -> Option<Duration> {
        let timeouts = arms
            .iter()
            .map(|arm| self.journeys.idle_timeout(&arm.journey));
        let range = Duration::from_secs(1)..=timeouts.min()?;
        self.own.required(
            &WITHIN,
            "give the time within which the business must respond, at most the journey's idle_timeout",
            |text| {
                let wrong = |why| format!("{why} (the longest is the journey's idle_timeout)");
                value::duration(text, &range).map_err(wrong)
            },
        )
    }

    fn split(&mut self, arms: Option<&[ExperimentArm]>) -> Option<ExperimentSplit> {
        let arms = arms?;
        if self.has(&VERSIONS) {
            return Some(ExperimentSplit::BeforeAfter);
        }
        if !self.has(&SPLIT) {
            let equal = Share::from_millionths(1_000_000 / u32::try_from(arms.len()).ok()?)?;
            return Some(ExperimentSplit::Planned(vec![equal; arms.len()]));
        }
        let wrong = format!(
            "takes a list of {} shares, one for each variant",
            arms.len()
        );
        let items = self.items(&SPLIT, &(arms.len()..=arms.len()), &wrong)?;
        let mut shares = Vec::new();
        for (place, item) in items {
            let text = self.own.walker.node_text(&place, item)?;
            match share(text, &PARTS) {
                Ok(share) => shares.push(share),
                Err(message) => self.own.walker.error(place, message),
            }
        }
        let sum: u32 = shares.iter().map(|share| share.millionths()).sum();
        // Thirds that are rounded to the last digit are shares of the whole.
        if shares.len() == arms.len() && sum.abs_diff(1_000_000) > 10_000 {
            self.own.error(
                &SPLIT,
                "does not sum to 100%; give shares of the whole, such as [50%, 50%]",
            );
            return None;
        }
        (shares.len() == arms.len()).then_some(ExperimentSplit::Planned(shares))
    }

    fn has(&self, setting: &Setting) -> bool {
        self.own.get(setting).is_some()
    }

    /// Different known names.
    fn names(
        &mut self,
        setting: &Setting,
        count: &RangeInclusive<usize>,
        is_known: impl Fn(&str) -> bool,
        unknown: &str,
    ) -> Option<Vec<String>> {
        let what = match (count.start(), count.end()) {
            (least, most) if least == most => format!("takes a list of {least} names"),
            (least, most) => format!("takes a list of {least} to {most} names"),
        };
        let items = self.items(setting, count, &what)?;
        let asked = items.len();
        let mut names: Vec<String> = Vec::new();
        for (place, item) in items {
            let name = self.own.walker.node_text(&place, item)?;
            if !is_known(name) {
                self.own.walker.error(place, unknown);
            } else if names.iter().any(|known| known == name) {
                self.own.walker.error(place, "is listed twice; remove one");
            } else {
                names.push(name.to_owned());
            }
        }
        (names.len() == asked).then_some(names)
    }

    fn items(
        &mut self,
        setting: &Setting,
        count: &RangeInclusive<usize>,
        wrong: &str,
    ) -> Option<Vec<(String, &'a Node)>> {
        let place = self.own.place(setting);
        match self.own.get(setting) {
            Some(Node::List(items)) if count.contains(&items.len()) => {
                let items = items.iter().enumerate();
                let named = items.map(|(index, item)| (format!("{place}[{index}]"), item));
                Some(named.collect())
            }
            _ => {
                self.own.walker.error(place, wrong);
                None
            }
        }
    }
}
