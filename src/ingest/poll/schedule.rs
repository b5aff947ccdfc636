//! Determines which poll is due. Pure: the caller passes the time.
//!
//! Every account has one slot per collector, and a slot has at most one poll, running or waiting. Polls of one slot
//! are therefore sequential, and the reducer receives them in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::budget::DeferralReason;
use crate::domain::insights::DayZone;
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

/// A poll is late if it has not started for this many of its intervals. A listing of many pages, a retry or the
/// jitter never takes that long.
const LATE_AFTER_INTERVALS: u32 = 3;

/// Minimum lateness, because at intervals of seconds a short delay is not lateness.
const LEAST_LATENESS: Duration = Duration::from_secs(10);

/// One poll of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// The account.
    pub waba_id: WabaId,
    /// The collector.
    pub collector: Collector,
}

/// Interval of each collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadences {
    /// Numbers and their health.
    pub numbers: Duration,
    /// The account's node and its health.
    pub account: Duration,
    /// Templates.
    pub templates: Duration,
    /// Insights. `None` if they are not polled.
    pub insights: Option<InsightsOptions>,
    /// Maximum time over which the first polls of all accounts are spread.
    pub startup_spread: Duration,
}

/// How insights are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsightsOptions {
    /// The interval.
    pub interval: Duration,
    /// Maximum number of an account's templates whose figures are read.
    pub max_templates: usize,
    /// Which days the figures of templates have.
    pub time_zone: DayZone,
}

impl Cadences {
    /// Whether this collector polls at all.
    #[must_use]
    pub fn polls(&self, collector: Collector) -> bool {
        !collector.is_other() && (collector != Collector::Insights || self.insights.is_some())
    }

    fn interval(&self, collector: Collector) -> Duration {
        match collector {
            Collector::Numbers => self.numbers,
            Collector::Account => self.account,
            Collector::Templates | Collector::Other => self.templates,
            Collector::Insights => self
                .insights
                .map_or(self.templates, |insights| insights.interval),
        }
    }
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
    /// Meta's rate limits. They outlive the account's place in the schedule, because Meta does not forget them
    /// when a reload or a discovery takes the account away and back.
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

    /// Adds all polls of these accounts, the first ones at once. Does not change accounts that are already scheduled.
    pub fn add(&mut self, accounts: impl IntoIterator<Item = WabaId>, now: Timestamp) {
        self.rate_limits.retain(|_, until| *until > now);
        let is_new =
            |task: &Task| self.cadences.polls(task.collector) && !self.slots.contains_key(task);
        let tasks = accounts.into_iter().map(|waba_id| {
            let new = tasks_of(&waba_id).filter(is_new);
            new.collect::<Vec<Task>>()
        });
        let added: Vec<Vec<Task>> = tasks.filter(|new| !new.is_empty()).collect();
        let starts = self.starts(added.len(), now);
        for (tasks, due) in added.into_iter().zip(starts) {
            for task in tasks {
                self.slots.insert(task.clone(), Slot::new(due, now));
                self.set_due(&task, due);
            }
        }
    }

    /// When each of so many accounts starts, in their order.
    fn starts(&self, accounts: usize, now: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let accounts = u32::try_from(accounts).unwrap_or(u32::MAX);
        let spread = self.cadences.startup_spread / accounts.max(1);
        let spacing = spread.min(START_SPACING);
        (0..accounts).map(move |place| now.plus(spacing * place))
    }

    /// Removes all polls of this account.
    pub fn remove(&mut self, waba_id: &WabaId) {
        self.refusals.remove(waba_id);
        for task in tasks_of(waba_id) {
            if let Some(slot) = self.slots.remove(&task) {
                self.waiting.remove(&(slot.due, task));
            }
        }
    }

    /// Restarts the schedule of accounts whose credentials changed: rejections of the old credentials do not apply
    /// to the new ones. Meta's rate limits remain. Running polls have been dropped.
    pub fn restart<'a>(&mut self, accounts: impl IntoIterator<Item = &'a WabaId>, now: Timestamp) {
        let accounts: Vec<&WabaId> = accounts.into_iter().collect();
        let starts = self.starts(accounts.len(), now);
        for (waba_id, due) in accounts.into_iter().zip(starts) {
            self.refusals.remove(waba_id);
            for task in tasks_of(waba_id) {
                if let Some(slot) = self.slots.get_mut(&task) {
                    (slot.running, slot.failures) = (false, 0);
                }
                self.set_due(&task, due);
            }
        }
    }

    /// Changes the intervals. Moves only polls that wait for their interval: retries, holds and deferrals do not
    /// change.
    pub fn set_cadences(&mut self, cadences: Cadences, now: Timestamp) {
        let before = std::mem::replace(&mut self.cadences, cadences);
        self.follow_collectors(now);
        let changed = |collector| before.interval(collector) != cadences.interval(collector);
        let waits = |slot: &Slot| !slot.running && slot.failures == 0 && slot.put_off.is_none();
        let slots = self.slots.iter();
        let moved = slots.filter(|(task, slot)| changed(task.collector) && waits(slot));
        let moved: Vec<(Task, Timestamp)> = moved
            .filter_map(|(task, slot)| Some((task.clone(), slot.last_start?)))
            .collect();
        for (task, began) in moved {
            let cadence = self.jittered(cadences.interval(task.collector));
            self.set_due(&task, began.plus(cadence).max(now));
        }
    }

    /// Adds the polls of collectors that are new, and removes those of collectors that ended.
    fn follow_collectors(&mut self, now: Timestamp) {
        let accounts: BTreeSet<WabaId> = self.slots.keys().map(|one| one.waba_id.clone()).collect();
        let cadences = self.cadences;
        self.slots.retain(|task, _| cadences.polls(task.collector));
        self.waiting
            .retain(|(_, task)| cadences.polls(task.collector));
        self.add(accounts, now);
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

    /// Defers a poll that could not start because of the budget. Returns whether this is its first deferral: a poll
    /// that is deferred repeatedly counts once until it starts.
    pub fn put_off(&mut self, task: &Task, until: Timestamp, reason: DeferralReason) -> bool {
        let Some(slot) = self.slots.get_mut(task) else {
            return false;
        };
        slot.running = false;
        let update = slot.put_off.replace(reason).is_none();
        self.set_due(task, until);
        update
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
        // After a failure the slot waits for a reason; webhooks do not shorten that wait.
        if slot.failures == 0 && due < slot.due {
            self.set_due(task, due);
        }
    }

    /// Holds every account of an app whose token was rejected, for the interval of numbers. The accounts return one
    /// after the other, so that the first one shows for nearly all whether the token is still rejected.
    pub fn hold_app<'a>(&mut self, accounts: impl IntoIterator<Item = &'a WabaId>, now: Timestamp) {
        let mut until = now.plus(self.cadences.numbers);
        for waba_id in accounts {
            extend(&mut self.refusals, waba_id, until);
            self.delay(waba_id);
            until = until.plus(START_SPACING);
        }
    }

    /// Pauses every account of a rate-limited app until one of them may be polled again.
    pub fn limit_app<'a>(
        &mut self,
        accounts: impl IntoIterator<Item = &'a WabaId>,
        limited: &WabaId,
    ) {
        let Some(mut until) = self.rate_limits.get(limited).copied() else {
            return;
        };
        for waba_id in accounts {
            extend(&mut self.rate_limits, waba_id, until);
            self.delay(waba_id);
            until = until.plus(START_SPACING);
        }
    }

    /// Whether polls of this account are on hold.
    #[must_use]
    pub fn is_held(&self, waba_id: &WabaId, now: Timestamp) -> bool {
        self.held_until(waba_id).is_some_and(|until| until > now)
    }

    fn held_until(&self, waba_id: &WabaId) -> Option<Timestamp> {
        let holds = [&self.rate_limits, &self.refusals];
        holds
            .iter()
            .filter_map(|holds| holds.get(waba_id).copied())
            .max()
    }

    /// Delays the account's polls until its holds end.
    fn delay(&mut self, waba_id: &WabaId) {
        for task in tasks_of(waba_id) {
            if let Some(slot) = self.slots.get(&task).filter(|slot| !slot.running) {
                self.set_due(&task, slot.due);
            }
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

/// Extends a hold; it is never shortened.
fn extend(holds: &mut BTreeMap<WabaId, Timestamp>, waba_id: &WabaId, until: Timestamp) {
    let held = holds.entry(waba_id.clone()).or_insert(until);
    *held = until.max(*held);
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16)))
}

#[cfg(test)]
mod tests;
