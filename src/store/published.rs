//! What the committer publishes: the committed state, the queues, and what this replica may export.

mod exports;
mod figures;
mod health;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

pub use self::exports::ExportPermit;
pub(super) use self::exports::Takeover;
use super::account_index::AccountIndex;
use super::engine::{Engine, SignalSpan, Versions};
use super::kept_out::KeptOutLog;
use super::relay_queue::{RelayIndex, Span};
use super::{ReplicaInfo, StoreUnavailable};
use crate::cluster::Exports;
use crate::domain::{Shard, Sharding, WabaId};
use crate::state::{Accounts, State};
use crate::telemetry::Telemetry;

/// Default time that a webhook may lag behind a poll before a change counts as drift.
const DRIFT_GRACE_MS: u64 = 3_600_000;

/// The state that the committer publishes.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) accounts: Mutex<Accounts>,
    pub(super) index: Mutex<AccountIndex>,
    pub(super) deliveries: watch::Sender<Span>,
    pub(super) signals: watch::Sender<SignalSpan>,
    pub(super) is_relay_enabled: AtomicBool,
    /// How long a webhook may lag behind a poll before a change counts as drift.
    pub(super) drift_grace_ms: AtomicU64,
    pub(super) error: ArcSwapOption<StoreUnavailable>,
    pub(super) kept_out: KeptOutLog,
    pub(super) telemetry: Arc<Telemetry>,
    sharding: Sharding,
    /// What this replica may export. `None` for a store of one process, which exports everything.
    exports: Option<ArcSwap<Exports>>,
    shards: watch::Sender<Arc<BTreeSet<Shard>>>,
    /// Counts the changes of discovered accounts by any replica.
    discovered_version: watch::Sender<i64>,
    /// Counts the changes of parked deliveries by commands at any replica.
    relay_version: watch::Sender<i64>,
    /// The watched accounts, whichever replica owns them. Empty for a store of one process.
    watched: ArcSwap<BTreeSet<WabaId>>,
    /// Whether heartbeats have had no answer for so long that the store does not count as sound.
    is_stalled: AtomicBool,
    /// What the next heartbeat reports to other replicas.
    pub(super) replica: ArcSwap<ReplicaInfo>,
    /// Start of the acquisition of each shard that is not exported yet.
    takeovers: Mutex<BTreeMap<Shard, Duration>>,
}

impl Published {
    pub(super) fn new(
        telemetry: Arc<Telemetry>,
        engine: &mut dyn Engine,
        replica: ReplicaInfo,
    ) -> Self {
        let is_shared = engine.shared().is_some();
        if is_shared {
            for how in Takeover::ALL {
                telemetry.shard_takeovers.with_label_values(&[how.as_str()]);
            }
        }
        Self {
            sharding: engine.sharding(),
            exports: is_shared.then(ArcSwap::default),
            shards: watch::Sender::default(),
            discovered_version: watch::Sender::default(),
            relay_version: watch::Sender::default(),
            watched: ArcSwap::default(),
            is_stalled: AtomicBool::new(false),
            replica: ArcSwap::from_pointee(replica),
            takeovers: Mutex::default(),
            accounts: Mutex::default(),
            index: Mutex::default(),
            deliveries: watch::Sender::default(),
            signals: watch::Sender::default(),
            is_relay_enabled: AtomicBool::new(false),
            drift_grace_ms: AtomicU64::new(DRIFT_GRACE_MS),
            error: ArcSwapOption::empty(),
            kept_out: KeptOutLog::default(),
            telemetry,
        }
    }

    /// The published accounts. Hold the lock only to clone the map.
    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of the accounts.
    pub(super) fn index(&self) -> MutexGuard<'_, AccountIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The accounts that the index names.
    pub(super) fn indexed(&self, find: impl FnOnce(&AccountIndex) -> Vec<WabaId>) -> Accounts {
        let waba_ids = find(&self.index());
        let accounts = self.accounts();
        let found = waba_ids.into_iter().filter_map(|waba_id| {
            let account = Arc::clone(accounts.get(&waba_id)?);
            Some((waba_id, account))
        });
        found.collect()
    }

    pub(super) fn sharding(&self) -> Sharding {
        self.sharding
    }

    pub(super) fn shards(&self) -> watch::Receiver<Arc<BTreeSet<Shard>>> {
        self.shards.subscribe()
    }

    pub(super) fn discovered_version(&self) -> watch::Receiver<i64> {
        self.discovered_version.subscribe()
    }

    pub(super) fn relay_version(&self) -> watch::Receiver<i64> {
        self.relay_version.subscribe()
    }

    pub(super) fn publish_versions(&self, versions: Versions) {
        let Versions { discovered, relay } = versions;
        for (sender, version) in [
            (&self.discovered_version, discovered),
            (&self.relay_version, relay),
        ] {
            sender.send_if_modified(|known| std::mem::replace(known, version) != version);
        }
    }

    /// The watched accounts, whichever replica exports them.
    pub(super) fn watched(&self) -> BTreeSet<WabaId> {
        (**self.watched.load()).clone()
    }

    /// The watched accounts that other replicas export.
    pub(super) fn watched_elsewhere(&self) -> BTreeSet<WabaId> {
        let watched = self.watched.load();
        let elsewhere = watched
            .iter()
            .filter(|id| !self.exports(self.sharding.of_account(id)));
        elsewhere.cloned().collect()
    }

    pub(super) fn publish_watched(&self, watched: &BTreeSet<WabaId>) {
        if self.exports.is_some() {
            self.watched.store(Arc::new(watched.clone()));
        }
    }

    /// Publishes the accounts that a commit has changed; `before` has them as they were.
    pub(super) fn publish(&self, before: &Accounts, state: &State) {
        let now = before.keys().map(|waba_id| {
            let account = &state.accounts()[waba_id];
            (waba_id.clone(), Arc::clone(account))
        });
        self.accounts().extend(now);
        let mut index = self.index();
        for (waba_id, before) in before {
            index.update(waba_id, before, &state.accounts()[waba_id]);
        }
    }

    pub(super) fn publish_all(&self, state: &State) {
        self.accounts().clone_from(state.accounts());
        *self.index() = AccountIndex::new(state.accounts());
    }

    pub(super) fn publish_relay_index(&self, index: &RelayIndex) {
        let span = index.span();
        self.deliveries.send_if_modified(|known| {
            let is_new = *known != span;
            *known = span;
            is_new
        });
    }

    pub(super) fn publish_signals(&self, span: SignalSpan) {
        self.signals.send_if_modified(|known| {
            let is_new = *known != span;
            *known = span;
            is_new
        });
    }
}
