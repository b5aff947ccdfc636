//! What this replica may export, and the takeovers of shards that it does not export yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::Published;
use crate::clock;
use crate::cluster::{Exports, Permit};
use crate::domain::{Shard, WabaId};
use crate::state::{Account, Accounts};

/// A permit to export the accounts of this replica. `None` for a store of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPermit(Option<Permit>);

impl ExportPermit {
    pub(in crate::store) fn includes(&self, shard: Shard) -> bool {
        let Self(permit) = self;
        permit.as_ref().is_none_or(|permit| permit.includes(shard))
    }
}

/// How a shard came to this replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Takeover {
    /// It had no owner before.
    First,
    /// Its owner has released it.
    Released,
    /// The session of its owner has ended.
    Lost,
    /// Its owner made no progress, and this replica has ended its session.
    Terminated,
}

impl Takeover {
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Released, Self::Lost, Self::Terminated];

    /// The label value.
    pub(in crate::store) fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Terminated => "terminated",
        }
    }
}

impl Published {
    /// Whether this replica may export the shard now.
    pub(in crate::store) fn exports(&self, shard: Shard) -> bool {
        let exports = self.exports.as_ref();
        exports.is_none_or(|exports| exports.load().includes(shard, clock::since_boot()))
    }

    /// Whether no other replica can have taken over.
    pub(in crate::store) fn has_lease(&self) -> bool {
        let exports = self.exports.as_ref();
        exports.is_none_or(|exports| exports.load().is_valid(clock::since_boot()))
    }

    pub(in crate::store) fn is_watched(&self, waba_id: &WabaId) -> bool {
        match self.exports {
            None => self.accounts().contains_key(waba_id),
            Some(_) => self.watched.load().contains(waba_id),
        }
    }

    pub(in crate::store) fn account(&self, waba_id: &WabaId) -> Option<Arc<Account>> {
        let account = self.accounts().get(waba_id).map(Arc::clone);
        account.filter(|_| self.exports(self.sharding.of_account(waba_id)))
    }

    /// A snapshot of the accounts that this permit includes.
    pub(in crate::store) fn snapshot_within(
        &self,
        ExportPermit(permit): &ExportPermit,
    ) -> Accounts {
        let mut accounts = self.accounts().clone();
        if let Some(permit) = permit {
            accounts.retain(|waba_id, _| permit.includes(self.sharding.of_account(waba_id)));
        }
        accounts
    }

    pub(in crate::store) fn permit(&self) -> ExportPermit {
        let exports = self.exports.as_ref();
        ExportPermit(exports.map(|exports| exports.load().permit(clock::since_boot())))
    }

    pub(in crate::store) fn is_shared(&self) -> bool {
        self.exports.is_some()
    }

    /// The part of the permit that is still valid.
    pub(in crate::store) fn narrow(&self, ExportPermit(permit): &ExportPermit) -> ExportPermit {
        let permit = permit.as_ref().zip(self.exports.as_ref());
        let now = clock::since_boot();
        ExportPermit(permit.map(|(permit, exports)| permit.narrow(&exports.load(), now)))
    }

    /// Publishes what may be exported from now on.
    pub(in crate::store) fn publish_exports(&self, exports: Exports) {
        let Some(published) = &self.exports else {
            return;
        };
        let now = clock::since_boot();
        let shards: BTreeSet<Shard> = self
            .sharding
            .shards()
            .filter(|shard| exports.includes(*shard, now))
            .collect();
        published.store(Arc::new(exports));
        let mut takeovers = self.takeovers();
        for shard in &shards {
            if let Some(began) = takeovers.remove(shard) {
                let took = now.saturating_sub(began).as_secs_f64();
                self.telemetry.shard_takeover_duration.observe(took);
            }
        }
        drop(takeovers);
        self.shards.send_if_modified(|known| {
            let is_new = **known != shards;
            if is_new {
                *known = Arc::new(shards);
            }
            is_new
        });
    }

    fn takeovers(&self) -> MutexGuard<'_, BTreeMap<Shard, Duration>> {
        self.takeovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a shard that was acquired; its takeover ends when it is exported.
    pub(in crate::store) fn note_takeover(&self, shard: Shard, how: Takeover, began: Duration) {
        let takeovers = &self.telemetry.shard_takeovers;
        takeovers.with_label_values(&[how.as_str()]).inc();
        self.takeovers().insert(shard, began);
    }
}
