//! Renders past values as OpenMetrics text, as scrapes of `/metrics` would have shown them.
//!
//! The values are computed from the journal's steps, with one sample per tick of a grid. Of a state set, only states
//! that were active at some time are written; the others would always be 0.

mod insights;

use std::io;
use std::time::Duration;

pub use insights::{PastInsights, PastNumber, PastTemplate};

use super::metric::Metric;
use super::page::{EntityLabels, Family, Page, SampleValue, TextFormat};
use super::{account, number, template};
use crate::domain::{
    Attribute, MessagingLimit, QualityRating, StateSets, Timestamp, Word, account as of_account,
    number as of_number, template as of_template,
};

/// The values of one attribute of one entity over time.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The kind of entity, as in the journal.
    pub entity: String,
    /// The attribute, as in the journal.
    pub attribute: String,
    /// The labels of its series.
    pub labels: EntityLabels,
    /// Times of changes with the new values, oldest first.
    pub steps: Vec<(Timestamp, String)>,
}

/// The range of a query, and its resolution.
#[derive(Clone, Copy, Debug)]
pub struct TimeRange {
    /// First time of the range.
    pub since: Timestamp,
    /// End of the range, exclusive.
    pub until: Timestamp,
    /// Interval between samples.
    pub step: Duration,
}

/// How an attribute's values become samples.
#[derive(Clone, Copy)]
enum Form {
    /// One series per state, 1 for the active one.
    States,
    /// Only the series of the active state.
    PresentState,
    /// A quality rating as a number.
    Score,
    /// A messaging limit as a number.
    Limit,
    /// `true` is 1.
    Flag,
    /// Time of the change to the current value.
    Since,
}

type PastFamily = (&'static str, Attribute, &'static Metric, Form);

const NUMBER: &str = "phone_number";
const TEMPLATE: &str = "template";
const ACCOUNT: &str = "account";

/// Every family that can be rendered from the journal.
#[rustfmt::skip] // a table reads best as one
static FAMILIES: &[PastFamily] = &[
    (NUMBER, of_number::ATTRIBUTES.quality_rating, &number::QUALITY_RATING, Form::States),
    (NUMBER, of_number::ATTRIBUTES.quality_rating, &number::QUALITY_SCORE, Form::Score),
    (NUMBER, of_number::ATTRIBUTES.quality_rating, &number::QUALITY_CHANGED, Form::Since),
    (NUMBER, of_number::ATTRIBUTES.status, &number::STATUS, Form::States),
    (NUMBER, of_number::ATTRIBUTES.status, &number::STATUS_CHANGED, Form::Since),
    (NUMBER, of_number::ATTRIBUTES.flagged, &number::FLAGGED, Form::Flag),
    (NUMBER, of_number::ATTRIBUTES.messaging_limit, &number::MESSAGING_LIMIT, Form::Limit),
    (NUMBER, of_number::ATTRIBUTES.throughput_level, &number::THROUGHPUT_LEVEL, Form::States),
    (NUMBER, of_number::ATTRIBUTES.name_status, &number::NAME_STATUS, Form::States),
    (NUMBER, of_number::ATTRIBUTES.new_name_status, &number::NEW_NAME_STATUS, Form::PresentState),
    (NUMBER, of_number::ATTRIBUTES.code_verification_status, &number::CODE_VERIFICATION_STATUS, Form::States),
    (NUMBER, of_number::ATTRIBUTES.can_send_message, &number::CAN_SEND_MESSAGE, Form::States),
    (TEMPLATE, of_template::ATTRIBUTES.status, &template::STATUS, Form::PresentState),
    (TEMPLATE, of_template::ATTRIBUTES.status, &template::STATUS_CHANGED, Form::Since),
    (TEMPLATE, of_template::ATTRIBUTES.quality_rating, &template::QUALITY_RATING, Form::PresentState),
    (TEMPLATE, of_template::ATTRIBUTES.quality_rating, &template::QUALITY_SCORE, Form::Score),
    (TEMPLATE, of_template::ATTRIBUTES.category, &template::CATEGORY, Form::PresentState),
    (ACCOUNT, of_account::ATTRIBUTES.status, &account::STATUS, Form::States),
    (ACCOUNT, of_account::ATTRIBUTES.review_status, &account::REVIEW_STATUS, Form::States),
    (ACCOUNT, of_account::ATTRIBUTES.business_verification_status, &account::BUSINESS_VERIFICATION_STATUS, Form::States),
    (ACCOUNT, of_account::ATTRIBUTES.can_send_message, &account::CAN_SEND_MESSAGE, Form::States),
    (ACCOUNT, of_account::ATTRIBUTES.marketing_disabled, &account::MARKETING_DISABLED, Form::Flag),
    (ACCOUNT, of_account::ATTRIBUTES.messaging_limit, &account::MESSAGING_LIMIT, Form::Limit),
    (ACCOUNT, of_account::BAN_STATE, &account::BAN_STATE, Form::States),
];

/// Writes the timelines and the daily figures within the range, in pieces.
///
/// # Errors
/// The errors of `sink`. Nothing is written after the first.
pub fn write(
    timelines: &[Timeline],
    past: &PastInsights,
    window: TimeRange,
    mut sink: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let mut page = Page::new(TextFormat::OpenMetrics, StateSets::Full);
    for (entity, attribute, metric, form) in FAMILIES {
        let mut family = page.family(metric);
        let selected = timelines
            .iter()
            .filter(|line| line.entity == *entity && line.attribute == attribute.name);
        for timeline in selected {
            write_timeline(&mut family, timeline, *form, window);
            sink(&family.take())?;
        }
    }
    insights::write(&mut page, past, window, &mut sink)?;
    sink(&page.finish())
}

fn write_timeline(family: &mut Family<'_>, timeline: &Timeline, form: Form, window: TimeRange) {
    match form {
        Form::States => {
            for state in words_of(timeline) {
                write_series(family, timeline, &[state], window, |_, present| {
                    Some(SampleValue::Flag(present == state))
                });
            }
        }
        Form::PresentState => {
            for state in words_of(timeline) {
                write_series(family, timeline, &[state], window, |_, present| {
                    (present == state).then_some(SampleValue::Whole(1))
                });
            }
        }
        Form::Score => write_series(family, timeline, &[], window, |_, rating| {
            let score = QualityRating::parse(rating).score();
            score.map(|score| SampleValue::Whole(score.into()))
        }),
        Form::Limit => write_series(family, timeline, &[], window, |_, limit| {
            let limit = MessagingLimit::parse(limit).ok().flatten();
            limit.map(|limit| SampleValue::Float(limit.as_f64()))
        }),
        Form::Flag => write_series(family, timeline, &[], window, |_, flag| {
            Some(SampleValue::Flag(flag == "true"))
        }),
        Form::Since => write_series(family, timeline, &[], window, |since, _| {
            Some(SampleValue::Time(since))
        }),
    }
}

/// The states that were active at some time, each once.
fn words_of(timeline: &Timeline) -> Vec<&str> {
    let mut words: Vec<&str> = timeline.steps.iter().map(|(_, to)| to.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// One sample for each tick that has a value. `value` is called with the step in force.
fn write_series(
    family: &mut Family<'_>,
    timeline: &Timeline,
    labels: &[&str],
    window: TimeRange,
    value: impl Fn(Timestamp, &str) -> Option<SampleValue>,
) {
    let mut steps = timeline.steps.iter().peekable();
    let mut in_force = None;
    let mut tick = window.since;
    while tick < window.until {
        while let Some(step) = steps.next_if(|(at, _)| *at <= tick) {
            in_force = Some(step);
        }
        if let Some(value) = in_force.and_then(|(since, present)| value(*since, present)) {
            family.sample_at(&timeline.labels, labels, value, tick);
        }
        tick = tick.plus(window.step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AttributeKind;

    fn timeline(attribute: &str, steps: &[(i64, &str)]) -> Timeline {
        let step = |(at, to): &(i64, &str)| (Timestamp::from_seconds(*at), (*to).to_owned());
        Timeline {
            entity: NUMBER.to_owned(),
            attribute: attribute.to_owned(),
            labels: EntityLabels::new(&[("waba_id", "1"), ("phone_number_id", "2")]),
            steps: steps.iter().map(step).collect(),
        }
    }

    fn text_of(timelines: &[Timeline]) -> String {
        let window = TimeRange {
            since: Timestamp::from_seconds(60),
            until: Timestamp::from_seconds(240),
            step: Duration::from_secs(60),
        };
        let mut text = String::new();
        let written = write(timelines, &PastInsights::default(), window, |piece| {
            text.push_str(piece);
            Ok(())
        });
        written.expect("a string takes everything");
        text
    }

    #[test]
    fn each_tick_has_the_value_in_force_and_none_before_the_first_step() {
        let steps = [(90, "GREEN"), (180, "RED")];
        let text = text_of(&[timeline("quality_rating", &steps)]);
        let series = r#"whatsapp_phone_number_quality_rating{waba_id="1",phone_number_id="2",quality_rating="#;
        for line in [
            r#""GREEN"} 1 120"#,
            r#""GREEN"} 0 180"#,
            r#""RED"} 0 120"#,
            r#""RED"} 1 180"#,
        ] {
            assert!(
                text.contains(&format!("{series}{line}\n")),
                "{line}: {text}"
            );
        }
        assert!(!text.contains("} 1 60\n"), "{text}");
        let score = r#"whatsapp_phone_number_quality_score{waba_id="1",phone_number_id="2"}"#;
        assert!(
            text.contains(&format!("{score} 3 120\n{score} 1 180\n")),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn every_history_of_the_tables_has_a_family() {
        let tables = [
            (NUMBER, of_number::Declarations::ALL),
            (TEMPLATE, of_template::Declarations::ALL),
            (ACCOUNT, of_account::Declarations::ALL),
        ];
        for (entity, attributes) in tables {
            let journalled = attributes
                .iter()
                .filter(|attribute| attribute.kind == AttributeKind::History);
            for attribute in journalled {
                let has_family =
                    |(of, declared, ..): &PastFamily| (*of, *declared) == (entity, *attribute);
                assert!(FAMILIES.iter().any(has_family), "{entity} {attribute:?}");
            }
        }
    }

    #[test]
    fn unknown_values_have_no_sample() {
        let text = text_of(&[
            timeline("quality_rating", &[(0, "UNKNOWN")]),
            timeline("messaging_limit", &[(0, "UNLIMITED")]),
            timeline("an_attribute_of_tomorrow", &[(0, "x")]),
        ]);
        assert!(!text.contains("quality_score"), "{text}");
        assert!(text.contains("messaging_limit{waba_id=\"1\",phone_number_id=\"2\"} +Inf 60\n"));
        assert!(!text.contains("tomorrow"), "{text}");
    }
}
