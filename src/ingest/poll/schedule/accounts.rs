//! Adds and removes accounts, and changes the intervals, while other polls keep their places.

use std::collections::BTreeSet;

use super::{Cadences, START_SPACING, Schedule, Slot, Task, tasks_of};
use crate::domain::{Timestamp, WabaId};

impl Schedule {
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
}
