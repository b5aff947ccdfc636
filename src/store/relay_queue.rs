//! The deliveries that wait for the relay: what a commit adds, and what is dropped to make room.
//!
//! Bounded by bytes and by count, whatever the upstreams do. Beyond the limits, the oldest deliveries are dropped, so
//! that an upstream that is down neither fills the disk nor blocks an acknowledgement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bytes::Bytes;

use crate::domain::{LaneKind, Lanes, Timestamp, WabaId};

/// Maximum number of waiting deliveries, however small. Each takes some hundred bytes of memory per upstream, in
/// addition to its size in the store.
const MAX_DELIVERIES: usize = 100_000;

/// Characters of a stored lane: its hexadecimal digits and a separator.
const LANE_DIGITS: usize = 17;

/// A lane takes some hundred bytes of the relay's memory, so it counts for more than its stored characters against
/// `relay.max_bytes`.
pub(super) const BYTES_PER_LANE_DIGIT: usize = 8;

/// A verified delivery for the relay. Its body contains customers' data, so it has no `Debug`.
pub struct RelayDelivery {
    /// Time of receipt.
    pub received_at: Timestamp,
    /// The accounts that the delivery mentions.
    pub waba_ids: Vec<WabaId>,
    /// The lanes of its changes, which determine the order of delivery.
    pub lanes: Lanes,
    /// The signature header, as received.
    pub signature: String,
    /// The body, byte for byte as received.
    pub body: Bytes,
}

/// A waiting delivery, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedDelivery {
    /// Its number, which increases with each delivery.
    pub delivery: i64,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// The accounts that the delivery mentions.
    pub waba_ids: Vec<WabaId>,
    /// The lanes of its changes, which determine the order of delivery.
    pub lanes: Lanes,
    /// Size of its body in bytes.
    pub bytes: usize,
    /// Whether it is parked: not retried until an operator requests it.
    pub is_parked: bool,
}

/// Outcomes of deliveries to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Deliveries that the upstream has accepted, or that are dropped for it.
    pub settled: Vec<i64>,
    /// Deliveries that are parked, each with the reason.
    pub parked: Vec<(i64, &'static str)>,
    /// Deliveries that are no longer parked.
    pub unparked: Vec<i64>,
}

impl Settlement {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of outcomes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.settled.len() + self.parked.len() + self.unparked.len()
    }
}

/// What an operator does with parked deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParkedChange {
    /// Send them again.
    Retry,
    /// Drop them.
    Drop,
}

/// The parked deliveries of other replicas that an operator's command is about.
#[derive(Clone, Debug)]
pub struct OthersCommand {
    /// Name of the upstream.
    pub upstream: String,
    /// Accounts whose deliveries are selected; `None` selects all.
    pub waba_ids: Option<BTreeSet<WabaId>>,
    /// What happens to them; `None` counts them.
    pub change: Option<ParkedChange>,
}

/// Deliveries of other replicas for an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OthersDeliveries {
    /// Parked deliveries that the command was about.
    pub selected: usize,
    /// Number of waiting deliveries.
    pub waiting: usize,
    /// Number of parked deliveries.
    pub parked: usize,
}

/// What is sent to an upstream.
pub struct Content {
    /// The signature header, as received.
    pub signature: String,
    /// The body, byte for byte as received.
    pub body: Vec<u8>,
}

/// The range of the stored deliveries. Delivered ones within it are no longer stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Deliveries before this one have been dropped.
    pub oldest: i64,
    /// Number of the newest delivery.
    pub newest: i64,
}

/// The upstreams, and the limits on waiting deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayQueueConfig {
    /// Names of the upstreams. If empty, the relay is disabled.
    pub upstreams: Vec<String>,
    /// Maximum size of all waiting deliveries together, in bytes.
    pub max_bytes: u64,
}

/// Numbers and sizes of the stored deliveries.
#[derive(Debug, Default)]
pub(super) struct RelayIndex {
    sizes: BTreeMap<i64, u64>,
    bytes: u64,
    newest: i64,
}

impl RelayIndex {
    /// Replaces the index with the stored deliveries, given as (number, size).
    pub fn restore(&mut self, stored: impl IntoIterator<Item = (i64, u64)>) {
        self.sizes = stored.into_iter().collect();
        self.bytes = self.sizes.values().sum();
        self.newest = self.newest.max(self.last());
    }

    /// The number of the newest delivery.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// The oldest delivery that can stay after these are added, within both limits.
    pub fn oldest_beside(&self, coming: &[(i64, u64)], max_bytes: u64) -> i64 {
        let mut bytes = self.bytes + coming.iter().map(|(_, size)| size).sum::<u64>();
        let mut count = self.sizes.len() + coming.len();
        let all = self.sizes.iter().map(|(delivery, size)| (*delivery, *size));
        let all = all.chain(coming.iter().copied());
        for (delivery, size) in all {
            if bytes <= max_bytes && count <= MAX_DELIVERIES {
                return delivery;
            }
            bytes -= size;
            count -= 1;
        }
        coming.last().map_or(self.newest, |(newest, _)| *newest) + 1
    }

    /// Adds these deliveries, and removes those before `oldest`.
    pub fn add(&mut self, coming: &[(i64, u64)], oldest: i64) {
        self.newest = coming.last().map_or(self.newest, |(newest, _)| *newest);
        self.sizes.extend(coming.iter().copied());
        self.bytes += coming.iter().map(|(_, size)| size).sum::<u64>();
        while let Some(entry) = self.sizes.first_entry().filter(|it| *it.key() < oldest) {
            self.bytes -= entry.remove();
        }
    }

    /// Removes these deliveries.
    pub fn remove(&mut self, gone: &[i64]) {
        for delivery in gone {
            self.bytes -= self.sizes.remove(delivery).unwrap_or(0);
        }
    }

    /// The stored deliveries.
    pub fn span(&self) -> Span {
        let first = self.sizes.first_key_value();
        Span {
            oldest: first.map_or(self.newest + 1, |(delivery, _)| *delivery),
            newest: self.newest,
        }
    }

    fn last(&self) -> i64 {
        self.sizes
            .last_key_value()
            .map_or(0, |(delivery, _)| *delivery)
    }
}

impl RelayDelivery {
    /// Its approximate size in the store.
    pub(super) fn size(&self) -> u64 {
        let ids: usize = self.waba_ids.iter().map(|id| id.as_str().len() + 1).sum();
        let lanes = self.lanes.keys.len() * LANE_DIGITS * BYTES_PER_LANE_DIGIT;
        (self.body.len() + self.signature.len() + ids + lanes) as u64
    }
}

/// Lanes as text for the store.
pub(super) fn lanes_to_text(lanes: &Lanes) -> String {
    let mut text = kind_to_text(lanes.kind).to_owned();
    for key in &lanes.keys {
        // Writing to a string cannot fail.
        let _ = write!(text, " {key:016x}");
    }
    text
}

/// Lanes from stored text. `None` comes from an earlier version, which stored no lanes.
pub(super) fn lanes_from_text(text: Option<&str>) -> Lanes {
    let mut words = text.unwrap_or_default().split(' ');
    let kind = words.next().unwrap_or_default();
    let kind = LANE_KINDS
        .into_iter()
        .find(|one| kind_to_text(*one) == kind);
    let keys = words.filter_map(|word| u64::from_str_radix(word, 16).ok());
    Lanes {
        kind: kind.unwrap_or(LaneKind::AllMessages),
        keys: keys.collect(),
    }
}

const LANE_KINDS: [LaneKind; 3] = [
    LaneKind::Messages,
    LaneKind::AllMessages,
    LaneKind::Management,
];

fn kind_to_text(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Messages => "c",
        LaneKind::AllMessages => "a",
        LaneKind::Management => "m",
    }
}

#[cfg(test)]
mod tests;
