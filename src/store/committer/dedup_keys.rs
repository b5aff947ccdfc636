//! Reads the delivery keys of a shard, and those of a store that was copied into this one.

use super::Committer;
use crate::domain::Shard;
use crate::state::DedupScope;
use crate::store::engine::StoreError;
use crate::store::rows;

impl Committer {
    /// Reads the keys of a store of one process that was copied into this one.
    pub(super) async fn read_copied_keys(&mut self) -> Result<(), StoreError> {
        for scope in DedupScope::ALL {
            if let Some(engine) = self.database.shared() {
                let segments = engine.copied_keys(scope).await?;
                let keys = segments.iter().map(|keys| rows::to_keys(keys));
                let keys = keys.collect::<Result<Vec<_>, _>>()?;
                let keys = keys.into_iter().flatten().collect();
                self.state.restore_copied_changes(scope, keys);
            }
        }
        Ok(())
    }

    pub(super) async fn read_keys(&mut self, shard: Shard) -> Result<(), StoreError> {
        for scope in DedupScope::ALL {
            let saved = self.database.delivery_keys(shard, scope).await?;
            let newest = saved.last().map_or(0, |(newest, _)| *newest);
            let newest = u64::try_from(newest).unwrap_or(0);
            let segments = saved.iter().map(|(_, keys)| rows::to_keys(keys));
            let segments = segments.collect::<Result<Vec<_>, _>>()?;
            let keys = segments.into_iter().flatten();
            self.state
                .restore_applied_changes(shard, scope, keys, newest);
        }
        Ok(())
    }
}
