//! The windows of applied changes of each shard, which move with it to another replica.

use std::collections::BTreeMap;

use super::DedupScope;
use super::dedup::DedupWindow;
use crate::domain::{Shard, Sharding};

/// Number of remembered keys of changes with facts about the business. Meta retries for up to seven days, and a
/// large provider receives some ten thousand of these changes a day.
const MANAGEMENT_KEYS: usize = 200_000;

/// Number of remembered keys of messages and their statuses. At hundreds per second, these cover some hours in
/// which a retry is recognised.
const MESSAGE_KEYS: usize = 500_000;

/// Of the keys above, a shard among many remembers a part, because each has a part of the accounts. Not the same part as
/// of the shards, because one account can have most of the traffic.
const PART_OF_MANY: usize = 5;

/// The windows of all shards that this process owns.
#[derive(Clone, Debug)]
pub struct DedupWindows {
    sharding: Sharding,
    shards: BTreeMap<Shard, ShardWindows>,
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
        }
    }

    pub fn sharding(&self) -> Sharding {
        self.sharding
    }

    pub fn window(&self, shard: Shard, scope: DedupScope) -> Option<&DedupWindow> {
        let windows = self.shards.get(&shard)?;
        Some(match scope {
            DedupScope::Management => &windows.management,
            DedupScope::Messages => &windows.messages,
        })
    }

    pub fn window_mut(&mut self, shard: Shard, scope: DedupScope) -> &mut DedupWindow {
        let sharding = self.sharding;
        let windows = self.shards.entry(shard);
        let windows = windows.or_insert_with(|| ShardWindows::new(sharding));
        match scope {
            DedupScope::Management => &mut windows.management,
            DedupScope::Messages => &mut windows.messages,
        }
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
}
