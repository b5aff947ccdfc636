//! The data of a number around a fall of its rating. It is the input of the formula, which is independent of the state.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::domain::{QualityRating, TemplateId, Timestamp};
use crate::state::{DailyActivity, UtcDay};

/// A change of the rating for the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    /// The rating before.
    pub from: QualityRating,
    /// The rating after.
    pub to: QualityRating,
    /// When it was first observed.
    pub at: Timestamp,
}

/// A number, with its account's templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberHistory {
    /// The last fall of the rating. `None` if it never fell.
    pub fall: Option<Fall>,
    /// The activity of each day. Empty if messages are not counted.
    pub days: DailyActivity,
    /// The templates of its accounts.
    pub templates: Vec<TemplateHistory>,
    /// Number of other numbers in its accounts: the templates' figures include their messages.
    pub other_numbers: usize,
}

/// A template: its setbacks, and its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateHistory {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// The changes for the worse, in any order.
    pub setbacks: Vec<Setback>,
    /// Meta's figures of the days with messages. `None` without insights.
    pub days: Option<BTreeMap<UtcDay, DailySends>>,
}

impl TemplateHistory {
    /// The figures of the known days in this range.
    pub(super) fn days_in(
        &self,
        range: RangeInclusive<UtcDay>,
    ) -> impl Iterator<Item = (UtcDay, DailySends)> {
        let days = self
            .days
            .iter()
            .flat_map(move |days| days.range(range.clone()));
        days.map(|(day, figures)| (*day, *figures))
    }

    /// The figures of a day. `None` if there were no messages, or if they are unknown.
    pub(super) fn day(&self, day: UtcDay) -> Option<DailySends> {
        self.days.as_ref()?.get(&day).copied()
    }
}

/// The first day on which any of these templates is known to have been sent.
pub(super) fn first_known_day(templates: &[TemplateHistory]) -> Option<UtcDay> {
    let days = templates.iter().filter_map(|one| one.days.as_ref());
    days.filter_map(|days| days.keys().next().copied()).min()
}

/// A change of a template for the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setback {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: SetbackKind,
}

/// The kinds of setbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetbackKind {
    /// It became YELLOW.
    RatedYellow,
    /// It became RED.
    RatedRed,
    /// Meta paused it.
    Paused,
    /// Meta disabled it.
    Disabled,
}

/// Meta's figures for a template on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailySends {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were delivered.
    pub delivered: u64,
    /// Messages that were read.
    pub read: u64,
}
