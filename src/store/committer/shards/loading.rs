//! Loads the data of acquired shards, and drops that of shards which another replica owns.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock;
use crate::cluster::Epoch;
use crate::domain::{Shard, Sharding, WabaId};
use crate::store::StoreUnavailable;
use crate::store::committer::Committer;
use crate::store::engine::{Acquired, StoreError};
use crate::store::published::Takeover;

impl Committer {
    /// Loads an acquired shard, and owns it.
    pub(super) async fn load_shard(
        &mut self,
        shard: Shard,
        acquired: Acquired,
        began: Duration,
    ) -> Result<(), StoreError> {
        let newest = self.signals.span().newest;
        if let Some(engine) = self.database.shared() {
            engine.adopt_signals(shard, newest).await?;
        }
        // The hold-off begins when the epoch is raised, so it passes while the state is loaded.
        let acquired_at = clock::since_boot();
        self.read_keys(shard).await?;
        let sharding = self.state.sharding();
        let waba_ids = self.watched.iter();
        let of_shard = waba_ids.filter(|waba_id| sharding.of_account(waba_id) == shard);
        let of_shard: Vec<WabaId> = of_shard.cloned().collect();
        let accounts = self.load(&of_shard).await?;
        let Acquired {
            epoch,
            was_released,
        } = acquired;
        let Some(replica) = &mut self.replica else {
            return Ok(());
        };
        if !replica
            .member
            .acquired(shard, epoch, was_released, acquired_at)
        {
            return Ok(());
        }
        let how = match (epoch, was_released) {
            (Epoch(1), _) => Takeover::First,
            (_, true) => Takeover::Released,
            (_, false) if replica.terminated.remove(&shard) => Takeover::Terminated,
            (_, false) => Takeover::Lost,
        };
        self.shared.note_takeover(shard, how, began);
        // The history of this shard may be due. Accounts that were pruned already take little time.
        self.pruning = Some(String::new());
        let accounts_of_shard = accounts.len();
        self.watch_owned();
        self.state.adopt(accounts);
        self.first_reads.watch(self.state.accounts());
        self.read_deliveries().await?;
        self.read_signals().await?;
        self.shared.publish_all(&self.state);
        self.publish_exports();
        tracing::debug!(
            shard = shard.0,
            accounts = accounts_of_shard,
            reason = how.as_str(),
            "acquired a shard"
        );
        Ok(())
    }

    /// Drops all data of shards that this replica does not own.
    pub(super) async fn unload(&mut self) -> Result<(), StoreError> {
        self.watch_owned();
        self.shared.publish_all(&self.state);
        self.publish_exports();
        self.read_deliveries().await?;
        self.read_signals().await
    }

    /// Keeps exactly the watched accounts of owned shards in memory. New ones start empty.
    pub(in crate::store::committer) fn watch_owned(&mut self) {
        let sharding = self.state.sharding();
        let replica = self.replica.as_ref();
        let owns =
            |shard: Shard| replica.is_none_or(|replica| replica.member.epoch(shard).is_some());
        let is_own = |waba_id: &WabaId| match sharding {
            Sharding::SINGLE => true,
            _ => owns(sharding.of_account(waba_id)),
        };
        let own: BTreeSet<WabaId> = self
            .watched
            .iter()
            .filter(|id| is_own(id))
            .cloned()
            .collect();
        self.logs.retain(|waba_id| own.contains(waba_id));
        self.state.retain_shards(owns);
        self.state.watch_since(own, Some(clock::now()));
    }

    /// Drops shards that another replica has acquired, as a commit has found.
    pub(in crate::store::committer) async fn drop_fenced(
        &mut self,
        shards: &[Shard],
    ) -> Result<(), StoreUnavailable> {
        if let (Some(replica), Some(engine)) = (&mut self.replica, self.database.shared()) {
            for shard in shards {
                tracing::warn!(shard = shard.0, "another replica has acquired a shard");
                replica.member.drop_fenced(*shard);
                engine.drop_shard(*shard);
            }
        }
        let unloaded = self.unload().await;
        unloaded.map_err(|error| self.doubt(&error))
    }

    /// Publishes the exports of the owned shards.
    pub(super) fn publish_exports(&self) {
        if let Some(replica) = &self.replica {
            self.shared.publish_exports(replica.member.exports());
        }
    }
}
