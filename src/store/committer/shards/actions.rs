//! Executes what a heartbeat decided: acquires, releases and drops shards, and ends the sessions of stalled owners.

use std::time::Duration;

use crate::clock;
use crate::cluster::{Action, Release};
use crate::domain::Shard;
use crate::store::committer::Committer;
use crate::store::engine::{Acquired, StoreError, StoreErrorReason};

/// Wait before a shard that could not be loaded is tried again.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(60);

impl Committer {
    pub(super) async fn perform(&mut self, action: Action) -> Result<(), StoreError> {
        let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) else {
            return Ok(());
        };
        match action {
            Action::Drop(shard) => {
                engine.drop_shard(shard);
                tracing::warn!(shard = shard.0, "lost a shard to another replica");
                self.unload().await
            }
            Action::Terminate(backend) => {
                let view = replica.view.iter().flat_map(|view| &view.shards);
                let held = view.filter(|row| row.holder == Some(backend));
                replica.terminated.extend(held.map(|row| row.shard));
                tracing::warn!(
                    backend = backend.pid,
                    "a replica makes no progress; ending its session to take its shards"
                );
                engine.terminate(backend).await?;
                // The next heartbeat finds the shards free.
                replica.hints.note_shards();
                Ok(())
            }
            Action::Release(shard) => {
                let now = clock::since_boot();
                let Some(release) = replica.member.release(shard, now) else {
                    return Ok(());
                };
                // Before the release is sent to the database, so that nothing of the shard is read after another
                // replica owns it.
                self.publish_exports();
                self.unload().await?;
                if let Some(engine) = self.database.shared() {
                    engine.release(shard, release).await?;
                }
                tracing::debug!(shard = shard.0, "released a shard");
                Ok(())
            }
            Action::Acquire(shard) => {
                let began = clock::since_boot();
                let may_load = replica.unloadable.get(&shard).is_none_or(|at| *at <= began);
                if may_load && let Some(acquired) = engine.acquire(shard).await? {
                    let loaded = self.load_shard(shard, acquired, began).await;
                    if let Err(error) = loaded {
                        return self.give_back(shard, acquired, error).await;
                    }
                }
                Ok(())
            }
        }
    }

    /// Gives up a shard that cannot be loaded, so that the other shards continue, and tries it again later. Returns the
    /// error if the session is the reason.
    async fn give_back(
        &mut self,
        shard: Shard,
        acquired: Acquired,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) else {
            return Err(error);
        };
        if !matches!(
            error.reason,
            StoreErrorReason::Corrupt | StoreErrorReason::Interrupted
        ) {
            return Err(error);
        }
        tracing::error!(
            shard = shard.0, %error,
            "cannot load a shard; its accounts are not polled or exported by this replica, which tries again in a minute"
        );
        replica
            .unloadable
            .insert(shard, clock::since_boot() + LOAD_AGAIN_AFTER);
        let release = Release {
            epoch: acquired.epoch,
            // The hold-off after the previous owner may not be over.
            released: acquired.was_released,
        };
        engine.release(shard, release).await
    }

    /// Releases all shards, so that other replicas take them at once.
    pub(in crate::store::committer) async fn leave(&mut self) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        replica.member.leave();
        if let Err(error) = self.release_all().await {
            tracing::warn!(%error, "could not release the shards; other replicas take them when the session ends");
        }
    }

    async fn release_all(&mut self) -> Result<(), StoreError> {
        self.heartbeat().await?;
        while let Some(replica) = &mut self.replica
            && let Some(action) = replica.actions.pop_front()
        {
            self.perform(action).await?;
        }
        Ok(())
    }
}
