//! Selects the next delivery of an upstream: the oldest that has no older one waiting in its lanes.
//!
//! Pure: the caller passes arrivals, outcomes and the time. A failed delivery waits for its retry, and its lanes wait
//! for it; others continue. A parked delivery is in no lane until an operator retries it.

mod attempt;
mod parked;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::deadline::ReceiptTimes;
use super::lanes::{LaneTable, Membership};

use crate::domain::{LaneKind, WabaId};
use crate::store::QueuedDelivery;

/// The deliveries of one upstream.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<i64, QueueEntry>,
    parked: BTreeMap<i64, QueueEntry>,
    lanes: LaneTable,
    /// Deliveries that were never attempted and that probably can be sent now.
    untried: BTreeSet<i64>,
    /// Deliveries that failed and that probably can be sent again now.
    due: BTreeSet<i64>,
    /// Failed deliveries, by the time of their next attempt.
    resting: BTreeSet<(Instant, i64)>,
    /// Waiting deliveries with customers' messages.
    messages: BTreeSet<i64>,
}

#[derive(Debug)]
struct QueueEntry {
    receipt: ReceiptTimes,
    membership: Membership,
    bytes: usize,
    place: QueuePlace,
    was_tried: bool,
    /// Failures since the upstream last recovered; they determine the wait.
    failures: u32,
    /// Failures that were caused by the delivery itself.
    refusals: u32,
    /// Those of these failures since which no other delivery was accepted: the upstream may have caused them.
    unconfirmed: u32,
    /// Number of the upstream's successes at the last attempt.
    successes_seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueuePlace {
    /// Blocked by earlier deliveries, or ready.
    Waiting,
    Resting(Instant),
    InFlight,
}

/// A delivery to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextDelivery {
    pub delivery: i64,
    pub bytes: usize,
}

impl Queue {
    /// Adds a delivery.
    pub fn add(&mut self, waiting: QueuedDelivery, receipt: ReceiptTimes) {
        let entry = QueueEntry {
            receipt,
            membership: Membership {
                lanes: waiting.lanes,
                waba_ids: waiting.waba_ids.into(),
            },
            bytes: waiting.bytes,
            place: QueuePlace::Waiting,
            was_tried: false,
            failures: 0,
            refusals: 0,
            unconfirmed: 0,
            successes_seen: 0,
        };
        if waiting.is_parked {
            self.parked.insert(waiting.delivery, entry);
        } else {
            self.enter(waiting.delivery, entry);
        }
    }

    /// The next delivery to send, until [`done`](Self::done), [`failed`](Self::failed) or [`park`](Self::park) is
    /// called. `successes` is the upstream's number of successes so far. While the upstream `is_down`, deliveries
    /// that were never attempted come first: those that failed would fail again, and hide that the upstream accepts
    /// others.
    pub fn take(&mut self, now: Instant, successes: u64, is_down: bool) -> Option<NextDelivery> {
        while let Some((due, delivery)) =
            self.resting.first().copied().filter(|(due, _)| *due <= now)
        {
            self.resting.remove(&(due, delivery));
            if let Some(entry) = self.waiting.get_mut(&delivery) {
                entry.place = QueuePlace::Waiting;
            }
            self.due.insert(delivery);
        }
        while let Some(delivery) = self.pop_ready(is_down) {
            let Some(entry) = self.waiting.get_mut(&delivery) else {
                continue;
            };
            // An older delivery of its lanes may have been unparked.
            if !self.lanes.is_free(delivery, &entry.membership) {
                continue;
            }
            entry.place = QueuePlace::InFlight;
            entry.was_tried = true;
            if entry.failures == 0 {
                entry.successes_seen = successes;
            }
            self.lanes.set_in_flight(&entry.membership, true);
            let bytes = entry.bytes;
            return Some(NextDelivery { delivery, bytes });
        }
        None
    }

    fn pop_ready(&mut self, is_down: bool) -> Option<i64> {
        let (untried, due) = (self.untried.first(), self.due.first());
        let takes_due = match (untried, due) {
            (Some(untried), Some(due)) => !is_down && due < untried,
            (untried, _) => untried.is_none(),
        };
        let ready = if takes_due {
            &mut self.due
        } else {
            &mut self.untried
        };
        ready.pop_first()
    }

    /// Removes a delivery that need not be sent any more. Returns its time of receipt if it was waiting.
    pub fn done(&mut self, delivery: i64) -> Option<ReceiptTimes> {
        let entry = self.parked.remove(&delivery);
        let entry = entry.or_else(|| self.exit(delivery));
        entry.map(|entry| entry.receipt)
    }

    /// Removes all deliveries before this one, which the store has dropped; returns their number.
    pub fn drop_before(&mut self, oldest: i64) -> usize {
        let gone: Vec<i64> = self
            .waiting
            .range(..oldest)
            .map(|(id, _)| *id)
            .chain(self.parked.range(..oldest).map(|(id, _)| *id))
            .collect();
        for delivery in &gone {
            self.done(*delivery);
        }
        gone.len()
    }

    /// Removes expired deliveries, including parked ones, unless they are in flight.
    pub fn expire(&mut self, is_too_old: impl Fn(&ReceiptTimes) -> bool) -> Vec<i64> {
        let all = self.waiting.iter().chain(&self.parked);
        let old = all
            .filter(|(_, entry)| entry.place != QueuePlace::InFlight && is_too_old(&entry.receipt));
        let old: Vec<i64> = old.map(|(delivery, _)| *delivery).collect();
        for delivery in &old {
            self.done(*delivery);
        }
        old
    }

    /// Time of the next retry.
    pub fn next_due(&self) -> Option<Instant> {
        self.resting.first().map(|(due, _)| *due)
    }

    /// Number of waiting deliveries, including those in flight, without parked ones.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Receipt times of the oldest waiting delivery.
    pub fn oldest(&self) -> Option<ReceiptTimes> {
        let first = self.waiting.first_key_value();
        first.map(|(_, entry)| entry.receipt)
    }

    /// Receipt times of the oldest waiting delivery with customers' messages.
    pub fn oldest_message(&self) -> Option<ReceiptTimes> {
        let entry = self.waiting.get(self.messages.first()?);
        entry.map(|entry| entry.receipt)
    }

    /// The accounts of a delivery.
    pub fn waba_ids(&self, delivery: i64) -> &[WabaId] {
        let entry = self
            .waiting
            .get(&delivery)
            .or_else(|| self.parked.get(&delivery));
        entry.map_or(&[], |entry| &entry.membership.waba_ids)
    }

    fn enter(&mut self, delivery: i64, mut entry: QueueEntry) {
        entry.place = QueuePlace::Waiting;
        self.lanes.join(delivery, &entry.membership);
        if entry.membership.lanes.kind != LaneKind::Management {
            self.messages.insert(delivery);
        }
        self.waiting.insert(delivery, entry);
        self.update_ready(delivery);
    }

    fn exit(&mut self, delivery: i64) -> Option<QueueEntry> {
        let mut entry = self.waiting.remove(&delivery)?;
        match entry.place {
            QueuePlace::InFlight => self.lanes.set_in_flight(&entry.membership, false),
            QueuePlace::Resting(due) => drop(self.resting.remove(&(due, delivery))),
            QueuePlace::Waiting => {
                self.untried.remove(&delivery);
                self.due.remove(&delivery);
            }
        }
        entry.place = QueuePlace::Waiting;
        self.messages.remove(&delivery);
        self.lanes.leave(delivery, &entry.membership);
        for next in self.lanes.unblocked(&entry.membership) {
            self.update_ready(next);
        }
        Some(entry)
    }

    fn update_ready(&mut self, delivery: i64) {
        if let Some(entry) = self.waiting.get(&delivery)
            && entry.place == QueuePlace::Waiting
            && self.lanes.is_free(delivery, &entry.membership)
        {
            let ready = if entry.was_tried {
                &mut self.due
            } else {
                &mut self.untried
            };
            ready.insert(delivery);
        }
    }
}

#[cfg(test)]
mod tests;
