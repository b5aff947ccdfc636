//! `poll`: how often the Graph API is called, and how much of Meta's allowance may be spent.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::setting::{Scalar, Setting};
use super::value;
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

const NUMBERS_INTERVAL: Scalar<Duration> = interval(
    "poll.numbers_interval",
    "How often an account's phone numbers are read",
    "5m",
);

const ACCOUNT_INTERVAL: Scalar<Duration> = interval(
    "poll.account_interval",
    "How often the account itself is read",
    "15m",
);

const TEMPLATES_INTERVAL: Scalar<Duration> = interval(
    "poll.templates_interval",
    "How often an account's message templates are read",
    "15m",
);

const ACCESS_INTERVAL: Scalar<Duration> = interval(
    "poll.access_interval",
    "How often each app's token and webhook subscription are asked about, two calls",
    "15m",
);

const DISCOVERY_INTERVAL: Scalar<Duration> = interval(
    "poll.discovery_interval",
    "How often accounts are looked for, where apps[] says to",
    "1h",
);

const DRIFT_GRACE: Scalar<Duration> = Scalar {
    setting: Setting::new(
        "poll.drift_grace",
        "Time that a webhook may arrive after a poll found its change, before the change counts as drift",
    )
    .default("1h"),
    parse: |text| value::duration(text, &DRIFT_GRACES),
};

const BUDGET: Scalar<u32> = Scalar {
    setting: Setting::new(
        "poll.calls_per_hour",
        "Most calls made in any hour per account; Meta allows 5000, or 200 without a registered number",
    )
    .default("1000"),
    parse: |text| value::number(text, &CALLS_PER_HOUR),
};

const MAX_USAGE_RATIO: Scalar<f64> = Scalar {
    setting: Setting::new(
        "poll.max_usage_ratio",
        "Share of Meta's allowance, by its usage headers, above which only numbers and health are read",
    )
    .default("0.75"),
    parse: |text| value::number(text, &USAGE_RATIOS),
};

/// How often the Graph API is called.
#[derive(Clone, Debug, PartialEq)]
pub struct PollConfig {
    /// `poll.numbers_interval`; default 5 min.
    pub numbers_interval: Duration,
    /// `poll.account_interval`; default 15 min.
    pub account_interval: Duration,
    /// `poll.templates_interval`; default 15 min.
    pub templates_interval: Duration,
    /// `poll.access_interval`; default 15 min.
    pub access_interval: Duration,
    /// `poll.discovery_interval`; default 1 h.
    pub discovery_interval: Duration,
    /// `poll.drift_grace`; default 1 h.
    pub drift_grace: Duration,
    /// `poll.calls_per_hour`; hard limit per account in a rolling hour, default 1000.
    pub calls_per_hour: u32,
    /// `poll.max_usage_ratio`; 0.01 to 1, default 0.75.
    pub max_usage_ratio: f64,
}

impl PollConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            numbers_interval: walker.scalar(&NUMBERS_INTERVAL),
            account_interval: walker.scalar(&ACCOUNT_INTERVAL),
            templates_interval: walker.scalar(&TEMPLATES_INTERVAL),
            access_interval: walker.scalar(&ACCESS_INTERVAL),
            discovery_interval: walker.scalar(&DISCOVERY_INTERVAL),
            drift_grace: walker.scalar(&DRIFT_GRACE),
            calls_per_hour: walker.scalar(&BUDGET),
            max_usage_ratio: walker.scalar(&MAX_USAGE_RATIO),
        }
    }
}

const fn interval(
    key: &'static str,
    meaning: &'static str,
    default: &'static str,
) -> Scalar<Duration> {
    Scalar {
        setting: Setting::new(key, meaning).default(default),
        parse: |text| value::duration(text, &INTERVALS),
    }
}
