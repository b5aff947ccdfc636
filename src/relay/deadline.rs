//! The age of a delivery and its deadline.
//!
//! The machine's clock may be wrong and may be changed. The age of a delivery that this process received is measured
//! with the monotonic clock. The age of a stored delivery is the difference between its stored time and a time that
//! Meta's clock has certainly reached, computed anew each time. A clock that is a year ahead at the start therefore
//! drops nothing.

use std::time::{Duration, Instant};

use crate::domain::Timestamp;
use crate::store::QueuedDelivery;

/// Minimum time for which every delivery of an earlier process is kept: enough for several attempts.
const GRACE_AFTER_START: Duration = Duration::from_secs(300);

/// When a delivery was received, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceiptTimes {
    /// As stored. It is wrong if the machine's clock was.
    pub received_at: Timestamp,
    /// When the relay listed the delivery.
    pub listed_at: Instant,
    /// Whether an earlier process received it, or this one under an earlier configuration.
    pub is_earlier: bool,
}

impl ReceiptTimes {
    /// The time of receipt to show. It is never later than `listed_at`, so a delivery that was stored with a future
    /// time has an age too.
    pub fn shown(&self, instant: Instant, now: Timestamp) -> Timestamp {
        let listed_at = now.minus(instant.saturating_duration_since(self.listed_at));
        self.received_at.min(listed_at)
    }
}

pub(super) struct Deadlines {
    max_age: Duration,
    /// Number of the last delivery of an earlier process, or of an earlier configuration.
    last_stored: i64,
    start: Instant,
}

impl Deadlines {
    pub fn new(max_age: Duration, last_stored: i64, start: Instant) -> Self {
        Self {
            max_age,
            last_stored,
            start,
        }
    }

    /// The receipt times of a delivery that was listed at `listed_at`.
    pub fn receipt(&self, waiting: &QueuedDelivery, listed_at: Instant) -> ReceiptTimes {
        ReceiptTimes {
            received_at: waiting.received_at,
            listed_at,
            is_earlier: waiting.delivery <= self.last_stored,
        }
    }

    /// Whether a delivery is too old. `at_least` is a time that Meta's clock has certainly reached, if one is known.
    pub fn have_passed(
        &self,
        receipt: &ReceiptTimes,
        instant: Instant,
        at_least: Option<Timestamp>,
    ) -> bool {
        if instant.saturating_duration_since(receipt.listed_at) >= self.max_age {
            return true;
        }
        let is_tried_enough = instant.saturating_duration_since(self.start) >= GRACE_AFTER_START;
        // A delivery with a future time of receipt has no age.
        let age = at_least.map(|now| now.since(receipt.received_at));
        receipt.is_earlier && is_tried_enough && age.is_some_and(|age| age >= self.max_age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const DAY: Duration = Duration::from_secs(86_400);
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// Whether a delivery that was listed at the start has expired after this time on the monotonic clock.
    fn expires(
        is_earlier: bool,
        received_at: Timestamp,
        after: Duration,
        at_least: Option<Timestamp>,
    ) -> bool {
        let start = Instant::now();
        let receipt = ReceiptTimes {
            received_at,
            listed_at: start,
            is_earlier,
        };
        let deadlines = Deadlines::new(DAY, 10, start);
        deadlines.have_passed(&receipt, start + after, at_least)
    }

    #[test]
    fn a_stored_delivery_expires_by_the_certain_time() {
        let stored = |age: Duration, after: Duration| {
            expires(true, NOW.minus(age), after, Some(NOW.plus(after)))
        };
        assert!(!stored(DAY - HOUR, HOUR - Duration::from_secs(1)));
        assert!(stored(DAY - HOUR, HOUR));
        let grace = GRACE_AFTER_START;
        assert!(!stored(YEAR, grace - Duration::from_secs(1)));
        assert!(stored(YEAR, grace));
    }

    #[test]
    fn a_wrong_clock_at_the_start_drops_no_delivery() {
        let received = NOW.minus(HOUR);
        // While only the machine's clock is known, only the time since the start counts.
        assert!(!expires(true, received, HOUR, None));
        assert!(expires(true, received, DAY, None));
        // Once Graph has responded, the time of receipt counts.
        assert!(!expires(true, received, HOUR, Some(NOW.plus(HOUR))));
        assert!(!expires(true, NOW.plus(YEAR), HOUR, Some(NOW)));
        assert!(expires(true, NOW.plus(YEAR), DAY, Some(NOW.plus(DAY))));
    }

    #[test]
    fn a_delivery_of_this_process_expires_by_the_monotonic_clock() {
        for received_at in [NOW.minus(YEAR), NOW, NOW.plus(YEAR)] {
            for at_least in [None, Some(NOW), Some(NOW.plus(YEAR))] {
                let almost = DAY - Duration::from_secs(1);
                assert!(!expires(false, received_at, almost, at_least));
                assert!(expires(false, received_at, DAY, at_least));
            }
        }
    }

    #[test]
    fn a_future_time_of_receipt_is_shown_as_the_time_of_listing() {
        let start = Instant::now();
        let shown = |received_at: Timestamp, after: Duration| {
            let receipt = ReceiptTimes {
                received_at,
                listed_at: start,
                is_earlier: true,
            };
            receipt.shown(start + after, NOW.plus(after))
        };
        let ten_minutes = Duration::from_secs(600);
        assert_eq!(shown(NOW.plus(YEAR), ten_minutes), NOW, "its age grows");
        assert_eq!(shown(NOW.minus(HOUR), ten_minutes), NOW.minus(HOUR));
    }
}
