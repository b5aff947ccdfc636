//! `poll`: how often the Graph API is called, and how much of Meta's allowance may be spent.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::{Durations, Numbers};
use super::section::settings;
use super::walker::Walker;

/// A second suits a simulator; a day is the longest for which "present state" means anything.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// Meta retries webhooks for seven days at most.
const DRIFT_GRACES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);

/// Meta allows 200 or 5,000 calls an hour; the top is for simulators, polled every second.
const CALLS_PER_HOUR: RangeInclusive<u32> = 1..=1_000_000;

/// Below a hundredth the first call would stop polling; 1 is where Meta throttles.
const USAGE_RATIOS: RangeInclusive<f64> = 0.01..=1.0;

settings! {
    /// Polling of the Graph API.
    #[derive(Clone, Debug, PartialEq)]
    PollConfig "poll" {
        /// How often the phone numbers of an account are read.
        numbers_interval: Duration = "5m", Durations(INTERVALS);

        /// How often the account itself is read.
        account_interval: Duration = "15m", Durations(INTERVALS);

        /// How often the message templates of an account are read.
        templates_interval: Duration = "15m", Durations(INTERVALS);

        /// How often the token and the webhook subscription of an app are read, which takes two calls.
        access_interval: Duration = "15m", Durations(INTERVALS);

        /// How often accounts are discovered, for apps that discover them.
        discovery_interval: Duration = "1h", Durations(INTERVALS);

        /// How long after a poll found a change its webhook may arrive, before the change counts as drift.
        drift_grace: Duration = "1h", Durations(DRIFT_GRACES);

        /// Maximum calls per account in any hour; Meta allows 5000, or 200 without a registered number.
        calls_per_hour: u32 = "1000", Numbers(CALLS_PER_HOUR);

        /// Share of Meta's quota, by its usage headers, above which only numbers and health are read.
        max_usage_ratio: f64 = "0.75", Numbers(USAGE_RATIOS);
    }
}

impl PollConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}
