//! Unix time in signed milliseconds.

use std::fmt;
use std::time::Duration;

/// How far ahead of the present an event may be dated. Synchronized clocks differ by milliseconds, and Meta's time is
/// known to within seconds, so five minutes, as in Kerberos, are generous. An event with a later time gets the time of
/// its receipt: an event dated a day ahead would supersede all events of that day.
pub const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(5 * 60);

/// A time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From Unix milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From Unix seconds; saturates far outside any plausible date.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Unix seconds with milliseconds as fraction, as in metrics.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds stay exact in f64 until the year 287396"
    )]
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The time rounded down to seconds, the resolution of most of Meta's times.
    #[must_use]
    pub const fn at_whole_seconds(self) -> Self {
        Self::from_seconds(self.0.div_euclid(1000))
    }

    /// Time elapsed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment plus `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This moment minus `duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}.{:03}",
            self.0.div_euclid(1000),
            self.0.rem_euclid(1000)
        )
    }
}
