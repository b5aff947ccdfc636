//! `rate_limit`: how often a listener is asked at most.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::setting::{Scalar, Setting};
use super::super::value;
use super::super::walker::Walker;

/// From a request a microsecond to one a day.
const INTERVALS: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_secs(86_400);

const INTERVAL: Scalar<Duration> = Scalar {
    setting: Setting::new(
        "rate_limit.interval",
        "One request in so long, on the average",
    ),
    parse: |text| value::duration(text, &INTERVALS),
};

const BURST: Scalar<NonZeroU32> = Scalar {
    setting: Setting::new("rate_limit.burst", "How many may come at once").default("1"),
    parse: |text| {
        let burst = value::number(text, &(1..=1_000_000))?;
        Ok(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
    },
};

/// How often requests are answered; others are told to come later (429).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// `rate_limit.interval`: one in so long.
    pub interval: Duration,
    /// `rate_limit.burst`: so many at once; default 1.
    pub burst: NonZeroU32,
}

/// Reads the section; none where it names no interval.
pub(super) fn read(walker: &mut Walker<'_>) -> Option<RateLimit> {
    let interval = walker.optional_scalar(&INTERVAL);
    let burst = walker.scalar(&BURST);
    if interval.is_none() && walker.node("rate_limit.burst").is_some() {
        let message = "is missing; give how long one request takes up, such as 100ms";
        walker.error("rate_limit.interval", message);
    }
    interval.map(|interval| RateLimit { interval, burst })
}
