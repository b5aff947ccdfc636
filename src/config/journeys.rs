//! `trackers.journeys`: the journeys whose steps are counted.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::SummaryLine;
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::journey::{FIRST_VERSION, Journey, JourneyId, Journeys, NO_VARIANT, OTHER};
use crate::yaml::Node;

/// Maximum number of journeys, because each step of each variant has about twenty series per number.
const MAX_JOURNEYS: usize = 50;
const MAX_STEPS: usize = 50;
const MAX_VARIANTS: usize = 10;

/// A conversation ends after a day of silence, and so does every session in it.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(86_400);

const THRESHOLDS: RangeInclusive<u32> = 2..=100;

const NAME: Setting = Setting::new("trackers.journeys[].name", "Name of the journey");

const VERSION: Setting = Setting::new(
    "trackers.journeys[].version",
    "Version of the journey, so that a changed journey is compared with its predecessor",
)
.default(FIRST_VERSION);

const STEPS: Setting = Setting::new(
    "trackers.journeys[].steps",
    "Steps of the journey, as a list; any other step is counted as `other`",
);

const VARIANTS: Setting = Setting::new(
    "trackers.journeys[].variants",
    "Variants of the journey (A/B test), as a list; any other variant is counted as `other`",
);

const IDLE_TIMEOUT: Setting = Setting::new(
    "trackers.journeys[].idle_timeout",
    "Time without an event after which a session counts as abandoned",
)
.default("30m");

const LOOP_THRESHOLD: Setting = Setting::new(
    "trackers.journeys[].loop_threshold",
    "Number of entries of a step in one session that count as a loop",
)
.default("3");

/// Reads all journeys.
pub(super) fn read(walker: &mut Walker<'_>) -> Journeys {
    for setting in [NAME, VERSION, STEPS, VARIANTS, IDLE_TIMEOUT, LOOP_THRESHOLD] {
        walker.note(&setting);
    }
    // The check of the file's structure rejects anything but a list of maps.
    let Some(Node::List(items)) = walker.node("trackers.journeys") else {
        return Journeys::default();
    };
    if items.len() > MAX_JOURNEYS {
        let message = format!("has more than {MAX_JOURNEYS} journeys; remove some");
        walker.error("trackers.journeys", message);
    }
    let mut known = BTreeSet::new();
    let mut journeys = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let reader = JourneyReader {
            walker,
            item,
            index,
        };
        let Some(journey) = reader.journey() else {
            continue;
        };
        if !known.insert(journey.id.clone()) {
            let message = "is declared twice; give it another version";
            walker.error(NAME.key_of_item(index), message);
        }
        journeys.push(journey);
    }
    Journeys(journeys)
}

/// The journeys' part of the summary.
pub(super) fn lines(journeys: &Journeys) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    for (index, journey) in journeys.0.iter().enumerate() {
        for (setting, value) in [
            (NAME, journey.id.journey.clone()),
            (VERSION, journey.id.version.clone()),
            (STEPS, journey.steps.join(", ")),
            (VARIANTS, journey.variants.join(", ")),
            (IDLE_TIMEOUT, value::duration_text(journey.idle_timeout)),
            (LOOP_THRESHOLD, journey.loop_threshold.to_string()),
        ] {
            lines.push(SummaryLine::new(setting.key_of_item(index), value));
        }
    }
    lines
}

struct JourneyReader<'w, 'a> {
    walker: &'w mut Walker<'a>,
    item: &'a Node,
    index: usize,
}

impl JourneyReader<'_, '_> {
    fn journey(mut self) -> Option<Journey> {
        let Node::Map(_) = self.item else {
            return None;
        };
        if self.item.get(NAME.name()).is_none() {
            let message = "is missing; give the journey a name";
            self.walker.error(NAME.key_of_item(self.index), message);
            return None;
        }
        Some(Journey {
            id: JourneyId {
                journey: self.value(&NAME, name)?,
                version: self.value(&VERSION, name)?,
            },
            steps: self.names(&STEPS, 1..=MAX_STEPS),
            variants: self.names(&VARIANTS, 0..=MAX_VARIANTS),
            idle_timeout: self.value(&IDLE_TIMEOUT, |text| value::duration(text, &TIMEOUTS))?,
            loop_threshold: self.value(&LOOP_THRESHOLD, |text| value::number(text, &THRESHOLDS))?,
        })
    }

    fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let place = setting.key_of_item(self.index);
        let text = match self.item.get(setting.name()) {
            Some(node) => self.walker.node_text(&place, node)?,
            None => setting.default.unwrap_or_default(),
        };
        parse(text)
            .map_err(|message| self.walker.error(place, message))
            .ok()
    }

    fn names(&mut self, setting: &Setting, count: RangeInclusive<usize>) -> Vec<String> {
        let place = setting.key_of_item(self.index);
        let items: &[Node] = match self.item.get(setting.name()) {
            Some(Node::List(items)) => items,
            None => &[],
            Some(_) => {
                self.walker.error(place, "takes a list of names");
                return Vec::new();
            }
        };
        if !count.contains(&items.len()) {
            let (least, most) = (count.start(), count.end());
            let message = format!("takes a list of {least} to {most} names");
            self.walker.error(place, message);
            return Vec::new();
        }
        let mut names: Vec<String> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let Some(text) = self.walker.node_text(&place, item) else {
                continue;
            };
            match name(text) {
                Ok(name) if names.contains(&name) => {
                    self.walker.error(place, "is listed twice; remove one");
                }
                Ok(name) => names.push(name),
                Err(message) => self.walker.error(place, message),
            }
        }
        names
    }
}

/// A name that is not reserved.
fn name(text: &str) -> Result<String, String> {
    if text == OTHER || text == NO_VARIANT {
        return Err(format!(
            "is reserved (`{OTHER}` and `{NO_VARIANT}` have a special meaning); choose another name"
        ));
    }
    value::name(text)
}
