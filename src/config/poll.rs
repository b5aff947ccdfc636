//! `poll`: the intervals of polls and their share of Meta's quota.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::{Durations, NumberKind};
use super::section::settings;
use super::walker::Walker;

/// One second is for simulators. Data that is older than a day no longer describes the current state.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// A second polls everything at once, for simulators. With more than an hour, data would be missing for too long.
const STARTUP_SPREADS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Meta retries webhooks for seven days at most.
const DRIFT_GRACES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);

/// Meta allows 200 or 5,000 calls an hour. The maximum is for simulators that are polled every second.
const CALLS_PER_HOUR: RangeInclusive<u32> = 1..=1_000_000;

/// Below 0.01 the first call would stop polling. At 1 Meta rate-limits.
const USAGE_RATIOS: RangeInclusive<f64> = 0.01..=1.0;

settings! {
    /// Polling of the Graph API.
    #[derive(Clone, Debug, PartialEq)]
    PollConfig "poll" {
        /// Interval between polls of an account's phone numbers.
        numbers_interval: Duration = "5m", Durations(INTERVALS);

        /// Interval between polls of the account itself.
        account_interval: Duration = "15m", Durations(INTERVALS);

        /// Interval between polls of an account's message templates.
        templates_interval: Duration = "15m", Durations(INTERVALS);

        /// Interval between polls of an app's token and webhook subscription, two calls each time.
        access_interval: Duration = "15m", Durations(INTERVALS);

        /// Interval between searches for new accounts, for apps that discover accounts.
        discovery_interval: Duration = "1h", Durations(INTERVALS);

        /// Maximum time over which the first polls of all accounts are spread after a start; up to 9,000 accounts
        /// need less at 20 ms each.
        startup_spread: Duration = "3m", Durations(STARTUP_SPREADS);

        /// Grace period for the webhook of a change that a poll found, before the change counts as drift.
        drift_grace: Duration = "1h", Durations(DRIFT_GRACES);

        /// Maximum calls per account in any hour; Meta allows 5000, or 200 without a registered number.
        calls_per_hour: u32 = "1000", NumberKind(CALLS_PER_HOUR);

        /// Share of Meta's quota, as its usage headers report it, above which polls of templates wait.
        max_usage_ratio: f64 = "0.75", NumberKind(USAGE_RATIOS);
    }
}

impl PollConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}
