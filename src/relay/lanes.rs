//! Determines which deliveries may be in flight together: those that share no lane.
//!
//! A delivery belongs to all of its lanes, and waits until it is the oldest in each. In addition to its
//! conversations, a delivery with messages takes part in the lanes of its accounts: one of kind
//! [`LaneKind::AllMessages`] waits for all earlier deliveries there, and all later ones wait for it.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{LaneKind, Lanes, WabaId};

/// The waiting deliveries of every lane.
#[derive(Debug, Default)]
pub(super) struct LaneTable {
    serial: HashMap<u64, Serial>,
    accounts: HashMap<WabaId, AccountMessages>,
}

/// The lanes of a delivery.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub lanes: Lanes,
    pub waba_ids: Box<[WabaId]>,
}

/// One conversation, or one management field of an account: one delivery at a time.
#[derive(Debug, Default)]
struct Serial {
    members: BTreeSet<i64>,
    is_busy: bool,
}

/// The deliveries with messages of one account.
#[derive(Debug, Default)]
struct AccountMessages {
    members: BTreeSet<i64>,
    /// Deliveries of kind `AllMessages`.
    barriers: BTreeSet<i64>,
    in_flight: usize,
    is_barrier_in_flight: bool,
}

impl LaneTable {
    /// Adds a delivery.
    pub fn join(&mut self, delivery: i64, membership: &Membership) {
        for key in &membership.lanes.keys {
            let lane = self.serial.entry(*key).or_default();
            lane.members.insert(delivery);
        }
        let kind = membership.lanes.kind;
        for waba_id in membership.accounts() {
            let account = self.accounts.entry(waba_id.clone()).or_default();
            account.members.insert(delivery);
            if kind == LaneKind::AllMessages {
                account.barriers.insert(delivery);
            }
        }
    }

    /// Whether all earlier deliveries of its lanes are done and none of them is in flight.
    pub fn is_free(&self, delivery: i64, membership: &Membership) -> bool {
        let is_first = |key: &u64| {
            let lane = self.serial.get(key);
            lane.is_some_and(|lane| !lane.is_busy && lane.members.first() == Some(&delivery))
        };
        let is_barrier = membership.lanes.kind == LaneKind::AllMessages;
        let is_let_through = |waba_id: &WabaId| {
            let account = self.accounts.get(waba_id);
            account.is_some_and(|account| {
                if is_barrier {
                    account.in_flight == 0 && account.members.first() == Some(&delivery)
                } else {
                    let barrier = account.barriers.first();
                    !account.is_barrier_in_flight && barrier.is_none_or(|it| *it > delivery)
                }
            })
        };
        membership.lanes.keys.iter().all(is_first) && membership.accounts().all(is_let_through)
    }

    /// Sets whether the delivery is in flight.
    pub fn set_in_flight(&mut self, membership: &Membership, is_in_flight: bool) {
        for key in &membership.lanes.keys {
            if let Some(lane) = self.serial.get_mut(key) {
                lane.is_busy = is_in_flight;
            }
        }
        let is_barrier = membership.lanes.kind == LaneKind::AllMessages;
        for waba_id in membership.accounts() {
            if let Some(account) = self.accounts.get_mut(waba_id) {
                if is_in_flight {
                    account.in_flight += 1;
                } else {
                    account.in_flight -= 1;
                }
                account.is_barrier_in_flight = is_barrier && is_in_flight;
            }
        }
    }

    /// Removes a delivery that is not in flight.
    pub fn leave(&mut self, delivery: i64, membership: &Membership) {
        for key in &membership.lanes.keys {
            if let Some(lane) = self.serial.get_mut(key) {
                lane.members.remove(&delivery);
                if lane.members.is_empty() {
                    self.serial.remove(key);
                }
            }
        }
        for waba_id in membership.accounts() {
            if let Some(account) = self.accounts.get_mut(waba_id) {
                account.members.remove(&delivery);
                account.barriers.remove(&delivery);
                if account.members.is_empty() {
                    self.accounts.remove(waba_id);
                }
            }
        }
    }

    /// Deliveries that may have become sendable because a delivery with these lanes has left or is no longer in
    /// flight.
    pub fn unblocked(&self, membership: &Membership) -> Vec<i64> {
        let lanes = membership.lanes.keys.iter();
        let lanes = lanes.filter_map(|key| self.serial.get(key));
        let mut deliveries: Vec<i64> = lanes
            .filter_map(|lane| lane.members.first().copied())
            .collect();
        let is_barrier = membership.lanes.kind == LaneKind::AllMessages;
        for waba_id in membership.accounts() {
            let Some(account) = self.accounts.get(waba_id) else {
                continue;
            };
            match account.barriers.first() {
                Some(barrier) if is_barrier => {
                    deliveries.extend(account.members.range(..=*barrier));
                }
                Some(barrier) => deliveries.push(*barrier),
                None if is_barrier => deliveries.extend(&account.members),
                None => {}
            }
        }
        deliveries
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.serial.is_empty() && self.accounts.is_empty()
    }
}

impl Membership {
    /// The accounts in whose order of messages the delivery has a place.
    fn accounts(&self) -> impl Iterator<Item = &WabaId> {
        let has_messages = self.lanes.kind != LaneKind::Management;
        self.waba_ids.iter().filter(move |_| has_messages)
    }
}
