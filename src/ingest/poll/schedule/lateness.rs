//! Detects polls that do not start in time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Schedule, Task};
use crate::domain::{Timestamp, WabaId};
use crate::ingest::poll::budget::DeferralReason;

/// A poll is late if it has not started for this many of its intervals. A listing of many pages, a retry or the
/// jitter never takes that long.
const LATE_AFTER_INTERVALS: u32 = 3;

/// Minimum lateness, because at intervals of seconds a short delay is not lateness.
const LEAST_LATENESS: Duration = Duration::from_secs(10);

impl Schedule {
    /// Polls that have become late since the last call, each reported once until it starts. Failed polls are not
    /// included: their retries are not late, and their failure has been reported. The same applies to accounts of
    /// an app whose credentials were rejected.
    pub fn take_late(&mut self, now: Timestamp) -> Vec<(Task, DeferralReason)> {
        let mut late = Vec::new();
        for (task, slot) in &mut self.slots {
            let allowed = self.cadences.interval(task.collector) * LATE_AFTER_INTERVALS;
            let since = slot.last_start.unwrap_or(slot.added);
            let is_late = now.since(since) > allowed.max(LEAST_LATENESS);
            let holds = |holds: &BTreeMap<WabaId, Timestamp>| {
                holds.get(&task.waba_id).is_some_and(|until| *until > now)
            };
            let is_reported = slot.is_late || slot.failures > 0 || holds(&self.refusals);
            if !is_late || is_reported || slot.running {
                continue;
            }
            slot.is_late = true;
            let reason = if holds(&self.rate_limits) {
                DeferralReason::RateLimit
            } else {
                slot.put_off.unwrap_or(DeferralReason::Queued)
            };
            late.push((task.clone(), reason));
        }
        late
    }
}
