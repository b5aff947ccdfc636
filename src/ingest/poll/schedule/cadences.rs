//! The interval of each collector.

use std::time::Duration;

use crate::domain::insights::DayZone;
use crate::domain::{Collector, Word};

/// Interval of each collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadences {
    /// Numbers and their health.
    pub numbers: Duration,
    /// The account's node and its health.
    pub account: Duration,
    /// Templates.
    pub templates: Duration,
    /// Insights. `None` if they are not polled.
    pub insights: Option<InsightsOptions>,
    /// Maximum time over which the first polls of all accounts are spread.
    pub startup_spread: Duration,
}

/// How insights are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsightsOptions {
    /// The interval.
    pub interval: Duration,
    /// Maximum number of an account's templates whose figures are read.
    pub max_templates: usize,
    /// Which days the figures of templates have.
    pub time_zone: DayZone,
}

impl Cadences {
    /// Whether this collector polls at all.
    #[must_use]
    pub fn polls(&self, collector: Collector) -> bool {
        !collector.is_other() && (collector != Collector::Insights || self.insights.is_some())
    }

    pub(super) fn interval(&self, collector: Collector) -> Duration {
        match collector {
            Collector::Numbers => self.numbers,
            Collector::Account => self.account,
            Collector::Templates | Collector::Other => self.templates,
            Collector::Insights => self
                .insights
                .map_or(self.templates, |insights| insights.interval),
        }
    }
}
