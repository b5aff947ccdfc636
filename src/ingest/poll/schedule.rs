//! Determines which poll is due. Pure: the caller passes the time.
//!
//! Every account has one slot per collector, and a slot has at most one poll, running or waiting. Polls of one slot
//! are therefore sequential, and the reducer receives them in order.

mod accounts;
mod cadences;
mod holds;
mod lateness;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::cadences::{Cadences, InsightsOptions};
use self::holds::extend;
use super::budget::DeferralReason;
use crate::domain::{Collector, Timestamp, WabaId, Word};

/// Maximum interval between the first polls of two accounts, and between polls after a hold. Many accounts do not start
/// at once, but the first one does, and a small fleet starts within seconds.
const START_SPACING: Duration = Duration::from_millis(20);

/// Delay of a requested poll, so that several requests share one poll and Meta's nodes have the same data.
const TRIGGER_DELAY: Duration = Duration::from_secs(2);

/// Minimum interval between two polls of a slot because of triggers: a burst of webhooks causes one poll.
const TRIGGER_GAP: Duration = Duration::from_secs(30);

/// Wait after a first temporary failure; it doubles with each further one, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// Wait after a rate limit for which Meta gives no time; it doubles with each further one.
pub(super) const FIRST_RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// Longest wait after rate limits, because quotas apply to a rolling hour.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Maximum random deviation from the interval in both directions, so that the polls of accounts spread out.
const JITTER: f64 = 0.1;

/// One poll of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// The account.
    pub waba_id: WabaId,
    /// The collector.
    pub collector: Collector,
}

/// When to poll next after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextPoll {
    /// At the interval: the poll succeeded, or failed permanently.
    AtCadence,
    /// With backoff: the poll failed temporarily.
    Retry,
    /// Not before this time, as Meta asked.
    NotBefore(Timestamp),
    /// Not before this time, because the poll ran out of calls; treated like [`Schedule::put_off`].
    PutOff(Timestamp),
    /// Meta rate-limits the account, for this long if the response has a duration.
    HoldAccount(Option<Duration>),
    /// Meta rate-limits all accounts of the app, for this long if the response has a duration.
    LimitApp(Option<Duration>),
    /// The token was rejected, which applies to every account of the app: see [`Schedule::hold_app`].
    HoldApp,
}

#[derive(Clone, Debug)]
struct Slot {
    due: Timestamp,
    added: Timestamp,
    running: bool,
    last_start: Option<Timestamp>,
    failures: u32,
    triggered: bool,
    /// Why the due poll has not started.
    put_off: Option<DeferralReason>,
    /// Whether its lateness has been reported.
    is_late: bool,
}

impl Slot {
    fn new(due: Timestamp, now: Timestamp) -> Self {
        Self {
            due,
            added: now,
            running: false,
            last_start: None,
            failures: 0,
            triggered: false,
            put_off: None,
            is_late: false,
        }
    }
}

/// The slots of all accounts. No poll of an account is due before its holds end.
#[derive(Debug)]
pub struct Schedule {
    cadences: Cadences,
    dice: fastrand::Rng,
    slots: BTreeMap<Task, Slot>,
    /// Meta's rate limits. They outlive the account's place in the schedule, because they still apply at Meta when a
    /// reload or a discovery removes the account and adds it again.
    rate_limits: BTreeMap<WabaId, Timestamp>,
    /// Accounts of an app whose credentials were refused. New credentials end this.
    refusals: BTreeMap<WabaId, Timestamp>,
    waiting: BTreeSet<(Timestamp, Task)>,
}

impl Schedule {
    /// Schedules all polls of these accounts, the first ones at once.
    #[must_use]
    pub fn new(
        accounts: impl IntoIterator<Item = WabaId>,
        cadences: Cadences,
        dice: fastrand::Rng,
        now: Timestamp,
    ) -> Self {
        let mut schedule = Self {
            cadences,
            dice,
            slots: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
            refusals: BTreeMap::new(),
            waiting: BTreeSet::new(),
        };
        schedule.add(accounts, now);
        schedule
    }

    /// Interval of each collector.
    #[must_use]
    pub fn cadences(&self) -> &Cadences {
        &self.cadences
    }

    /// Takes the poll that has been due longest. It counts as running until [`Schedule::finished`].
    pub fn take_due(&mut self, now: Timestamp) -> Option<Task> {
        let (due, _) = self.waiting.first()?;
        if *due > now {
            return None;
        }
        let (_, task) = self.waiting.pop_first()?;
        if let Some(slot) = self.slots.get_mut(&task) {
            slot.running = true;
            slot.triggered = false;
        }
        Some(task)
    }

    /// When the next poll is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Records that a poll has started.
    pub fn started(&mut self, task: &Task, now: Timestamp) {
        if let Some(slot) = self.slots.get_mut(task) {
            slot.last_start = Some(now);
            slot.put_off = None;
            slot.is_late = false;
        }
    }

    /// Defers a poll that could not start because of the budget. Returns whether this is its first deferral: a poll
    /// that is deferred repeatedly counts once until it starts.
    pub fn put_off(&mut self, task: &Task, until: Timestamp, reason: DeferralReason) -> bool {
        let Some(slot) = self.slots.get_mut(task) else {
            return false;
        };
        slot.running = false;
        let is_first = slot.put_off.replace(reason).is_none();
        self.set_due(task, until);
        is_first
    }

    /// Records that a poll has ended.
    pub fn finished(&mut self, task: &Task, now: Timestamp, next: NextPoll) {
        let cadence = self.jittered(self.cadences.interval(task.collector));
        let retry = self.jittered(FIRST_RETRY);
        let Some(slot) = self.slots.get_mut(task) else {
            return;
        };
        let failures = slot.failures;
        slot.failures = if next == NextPoll::AtCadence {
            0
        } else {
            failures.saturating_add(1)
        };
        let began = slot.last_start.unwrap_or(now);
        let due = match next {
            NextPoll::AtCadence => began.plus(cadence).max(now),
            NextPoll::Retry => now.plus(doubled(retry, failures).min(cadence)),
            NextPoll::NotBefore(at) | NextPoll::PutOff(at) => at.max(now),
            NextPoll::HoldAccount(wait) | NextPoll::LimitApp(wait) => {
                let wait = wait
                    .unwrap_or(doubled(FIRST_RATE_LIMIT_WAIT, failures))
                    .min(LONGEST_WAIT);
                now.plus(wait)
            }
            NextPoll::HoldApp => now.plus(self.cadences.numbers),
        };
        slot.running = false;
        let triggered = std::mem::take(&mut slot.triggered);
        self.set_due(task, due);
        match next {
            NextPoll::HoldAccount(_) | NextPoll::LimitApp(_) => {
                extend(&mut self.rate_limits, &task.waba_id, due);
                self.delay(&task.waba_id);
            }
            NextPoll::HoldApp => {
                extend(&mut self.refusals, &task.waba_id, due);
                self.delay(&task.waba_id);
            }
            _ if triggered => self.poll_soon(task, now),
            _ => {}
        }
    }

    /// Moves a poll forward, with a short delay and a minimum distance to the previous poll.
    pub fn poll_soon(&mut self, task: &Task, now: Timestamp) {
        let Some(slot) = self.slots.get_mut(task) else {
            return;
        };
        if slot.running {
            slot.triggered = true;
            return;
        }
        let after_last = slot.last_start.map_or(now, |start| start.plus(TRIGGER_GAP));
        let due = now.plus(TRIGGER_DELAY).max(after_last);
        // After a failure, the wait is a backoff or Meta's own; webhooks do not shorten it.
        if slot.failures == 0 && due < slot.due {
            self.set_due(task, due);
        }
    }

    fn set_due(&mut self, task: &Task, due: Timestamp) {
        let held_until = self.held_until(&task.waba_id);
        if let Some(slot) = self.slots.get_mut(task) {
            self.waiting.remove(&(slot.due, task.clone()));
            slot.due = held_until.map_or(due, |until| until.max(due));
            self.waiting.insert((slot.due, task.clone()));
        }
    }

    fn jittered(&mut self, duration: Duration) -> Duration {
        duration.mul_f64(1.0 + JITTER * (2.0 * self.dice.f64() - 1.0))
    }
}

/// All polls of an account.
fn tasks_of(waba_id: &WabaId) -> impl Iterator<Item = Task> + use<> {
    let waba_id = waba_id.clone();
    let collectors = Collector::ALL.iter().copied();
    collectors
        .filter(|one| !one.is_other())
        .map(move |collector| Task {
            waba_id: waba_id.clone(),
            collector,
        })
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16)))
}

#[cfg(test)]
mod tests;
