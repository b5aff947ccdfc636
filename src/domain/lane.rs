//! Lanes of a webhook delivery. The relay keeps the order of deliveries only within a lane.
//!
//! Each conversation is a lane, and so is each management field of an account. A lane is a hash, so that the store
//! contains no customer ids.

use std::collections::BTreeSet;

/// Maximum number of lanes of one delivery. Meta puts at most 1,000 updates into a delivery, so only a forged one has
/// more.
pub const MAX_LANES: usize = 1_024;

/// The lanes of a delivery, which determine its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// The kind of delivery.
    pub kind: LaneKind,
    /// Hashes of its lanes, without duplicates. Empty for a delivery without any order.
    pub keys: Vec<u64>,
}

/// Kind of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneKind {
    /// The delivery contains customers' messages, or statuses of messages to them.
    Messages,
    /// Like `Messages`, but with unknown or too many conversations: it keeps its place among all deliveries with
    /// messages of its accounts.
    AllMessages,
    /// The delivery contains only management events.
    Management,
}

/// Collects the lanes of one delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneSet {
    conversations: BTreeSet<u64>,
    management: BTreeSet<u64>,
}

impl LaneSet {
    /// Adds a conversation. Beyond [`MAX_LANES`] it only records that there are too many.
    pub fn add_conversation(&mut self, key: u64) {
        if self.conversations.len() <= MAX_LANES {
            self.conversations.insert(key);
        }
    }

    /// Adds a field of an account. No known account has more than a few dozen. In a forged delivery, fields beyond
    /// [`MAX_LANES`] have no order.
    pub fn add_management(&mut self, key: u64) {
        if self.management.len() < MAX_LANES {
            self.management.insert(key);
        }
    }

    /// The lanes of the delivery.
    #[must_use]
    pub fn into_lanes(self) -> Lanes {
        let (kind, conversations) = match self.conversations.len() {
            0 => (LaneKind::Management, BTreeSet::new()),
            1..=MAX_LANES => (LaneKind::Messages, self.conversations),
            _ => (LaneKind::AllMessages, BTreeSet::new()),
        };
        let keys = conversations.union(&self.management).copied().collect();
        Lanes { kind, keys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_with_too_many_conversations_is_ordered_among_all_messages() {
        let lanes = |conversations: u64, fields: u64| {
            let mut set = LaneSet::default();
            (0..conversations).for_each(|key| set.add_conversation(key));
            (0..fields).for_each(|key| set.add_management(1_000_000 + key));
            let lanes = set.into_lanes();
            (lanes.kind, lanes.keys.len())
        };
        assert_eq!(lanes(0, 0), (LaneKind::Management, 0));
        assert_eq!(lanes(0, 2), (LaneKind::Management, 2));
        assert_eq!(lanes(3, 2), (LaneKind::Messages, 5));
        assert_eq!(lanes(1_024, 1), (LaneKind::Messages, 1_025));
        assert_eq!(lanes(1_025, 1), (LaneKind::AllMessages, 1));
        assert_eq!(lanes(5_000, 5_000), (LaneKind::AllMessages, 1_024));
    }
}
