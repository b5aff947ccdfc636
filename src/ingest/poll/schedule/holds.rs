//! Holds: Meta's rate limits of accounts and apps, and rejected tokens. No poll of a held account is due.

use std::collections::BTreeMap;

use super::{START_SPACING, Schedule, tasks_of};
use crate::domain::{Timestamp, WabaId};

impl Schedule {
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

    pub(super) fn held_until(&self, waba_id: &WabaId) -> Option<Timestamp> {
        let holds = [&self.rate_limits, &self.refusals];
        holds
            .iter()
            .filter_map(|holds| holds.get(waba_id).copied())
            .max()
    }

    /// Delays the account's polls until its holds end.
    pub(super) fn delay(&mut self, waba_id: &WabaId) {
        for task in tasks_of(waba_id) {
            if let Some(slot) = self.slots.get(&task).filter(|slot| !slot.running) {
                self.set_due(&task, slot.due);
            }
        }
    }
}

/// Extends a hold; it is never shortened.
pub(super) fn extend(holds: &mut BTreeMap<WabaId, Timestamp>, waba_id: &WabaId, until: Timestamp) {
    let held = holds.entry(waba_id.clone()).or_insert(until);
    *held = until.max(*held);
}
