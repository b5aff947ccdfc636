//! Which poll is due when. Pure: whoever asks brings the time.
//!
//! Every account has one slot for each collector, and a slot holds at most one poll, running or
//! waiting. So polls of one slot follow each other in time, and the reducer sees them in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{Collector, Timestamp, WabaId, Word};

/// Between the first polls of two accounts, so that ten thousand do not start at once (they take
/// some three minutes) and the first one does.
const START_SPACING: Duration = Duration::from_millis(20);

/// A nudge waits this long for company, and for Meta's own nodes to agree on what they told.
const NUDGE_DELAY: Duration = Duration::from_secs(2);

/// Nudges never bring two polls of a slot closer together than this: a burst of webhooks is one look.
const NUDGE_GAP: Duration = Duration::from_secs(30);

/// The first wait after a failure that may pass; doubled with each further one, up to the cadence.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The wait at a rate limit for which Meta gives no time; doubled with each further one.
const FIRST_RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// The longest of those: quotas are by the rolling hour.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How far from its cadence a poll may come, to either side, so that accounts drift apart.
const JITTER: f64 = 0.1;

/// One poll of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// Which account.
    pub waba_id: WabaId,
    /// What of it.
    pub collector: Collector,
}

/// How often each collector polls.
#[derive(Clone, Copy, Debug)]
pub struct Cadences {
    /// Numbers and their health.
    pub numbers: Duration,
    /// The account's node and its health.
    pub account: Duration,
    /// Templates.
    pub templates: Duration,
}

impl Cadences {
    fn of(&self, collector: Collector) -> Duration {
        match collector {
            Collector::Numbers => self.numbers,
            Collector::Account => self.account,
            Collector::Templates | Collector::Other => self.templates,
        }
    }
}

/// What a poll's end means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It read what there was, or failed in a way that time does not cure: at the cadence.
    AtCadence,
    /// It failed in a way that may pass: sooner, then ever later.
    Retry,
    /// It was asked to wait: not before this.
    NotBefore(Timestamp),
    /// It broke off for want of calls: as [`Schedule::put_off`].
    PutOff(Timestamp),
    /// Meta limits calls for the whole account, for this long if it said so.
    HoldAccount(Option<Duration>),
    /// Meta rate-limits all accounts of the app, for this long if the response has a duration.
    LimitApp(Option<Duration>),
    /// The token was refused, and would be for every account of the app: see [`Schedule::hold_app`].
    HoldApp,
}

#[derive(Clone, Debug)]
struct Slot {
    due: Timestamp,
    running: bool,
    last_start: Option<Timestamp>,
    failures: u32,
    nudged: bool,
    put_off: bool,
}

/// The slots of all accounts. No poll of an account is due before its hold ends.
#[derive(Debug)]
pub struct Schedule {
    cadences: Cadences,
    dice: fastrand::Rng,
    slots: BTreeMap<Task, Slot>,
    holds: BTreeMap<WabaId, Timestamp>,
    waiting: BTreeSet<(Timestamp, Task)>,
}

impl Schedule {
    /// All polls of these accounts, the first at once.
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
            holds: BTreeMap::new(),
            waiting: BTreeSet::new(),
        };
        let mut due = now;
        for waba_id in accounts {
            for collector in Collector::ALL
                .iter()
                .copied()
                .filter(|collector| !collector.is_other())
            {
                let task = Task {
                    waba_id: waba_id.clone(),
                    collector,
                };
                let slot = Slot {
                    due,
                    running: false,
                    last_start: None,
                    failures: 0,
                    nudged: false,
                    put_off: false,
                };
                schedule.waiting.insert((due, task.clone()));
                schedule.slots.insert(task, slot);
            }
            due = due.plus(START_SPACING);
        }
        schedule
    }

    /// How often each collector polls.
    #[must_use]
    pub fn cadences(&self) -> &Cadences {
        &self.cadences
    }

    /// Takes the poll that has been due longest, and counts it as running until [`Schedule::finished`].
    pub fn take_due(&mut self, now: Timestamp) -> Option<Task> {
        let (due, _) = self.waiting.first()?;
        if *due > now {
            return None;
        }
        let (_, task) = self.waiting.pop_first()?;
        if let Some(slot) = self.slots.get_mut(&task) {
            slot.running = true;
            slot.nudged = false;
        }
        Some(task)
    }

    /// When the next poll is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// A poll that was taken has begun.
    pub fn started(&mut self, task: &Task, now: Timestamp) {
        if let Some(slot) = self.slots.get_mut(task) {
            slot.last_start = Some(now);
            slot.put_off = false;
        }
    }

    /// A poll that was taken did not begin, for want of calls. Says whether that is news: a poll put
    /// off again and again is one deferral until it begins.
    pub fn put_off(&mut self, task: &Task, until: Timestamp) -> bool {
        let Some(slot) = self.slots.get_mut(task) else {
            return false;
        };
        slot.running = false;
        let news = !std::mem::replace(&mut slot.put_off, true);
        self.set_due(task, until);
        news
    }

    /// A poll that was taken and begun has ended.
    pub fn finished(&mut self, task: &Task, now: Timestamp, next: Next) {
        let cadence = self.jittered(self.cadences.of(task.collector));
        let retry = self.jittered(FIRST_RETRY);
        let Some(slot) = self.slots.get_mut(task) else {
            return;
        };
        let failures = slot.failures;
        slot.failures = if next == Next::AtCadence {
            0
        } else {
            failures.saturating_add(1)
        };
        let began = slot.last_start.unwrap_or(now);
        let due = match next {
            Next::AtCadence => began.plus(cadence).max(now),
            Next::Retry => now.plus(doubled(retry, failures).min(cadence)),
            Next::NotBefore(at) | Next::PutOff(at) => at.max(now),
            Next::HoldAccount(wait) | Next::LimitApp(wait) => {
                let wait = wait
                    .unwrap_or(doubled(FIRST_RATE_LIMIT_WAIT, failures))
                    .min(LONGEST_WAIT);
                now.plus(wait)
            }
            Next::HoldApp => now.plus(self.cadences.numbers),
        };
        slot.running = false;
        let nudged = std::mem::take(&mut slot.nudged);
        self.set_due(task, due);
        match next {
            Next::HoldAccount(_) | Next::LimitApp(_) | Next::HoldApp => {
                self.hold_account(&task.waba_id, due);
            }
            _ if nudged => self.nudge(task, now),
            _ => {}
        }
    }

    /// Moves a poll forward: soon, but neither at once nor right after the last one.
    pub fn nudge(&mut self, task: &Task, now: Timestamp) {
        let Some(slot) = self.slots.get_mut(task) else {
            return;
        };
        if slot.running {
            slot.nudged = true;
            return;
        }
        let after_last = slot.last_start.map_or(now, |start| start.plus(NUDGE_GAP));
        let due = now.plus(NUDGE_DELAY).max(after_last);
        // After a failure the slot waits for a reason; webhooks do not shorten that.
        if slot.failures == 0 && due < slot.due {
            self.set_due(task, due);
        }
    }

    /// Holds every account of an app whose token was refused, for as long as numbers wait for their next
    /// poll. They come back one after the other, so that the first finds out for nearly all whether it
    /// is still refused.
    pub fn hold_app<'a>(&mut self, accounts: impl IntoIterator<Item = &'a WabaId>, now: Timestamp) {
        self.hold_until(accounts, now.plus(self.cadences.numbers));
    }

    /// Pauses every account of a rate-limited app until one of them may be polled again.
    pub fn limit_app<'a>(
        &mut self,
        accounts: impl IntoIterator<Item = &'a WabaId>,
        limited: &WabaId,
    ) {
        if let Some(until) = self.holds.get(limited).copied() {
            self.hold_until(accounts, until);
        }
    }

    fn hold_until<'a>(
        &mut self,
        accounts: impl IntoIterator<Item = &'a WabaId>,
        mut until: Timestamp,
    ) {
        for waba_id in accounts {
            self.hold_account(waba_id, until);
            until = until.plus(START_SPACING);
        }
    }

    /// Is this account being held?
    #[must_use]
    pub fn is_held(&self, waba_id: &WabaId, now: Timestamp) -> bool {
        self.holds.get(waba_id).is_some_and(|until| *until > now)
    }

    fn hold_account(&mut self, waba_id: &WabaId, until: Timestamp) {
        let held = self.holds.entry(waba_id.clone()).or_insert(until);
        *held = until.max(*held);
        for collector in Collector::ALL.iter().copied() {
            let task = Task {
                waba_id: waba_id.clone(),
                collector,
            };
            if let Some(slot) = self.slots.get(&task).filter(|slot| !slot.running) {
                self.set_due(&task, slot.due);
            }
        }
    }

    fn set_due(&mut self, task: &Task, due: Timestamp) {
        let held_until = self.holds.get(&task.waba_id).copied();
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

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16)))
}

#[cfg(test)]
mod tests;
