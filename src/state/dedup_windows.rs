//! The windows of applied changes of each shard, which move with it to another replica.

use std::collections::BTreeMap;

use super::dedup::DedupWindow;
use crate::domain::{DeliveryKey, Fact, Shard, Sharding};

/// Number of remembered keys of changes with facts about the business. Meta retries for up to seven days, and a
/// large provider receives some ten thousand of these changes a day.
const MANAGEMENT_KEYS: usize = 200_000;

/// Number of remembered keys of messages and their statuses. At hundreds per second, these cover some hours in
/// which a retry is recognised.
const MESSAGE_KEYS: usize = 500_000;

/// Divisor of the numbers of keys above for one of many shards, because each shard has a part of the accounts. It is
/// smaller than the number of shards, because one account can have most of the traffic.
const PART_OF_MANY: usize = 5;

/// The kinds of changes whose retries must be detected after a restart, too. Each kind has its own window, so that many
/// messages do not push out the few changes about the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DedupScope {
    /// Changes with facts about the business.
    Management,
    /// Messages and their statuses.
    Messages,
}

impl DedupScope {
    /// All scopes.
    pub const ALL: [Self; 2] = [Self::Management, Self::Messages];

    /// The dedup scope of this fact. `None` if its retries need not be recognised after a restart.
    #[must_use]
    pub fn from_fact(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Message(_) | Fact::Tracked(_) => Some(Self::Messages),
            Fact::Unwatched
            | Fact::CallsSpent(_)
            | Fact::TimePassed
            | Fact::ClockCorrected { .. } => None,
            Fact::AccountRead(_)
            | Fact::AccountLoss(_)
            | Fact::NumbersListed(_)
            | Fact::TemplatesListed(..)
            | Fact::InsightsRead(_)
            | Fact::Account(_)
            | Fact::Number(_)
            | Fact::NumberSpelled(_)
            | Fact::Template(_) => Some(Self::Management),
        }
    }
}

/// The windows of all shards that this process owns.
#[derive(Clone, Debug)]
pub struct DedupWindows {
    sharding: Sharding,
    shards: BTreeMap<Shard, ShardWindows>,
    /// The keys of a store of one process that was copied into this one. A key does not identify its account, so these
    /// keys belong to no shard, and are only read.
    copied: Option<ShardWindows>,
}

#[derive(Clone, Debug)]
struct ShardWindows {
    management: DedupWindow,
    messages: DedupWindow,
}

impl DedupWindows {
    pub fn new(sharding: Sharding) -> Self {
        Self {
            sharding,
            shards: BTreeMap::new(),
            copied: None,
        }
    }

    pub fn sharding(&self) -> Sharding {
        self.sharding
    }

    /// Whether the change was applied in the store that was copied into this one.
    pub fn is_copied(&self, scope: DedupScope, key: DeliveryKey) -> bool {
        let copied = self.copied.as_ref();
        copied.is_some_and(|windows| windows.of(scope).contains(key))
    }

    /// Restores the keys of a store of one process that was copied into this one.
    pub fn restore_copied(&mut self, scope: DedupScope, keys: Vec<DeliveryKey>) {
        if keys.is_empty() && self.copied.is_none() {
            return;
        }
        let copied = self
            .copied
            .get_or_insert_with(|| ShardWindows::new(Sharding::SINGLE));
        let newest = keys.len() as u64;
        copied.of_mut(scope).restore(keys, newest);
    }

    pub fn window(&self, shard: Shard, scope: DedupScope) -> Option<&DedupWindow> {
        Some(self.shards.get(&shard)?.of(scope))
    }

    pub fn window_mut(&mut self, shard: Shard, scope: DedupScope) -> &mut DedupWindow {
        let sharding = self.sharding;
        let windows = self.shards.entry(shard);
        let windows = windows.or_insert_with(|| ShardWindows::new(sharding));
        windows.of_mut(scope)
    }

    /// Keeps only the windows of these shards.
    pub fn retain(&mut self, is_kept: impl Fn(Shard) -> bool) {
        self.shards.retain(|shard, _| is_kept(*shard));
    }
}

impl ShardWindows {
    fn new(sharding: Sharding) -> Self {
        let part = match sharding {
            Sharding::SINGLE => 1,
            _ => PART_OF_MANY,
        };
        Self {
            management: DedupWindow::remembering(MANAGEMENT_KEYS / part),
            messages: DedupWindow::remembering(MESSAGE_KEYS / part),
        }
    }

    fn of(&self, scope: DedupScope) -> &DedupWindow {
        match scope {
            DedupScope::Management => &self.management,
            DedupScope::Messages => &self.messages,
        }
    }

    fn of_mut(&mut self, scope: DedupScope) -> &mut DedupWindow {
        match scope {
            DedupScope::Management => &mut self.management,
            DedupScope::Messages => &mut self.messages,
        }
    }
}

/// How many keys of this scope a store of one process remembers.
#[must_use]
pub fn keys_of_one_process(scope: DedupScope) -> usize {
    match scope {
        DedupScope::Management => MANAGEMENT_KEYS,
        DedupScope::Messages => MESSAGE_KEYS,
    }
}
