//! Which events a replica applies itself, and which go to the inbox of another owner.

use std::collections::BTreeMap;

use crate::domain::Shard;

/// Items by the replica that applies them. The order within a shard is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<T> {
    /// Items of owned shards, for the state.
    pub local: Vec<T>,
    /// Items of other shards: one row of the inbox for each shard.
    pub foreign: BTreeMap<Shard, Vec<T>>,
}

/// Separates items by ownership.
///
/// Both parts are written in one transaction, and the delivery is acknowledged after its commit. The choice may be
/// outdated: if a shard is fenced, the transaction is rolled back, the shard is dropped, and the items are routed anew.
pub fn route<T>(
    items: impl IntoIterator<Item = T>,
    shard_of: impl Fn(&T) -> Shard,
    owns: impl Fn(Shard) -> bool,
) -> Routed<T> {
    let mut routed = Routed {
        local: Vec::new(),
        foreign: BTreeMap::new(),
    };
    for item in items {
        let shard = shard_of(&item);
        if owns(shard) {
            routed.local.push(item);
        } else {
            routed.foreign.entry(shard).or_default().push(item);
        }
    }
    routed
}
