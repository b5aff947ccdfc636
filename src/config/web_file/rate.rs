//! `rate_limit`: the maximum rate of requests to a listener.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::setting::{Scalar, Setting};
use super::super::value;
use super::super::walker::Walker;

/// From one request per microsecond to one per day.
const INTERVALS: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_secs(86_400);

const INTERVAL: Scalar<Duration> = Scalar {
    setting: Setting::new("rate_limit.interval", "Average interval between requests"),
    parse: |text| value::duration(text, &INTERVALS),
};

const BURST: Scalar<NonZeroU32> = Scalar {
    setting: Setting::new("rate_limit.burst", "Maximum burst of requests").default("1"),
    parse: |text| {
        let burst = value::number(text, &(1..=1_000_000))?;
        Ok(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
    },
};

/// Rate limit of a listener. Requests beyond it get status 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// `rate_limit.interval`: average interval between requests.
    pub interval: Duration,
    /// `rate_limit.burst`: maximum burst; default 1.
    pub burst: NonZeroU32,
}

/// Reads the section. `None` if it has no interval.
pub(super) fn read(walker: &mut Walker<'_>) -> Option<RateLimit> {
    let interval = walker.optional_scalar(&INTERVAL);
    let burst = walker.scalar(&BURST);
    if interval.is_none() && walker.node("rate_limit.burst").is_some() {
        let message = "is missing; give the average interval between requests, such as 100ms";
        walker.error("rate_limit.interval", message);
    }
    interval.map(|interval| RateLimit { interval, burst })
}
