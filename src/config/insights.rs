//! `insights`: the daily figures of templates and phone numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::{Boolean, Durations, NumberKind, Words};
use super::section::settings;
use super::walker::Walker;
use crate::domain::insights::DayZone;

/// One second is for simulators. With more than a day between two polls, the last complete day would be missed.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// Meta allows 6,000 templates; each ten of them take one call.
const TEMPLATES: RangeInclusive<usize> = 1..=6_000;

const ZONE: Words<DayZone> = Words {
    value_name: "ZONE",
    words: &[("utc", DayZone::Utc), ("account", DayZone::Account)],
};

settings! {
    /// Insights: the daily figures that Meta keeps for templates and phone numbers.
    #[derive(Clone, Debug, PartialEq, Eq)]
    InsightsConfig "insights" {
        /// Whether the daily figures are polled: messages, reads, clicks, replies and cost of templates, volume and cost
        /// of phone numbers.
        enabled: bool = "false", Boolean;

        /// Interval between polls of the daily figures; those of the last seven days still rise.
        interval: Duration = "6h", Durations(INTERVALS);

        /// Maximum number of an account's templates with daily figures, those with recent messages first; each ten
        /// take one call.
        max_templates: usize = "500", NumberKind(TEMPLATES);

        /// Time zone of the templates' days: `utc`, or `account` for the time zone of the account; the days of phone
        /// numbers are always those of UTC.
        time_zone: DayZone = "utc", ZONE;
    }
}

impl InsightsConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}
