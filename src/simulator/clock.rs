//! The simulated time. Stories and the world never read the system clock.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Seconds in a day, the unit of Meta's penalties and deadlines.
pub const DAY_SECONDS: i64 = 86_400;

/// Source of the simulation's wall-clock time.
pub trait Clock: Debug + Send + Sync {
    /// The current time, in Unix seconds.
    fn now(&self) -> i64;

    /// Time of the `Date` header of responses, in Unix seconds. By default the machine's: readers adjust a clock by
    /// it, which a simulated past must not change.
    fn date(&self) -> i64 {
        SystemClock.now()
    }
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
            })
    }
}

/// A clock that is moved by hand, to simulate a past at any speed.
#[derive(Debug)]
pub struct SteppedClock(AtomicI64);

impl SteppedClock {
    /// A clock that stands at this time, in Unix seconds.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves the clock.
    pub fn set(&self, now: i64) {
        self.0.store(now, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// `2026-02-03T10:11:12+0000`, Meta's format of dates in Graph responses.
#[must_use]
pub fn iso_text(unix_seconds: i64) -> String {
    format_at(unix_seconds, "%Y-%m-%dT%H:%M:%S+0000")
}

/// `April 17, 2026`, Meta's format of `waba_ban_date`.
#[must_use]
pub fn prose_date(unix_seconds: i64) -> String {
    format_at(unix_seconds, "%B %-d, %Y")
}

/// `Tue, 31 Mar 2026 23:33:20 GMT`, the format of HTTP's `Date`.
#[must_use]
pub fn http_date(unix_seconds: i64) -> String {
    format_at(unix_seconds, "%a, %d %b %Y %H:%M:%S GMT")
}

fn format_at(unix_seconds: i64, pattern: &str) -> String {
    Timestamp::from_second(unix_seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime(pattern)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_meta_writes_them() {
        assert_eq!(iso_text(1_775_000_000), "2026-03-31T23:33:20+0000");
        assert_eq!(prose_date(1_776_384_000), "April 17, 2026");
        assert_eq!(http_date(1_775_000_000), "Tue, 31 Mar 2026 23:33:20 GMT");
    }
}
