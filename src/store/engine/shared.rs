//! What only a store of several replicas has: shards with owners, and an inbox for events that reach another replica.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::Shard;
use crate::store::relay_queue::RelayDelivery;

/// Events for an account of another replica, or a delivery for its relay.
pub struct InboxInsert {
    /// The shard whose owner applies them.
    pub shard: Shard,
    /// Unix milliseconds of the receipt.
    pub received_ms: i64,
    /// The encoded events.
    pub events: Vec<u8>,
    /// The delivery for the relay.
    pub delivery: Option<RelayDelivery>,
}

/// A row of the inbox.
pub struct InboxRow {
    /// Its id. Ids are not in the order of commits: a row with a lower id may appear later.
    pub id: i64,
    /// Its shard.
    pub shard: Shard,
    /// The encoded events.
    pub events: Vec<u8>,
    /// The delivery for the relay.
    pub delivery: Option<RelayDelivery>,
}

/// The part of an engine that several replicas share.
#[async_trait]
pub trait SharedEngine: Send {
    /// The oldest rows of the inbox for the shards that this replica owns.
    async fn inbox(&mut self, limit: u32) -> Result<Vec<InboxRow>, StoreError>;
}
