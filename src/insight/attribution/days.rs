//! The days that are compared.

use std::ops::RangeInclusive;

use super::{BASELINE, WINDOW};
use crate::domain::Timestamp;
use crate::state::UtcDay;

/// The days around a fall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    /// Time of the fall.
    pub fell_at: Timestamp,
    /// The day of the fall.
    pub last: UtcDay,
    /// The last day of the window that is over, so that its figures are complete.
    pub last_whole: UtcDay,
    /// The last day of the window whose messages could be read for a day.
    pub last_read: UtcDay,
}

impl Period {
    pub fn new(fell_at: Timestamp, now: Timestamp) -> Self {
        let last = UtcDay::at(fell_at);
        Self {
            fell_at,
            last,
            last_whole: last.min(UtcDay::at(now).minus(1)),
            last_read: last.min(UtcDay::at(now).minus(2)),
        }
    }

    /// The first day of the window.
    pub fn first(&self) -> UtcDay {
        self.last.minus(WINDOW - 1)
    }

    /// The days up to the fall.
    pub fn window(&self) -> RangeInclusive<UtcDay> {
        self.first()..=self.last
    }

    /// The days before the window.
    pub fn baseline(&self) -> RangeInclusive<UtcDay> {
        self.last.minus(WINDOW + BASELINE - 1)..=self.last.minus(WINDOW)
    }

    /// Number of days of the baseline with data, if data begins on this day.
    pub fn baseline_days(&self, first_day: Option<UtcDay>) -> i32 {
        let begin = first_day.map(|first| first.max(*self.baseline().start()));
        begin
            .map_or(0, |begin| self.baseline().end().since(begin) + 1)
            .max(0)
    }
}

/// The days of a range.
pub(super) fn each(days: RangeInclusive<UtcDay>) -> impl Iterator<Item = UtcDay> {
    (days.start().0..=days.end().0).map(UtcDay)
}
