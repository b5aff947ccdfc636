//! The data that an explanation lacks.

use super::NumberHistory;
use super::days::Period;
use super::history::first_known_day;
use super::weights;

/// Data that an explanation lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingData {
    /// No messages of the number were counted.
    Messages,
    /// The counts begin within the baseline.
    Baseline,
    /// No template has figures.
    Insights,
    /// The templates' figures include the messages of other numbers.
    OtherNumbers,
}

impl MissingData {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Messages,
        Self::Baseline,
        Self::Insights,
        Self::OtherNumbers,
    ];

    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Baseline => "baseline",
            Self::Insights => "insights",
            Self::OtherNumbers => "other_numbers",
        }
    }

    /// What it means.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Messages => {
                "no messages of this phone number were counted, so opt-outs, failures, waits and journeys are unknown"
            }
            Self::Baseline => {
                "fewer than 14 days before the last week are known, so the usual values are uncertain"
            }
            Self::Insights => {
                "Meta's figures per template are unknown, so read rates and the messages per template are not compared"
            }
            Self::OtherNumbers => {
                "Meta's figures per template include the messages of the account's other phone numbers"
            }
        }
    }
}

/// Which data is missing.
pub(super) fn missing(history: &NumberHistory, period: &Period) -> Vec<MissingData> {
    let has_insights = history.templates.iter().any(|one| one.days.is_some());
    let first_day = history.days.first_day();
    let first_insight = first_known_day(&history.templates);
    let enough = |first| period.baseline_days(first) >= weights::ENOUGH_DAYS;
    let has_enough = (first_day.is_none() || enough(first_day))
        && (first_insight.is_none() || enough(first_insight));
    let found = [
        (first_day.is_none(), MissingData::Messages),
        (!has_enough, MissingData::Baseline),
        (!has_insights, MissingData::Insights),
        (
            has_insights && history.other_numbers > 0,
            MissingData::OtherNumbers,
        ),
    ];
    let missing = found.into_iter().filter(|(is_missing, _)| *is_missing);
    missing.map(|(_, what)| what).collect()
}
