//! Until when a delivery is kept.
//!
//! The wall clock may be wrong, and may jump. It is asked only for what an earlier process stored, and what looks
//! too old then is still kept for a while: a clock that is a year ahead for a minute drops nothing.

use std::time::{Duration, Instant};

use crate::domain::Timestamp;
use crate::store::Waiting;

/// How long every delivery of an earlier process is kept at least: enough for several tries, and for a clock to
/// be set right.
const GRACE_AFTER_START: Duration = Duration::from_secs(300);

pub(super) struct Deadlines {
    max_age: Duration,
    /// The last delivery of an earlier process, or of an earlier configuration.
    last_stored: i64,
    /// The same moment by both clocks.
    start: (Timestamp, Instant),
}

impl Deadlines {
    pub fn new(max_age: Duration, last_stored: i64, now: Timestamp, instant: Instant) -> Self {
        Self {
            max_age,
            last_stored,
            start: (now, instant),
        }
    }

    /// A delivery that has just been listed, at this moment.
    pub fn of(&self, waiting: &Waiting, listed_at: Instant) -> Instant {
        if waiting.parcel > self.last_stored {
            // It was received a moment ago.
            return listed_at + self.max_age;
        }
        let (now, instant) = self.start;
        // What claims to come from the future has no age.
        let age = now.since(waiting.received_at);
        let grace = GRACE_AFTER_START.min(self.max_age);
        instant + self.max_age.saturating_sub(age).max(grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LaneKind, Lanes};

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn no_wall_clock_drops_a_delivery_at_once() {
        let start = Instant::now();
        let deadlines = Deadlines::new(DAY, 10, NOW, start);
        let kept_by = |deadlines: &Deadlines, parcel: i64, received_at: Timestamp| {
            let waiting = Waiting {
                parcel,
                received_at,
                waba_ids: Vec::new(),
                lanes: Lanes {
                    kind: LaneKind::Management,
                    keys: Vec::new(),
                },
                bytes: 1,
                is_parked: false,
            };
            deadlines.of(&waiting, start) - start
        };
        let kept_for = |parcel, received_at| kept_by(&deadlines, parcel, received_at);
        let hour = Duration::from_secs(3600);
        assert_eq!(kept_for(10, NOW.minus(hour)), DAY - hour);
        assert_eq!(kept_for(10, NOW.minus(DAY)), GRACE_AFTER_START);
        let year = DAY * 365;
        assert_eq!(kept_for(10, NOW.minus(year)), GRACE_AFTER_START);
        assert_eq!(kept_for(10, NOW.plus(year)), DAY);
        for received_at in [NOW.minus(year), NOW, NOW.plus(year)] {
            assert_eq!(kept_for(11, received_at), DAY, "it came to this process");
        }
        let short = Deadlines::new(hour / 60, 10, NOW, start);
        assert_eq!(kept_by(&short, 10, NOW.minus(DAY)), hour / 60);
    }
}
