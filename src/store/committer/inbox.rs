//! Applies the events that other replicas have received for the accounts of this one.

use std::collections::BTreeMap;

use super::Committer;
use super::commit::{Batch, Committed};
use crate::cluster;
use crate::domain::{Event, Timestamp, WabaId};
use crate::store::engine::{InboxRow, StoreError};
use crate::store::inbox_events;

/// Maximum number of rows in one commit.
const ROWS_AT_ONCE: u32 = 256;

impl Committer {
    /// Applies the oldest rows, and deletes exactly these in the same transaction. Repeats until a read finds less than
    /// it may return, or a heartbeat is due.
    pub(super) async fn apply_inbox(&mut self) -> Result<(), StoreError> {
        while self.apply_rows().await? && !self.is_heartbeat_due() {}
        Ok(())
    }

    /// Returns whether there may be more.
    async fn apply_rows(&mut self) -> Result<bool, StoreError> {
        let Some(engine) = self.database.shared() else {
            return Ok(false);
        };
        let unreadable = self.replica.iter().flat_map(|replica| &replica.unreadable);
        let unreadable: Vec<i64> = unreadable.copied().collect();
        let rows = engine.inbox(ROWS_AT_ONCE, &unreadable).await?;
        let is_full = rows.len() >= ROWS_AT_ONCE as usize;
        let rows = rows.into_iter().map(|row| cluster::InboxRow {
            id: row.id,
            shard: row.shard,
            events: row,
        });
        let rows = cluster::InboxBatch::new(rows.collect(), |shard| self.owns(shard));
        let mut batch = Batch::default();
        let mut events: Vec<Event> = Vec::new();
        let mut received: BTreeMap<WabaId, Timestamp> = BTreeMap::new();
        for row in rows.into_rows() {
            let InboxRow {
                id,
                shard,
                received_ms,
                events: text,
                delivery,
            } = row.events;
            match inbox_events::decode(&text) {
                Ok(decoded) => {
                    let received_at = Timestamp::from_millis(received_ms);
                    let webhooks = decoded.iter().filter(|event| event.source.is_webhook());
                    received.extend(webhooks.map(|event| (event.waba_id.clone(), received_at)));
                    events.extend(decoded);
                    batch.deliveries.extend(delivery);
                    batch.applied.push((id, shard));
                }
                Err(error) => self.note_unreadable(id, &error),
            }
        }
        if batch.applied.is_empty() {
            return Ok(is_full);
        }
        if self.relay_config.upstreams.is_empty() {
            batch.deliveries.clear();
        }
        batch.events = events.iter().collect();
        // If a shard was lost, its rows stay for the next owner; those of other shards are read again. After an error,
        // the caller's next turn recovers.
        let committed = self.commit(batch).await;
        if matches!(committed, Ok(Committed::Changes(_))) {
            for (waba_id, received_at) in received {
                self.shared.telemetry.note_webhook(&waba_id, received_at);
            }
        }
        Ok(matches!(committed, Ok(Committed::Changes(_))) && is_full)
    }

    fn note_unreadable(&mut self, id: i64, error: &inbox_events::Unreadable) {
        tracing::error!(
            id, %error,
            "cannot read events of another replica; they stay in the inbox until a replica of its version owns the shard"
        );
        if let Some(replica) = &mut self.replica {
            replica.unreadable.insert(id);
        }
    }
}
