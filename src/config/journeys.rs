//! `trackers.journeys`: the journeys whose steps are counted.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::item_reader::{ItemList, ItemReader};
use super::section::SummaryLine;
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::journey::{
    FIRST_VERSION, Journey, JourneyId, Journeys, MAX_JOURNEYS, MAX_STEPS, NO_VARIANT, OTHER,
    ReplyPattern, Step,
};
use crate::yaml::Node;

const MAX_VARIANTS: usize = 10;

/// Maximum number of answers of a step, and of goals. Each answer is a series for each variant.
const MAX_REPLIES: usize = 20;

/// Keys of a step that declares its answers.
const STEP_NAME: &str = "name";
const STEP_ANSWERS: &str = "answers";

const TWICE: &str = "is listed twice; remove one";

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
    "Steps of the journey, as a list of names, or of mappings with the keys name and answers; any other step is counted \
     as `other`",
);

const GOALS: Setting = Setting::new(
    "trackers.journeys[].goals",
    "Ids of the replies that reach the goal, such as that of a button, as a list; a trailing * stands for any text",
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
    for setting in [
        NAME,
        VERSION,
        STEPS,
        GOALS,
        VARIANTS,
        IDLE_TIMEOUT,
        LOOP_THRESHOLD,
    ] {
        walker.note(&setting);
    }
    let list = ItemList {
        key: "trackers.journeys",
        most: MAX_JOURNEYS,
        id: &NAME,
        twice: "is declared twice; give it another version",
    };
    let read = |own: ItemReader<'_, '_>| JourneyReader { own }.journey();
    Journeys(list.read(walker, read, |one| one.id.clone()))
}

/// The journeys' part of the summary.
pub(super) fn lines(journeys: &Journeys) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    for (index, journey) in journeys.0.iter().enumerate() {
        for (setting, value) in [
            (NAME, journey.id.journey.clone()),
            (VERSION, journey.id.version.clone()),
            (STEPS, shown_steps(&journey.steps)),
            (GOALS, shown_replies(&journey.goals)),
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
    own: ItemReader<'w, 'a>,
}

impl<'a> JourneyReader<'_, 'a> {
    fn journey(mut self) -> Option<Journey> {
        let name_of_journey = self.own.required(&NAME, "give the journey a name", name)?;
        Some(Journey {
            id: JourneyId {
                journey: name_of_journey,
                version: self.own.value(&VERSION, name)?,
            },
            steps: self.steps(),
            goals: self.goals(),
            variants: self.names(&VARIANTS, 0..=MAX_VARIANTS),
            idle_timeout: self
                .own
                .value(&IDLE_TIMEOUT, |text| value::duration(text, &TIMEOUTS))?,
            loop_threshold: self
                .own
                .value(&LOOP_THRESHOLD, |text| value::number(text, &THRESHOLDS))?,
        })
    }

    fn steps(&mut self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (place, item) in self.items(&STEPS, "names", 1..=MAX_STEPS) {
            let Some(step) = self.step(&place, item) else {
                continue;
            };
            if steps.iter().any(|known| known.name == step.name) {
                self.own.walker.error(place, TWICE);
            } else {
                steps.push(step);
            }
        }
        steps
    }

    /// A step as its name, or as a mapping with its answers.
    fn step(&mut self, place: &str, item: &'a Node) -> Option<Step> {
        let Node::Map(entries) = item else {
            return self.named(place, item).map(|name| Step::open(&name));
        };
        let known = [STEP_NAME, STEP_ANSWERS];
        self.own.walker.refuse_other_keys(place, entries, &known);
        let Some(named) = item.get(STEP_NAME) else {
            let message = "has no name; give the step a name";
            self.own.walker.error(place, message);
            return None;
        };
        let name = self.named(&format!("{place}.{STEP_NAME}"), named)?;
        let answers = match item.get(STEP_ANSWERS) {
            Some(answers) => self.replies(&format!("{place}.{STEP_ANSWERS}"), answers),
            None => Vec::new(),
        };
        Some(Step { name, answers })
    }

    fn goals(&mut self) -> Vec<ReplyPattern> {
        match self.own.get(&GOALS) {
            Some(goals) => self.replies(&self.own.place(&GOALS), goals),
            None => Vec::new(),
        }
    }

    fn replies(&mut self, place: &str, node: &'a Node) -> Vec<ReplyPattern> {
        let mut replies: Vec<ReplyPattern> = Vec::new();
        for (place, item) in self.list(place, Some(node), "ids of replies", 1..=MAX_REPLIES) {
            let Some(text) = self.own.walker.node_text(&place, item) else {
                continue;
            };
            let pattern = name(text).and_then(|text| {
                let wrong =
                    "has a * before its end; write the beginning of the ids, and one * after it";
                ReplyPattern::new(&text).ok_or_else(|| wrong.to_owned())
            });
            match pattern {
                Ok(pattern) if replies.contains(&pattern) => self.own.walker.error(place, TWICE),
                Ok(pattern) => replies.push(pattern),
                Err(message) => self.own.walker.error(place, message),
            }
        }
        replies
    }

    fn names(&mut self, setting: &Setting, count: RangeInclusive<usize>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (place, item) in self.items(setting, "names", count) {
            match self.named(&place, item) {
                Some(name) if names.contains(&name) => self.own.walker.error(place, TWICE),
                Some(name) => names.push(name),
                None => {}
            }
        }
        names
    }

    fn named(&mut self, place: &str, item: &'a Node) -> Option<String> {
        let text = self.own.walker.node_text(place, item)?;
        name(text)
            .map_err(|message| self.own.walker.error(place, message))
            .ok()
    }

    fn items(
        &mut self,
        setting: &Setting,
        what: &str,
        count: RangeInclusive<usize>,
    ) -> Vec<(String, &'a Node)> {
        let place = self.own.place(setting);
        self.list(&place, self.own.get(setting), what, count)
    }

    /// The items of a list with their places.
    fn list(
        &mut self,
        place: &str,
        node: Option<&'a Node>,
        what: &str,
        count: RangeInclusive<usize>,
    ) -> Vec<(String, &'a Node)> {
        let items: &[Node] = match node {
            Some(Node::List(items)) => items,
            None => &[],
            Some(_) => {
                self.own
                    .walker
                    .error(place, format!("takes a list of {what}"));
                return Vec::new();
            }
        };
        if !count.contains(&items.len()) {
            let (least, most) = (count.start(), count.end());
            let message = format!("takes a list of {least} to {most} {what}");
            self.own.walker.error(place, message);
            return Vec::new();
        }
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| (format!("{place}[{index}]"), item))
            .collect()
    }
}

/// The steps for the summary, with the answers of those that declare some.
fn shown_steps(steps: &[Step]) -> String {
    let shown = steps.iter().map(|step| match &*step.answers {
        [] => step.name.clone(),
        answers => format!("{} ({})", step.name, shown_replies(answers)),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn shown_replies(replies: &[ReplyPattern]) -> String {
    let texts: Vec<&str> = replies.iter().map(ReplyPattern::as_str).collect();
    texts.join(", ")
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
