//! What this replica watches, polls and exports: single accounts, snapshots and permits.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::{ExportPermit, SideEffectPermit, Store};
use crate::domain::{PhoneNumberId, Shard, WabaId};
use crate::state::{Account, Accounts};

impl Store {
    /// Whether this account is watched.
    #[must_use]
    pub fn is_watched(&self, waba_id: &WabaId) -> bool {
        self.shared.is_watched(waba_id)
    }

    /// The committed state of an account. `None` if it is not watched, or if this replica may not export it.
    #[must_use]
    pub fn account(&self, waba_id: &WabaId) -> Option<Arc<Account>> {
        self.shared.account(waba_id)
    }

    /// The phone numbers that polls or messages have shown in several accounts, which are few.
    #[must_use]
    pub fn numbers_of_several(&self) -> BTreeSet<PhoneNumberId> {
        self.shared.index().numbers_of_several()
    }

    /// A consistent snapshot of the committed state of all accounts that this replica may export.
    #[must_use]
    pub fn snapshot(&self) -> Accounts {
        self.shared.snapshot_within(&self.shared.permit())
    }

    /// Whether several replicas can share the store.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.is_shared()
    }

    /// What this replica may export now. Taken before a snapshot that is sent to others.
    #[must_use]
    pub fn export_permit(&self) -> ExportPermit {
        self.shared.permit()
    }

    /// The part of a permit that is still valid. Checked last, before the first byte of a response.
    #[must_use]
    pub fn narrow(&self, permit: &ExportPermit) -> ExportPermit {
        self.shared.narrow(permit)
    }

    /// A snapshot of the accounts that a permit includes.
    #[must_use]
    pub fn snapshot_within(&self, permit: &ExportPermit) -> Accounts {
        self.shared.snapshot_within(permit)
    }

    /// Whether this replica exports the series that belong to no account: those of an app, a portfolio or a campaign,
    /// given by its name or id.
    #[must_use]
    pub fn exports_key(&self, key: &str) -> bool {
        self.shared.exports(self.shared.sharding().of_key(key))
    }

    /// Whether this replica polls and exports the account.
    #[must_use]
    pub fn exports_account(&self, waba_id: &WabaId) -> bool {
        self.shared
            .exports(self.shared.sharding().of_account(waba_id))
    }

    /// Permission to relay and notify for the shards of this replica.
    #[must_use]
    pub fn side_effect_permit(&self) -> SideEffectPermit {
        SideEffectPermit::new(&self.shared)
    }

    /// Changes when any replica has changed the discovered accounts.
    #[must_use]
    pub fn discovered_version(&self) -> watch::Receiver<i64> {
        self.shared.discovered_version()
    }

    /// Changes when an operator's command at any replica has changed parked deliveries.
    #[must_use]
    pub fn relay_version(&self) -> watch::Receiver<i64> {
        self.shared.relay_version()
    }

    /// The shards that this replica polls and exports; updated when they change.
    #[must_use]
    pub fn shards(&self) -> watch::Receiver<Arc<BTreeSet<Shard>>> {
        self.shared.shards()
    }
}
