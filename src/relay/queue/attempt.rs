//! Failed attempts: when a delivery is retried, and which failures count against it.

use std::time::Instant;

use super::{Queue, QueuePlace};
use crate::deliver::backoff;

/// The effect of a failure on its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay) struct FailureCount {
    /// Failures since the upstream last recovered, including this one.
    pub failures: u32,
    /// Failures that were caused by the delivery itself, including this one if it was.
    pub refusals: u32,
    /// Whether another delivery was accepted since the last attempt of this one.
    pub others_succeed: bool,
}

impl Queue {
    /// Records a failed attempt; the delivery is retried later. `is_refusal` decides whether the delivery itself
    /// caused the failure, from whether others succeeded since its last attempt.
    pub fn failed(
        &mut self,
        delivery: i64,
        now: Instant,
        successes: u64,
        is_refusal: impl FnOnce(bool) -> bool,
    ) -> Option<FailureCount> {
        let entry = self.waiting.get_mut(&delivery)?;
        let others_succeed = successes > entry.successes_seen;
        entry.successes_seen = successes;
        let refusals = u32::from(is_refusal(others_succeed));
        entry.refusals += refusals;
        entry.unconfirmed = if others_succeed {
            0
        } else {
            entry.unconfirmed + refusals
        };
        let wait = backoff(entry.failures);
        entry.failures = entry.failures.saturating_add(1);
        let due = now + wait;
        let count = FailureCount {
            failures: entry.failures,
            refusals: entry.refusals,
            others_succeed,
        };
        self.rest(delivery, due);
        Some(count)
    }

    /// Earliest time of the next attempt.
    pub fn rest_until(&mut self, delivery: i64, due: Instant) {
        let entry = self.waiting.get(&delivery);
        if let Some(QueuePlace::Resting(before)) = entry.map(|entry| entry.place)
            && before < due
        {
            self.rest(delivery, due);
        }
    }

    /// Call when the upstream is down: refusals since its last success no longer count against deliveries.
    pub fn forgive(&mut self, successes: u64) {
        for entry in self.waiting.values_mut() {
            if entry.successes_seen == successes {
                entry.refusals -= std::mem::take(&mut entry.unconfirmed);
            }
        }
    }

    /// Call when the upstream has recovered: waiting retries are due now. Retries of refused deliveries keep waiting,
    /// so that they do not delay deliveries that the upstream accepts.
    pub fn wake(&mut self, now: Instant) {
        for (due, delivery) in std::mem::take(&mut self.resting) {
            if let Some(entry) = self.waiting.get_mut(&delivery) {
                let due = if entry.refusals == 0 { now } else { due };
                entry.failures = entry.refusals;
                entry.place = QueuePlace::Resting(due);
                self.resting.insert((due, delivery));
            }
        }
    }

    fn rest(&mut self, delivery: i64, due: Instant) {
        let Some(entry) = self.waiting.get_mut(&delivery) else {
            return;
        };
        let place = std::mem::replace(&mut entry.place, QueuePlace::Resting(due));
        self.resting.insert((due, delivery));
        match place {
            QueuePlace::Resting(before) if before != due => {
                self.resting.remove(&(before, delivery));
            }
            QueuePlace::InFlight => {
                self.lanes.set_in_flight(&entry.membership, false);
                // An earlier delivery may have been unparked in the meantime.
                for next in self.lanes.unblocked(&entry.membership) {
                    self.update_ready(next);
                }
            }
            QueuePlace::Resting(_) | QueuePlace::Waiting => {}
        }
    }
}
