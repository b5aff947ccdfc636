//! What the committer publishes: the committed state, the queues, and what this replica may export.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::time::Instant;

use super::account_index::AccountIndex;
use super::counters::drift_counter;
use super::engine::{Engine, InboxSize, ReadConnections, SignalSpan, StoreError, Versions};
use super::kept_out::KeptOutLog;
use super::relay_queue::{RelayIndex, Span};
use super::{ReplicaInfo, StoreUnavailable};
use crate::clock;
use crate::cluster::{Backend, Exports, Permit, View};
use crate::domain::{Event, Shard, Sharding, Timestamp, WabaId};
use crate::state::{Account, Accounts, Change, State};
use crate::telemetry::Telemetry;

/// Default time that a webhook may lag behind a poll before a change counts as drift.
const DRIFT_GRACE_MS: u64 = 3_600_000;

/// The store is not sound if the last answered heartbeat is older. The lease ends earlier.
const STALLED_AFTER: Duration = Duration::from_secs(5);

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
    /// What the next heartbeat tells other replicas.
    pub(super) replica: ArcSwap<ReplicaInfo>,
    /// When the acquisition of shards began that are not exported yet.
    takeovers: Mutex<BTreeMap<Shard, Duration>>,
}

/// A permit to export the accounts of this replica. `None` for a store of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPermit(Option<Permit>);

impl ExportPermit {
    pub(super) fn includes(&self, shard: Shard) -> bool {
        let Self(permit) = self;
        permit.as_ref().is_none_or(|permit| permit.includes(shard))
    }
}

/// How a shard came to this replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takeover {
    /// Nobody has owned it before.
    First,
    /// Its owner has released it.
    Released,
    /// The session of its owner has ended.
    Lost,
    /// Its owner made no progress, and this replica has ended its session.
    Terminated,
}

impl Takeover {
    const ALL: [Self; 4] = [Self::First, Self::Released, Self::Lost, Self::Terminated];

    /// The label value.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Terminated => "terminated",
        }
    }
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

    /// Whether this replica may export the shard now.
    pub(super) fn exports(&self, shard: Shard) -> bool {
        let exports = self.exports.as_ref();
        exports.is_none_or(|exports| exports.load().includes(shard, clock::since_boot()))
    }

    /// Whether no other replica can have taken over.
    pub(super) fn has_lease(&self) -> bool {
        let exports = self.exports.as_ref();
        exports.is_none_or(|exports| exports.load().is_valid(clock::since_boot()))
    }

    pub(super) fn is_watched(&self, waba_id: &WabaId) -> bool {
        match self.exports {
            None => self.accounts().contains_key(waba_id),
            Some(_) => self.watched.load().contains(waba_id),
        }
    }

    pub(super) fn account(&self, waba_id: &WabaId) -> Option<Arc<Account>> {
        let account = self.accounts().get(waba_id).map(Arc::clone);
        account.filter(|_| self.exports(self.sharding.of_account(waba_id)))
    }

    /// A snapshot of the accounts that this permit includes.
    pub(super) fn snapshot_within(&self, ExportPermit(permit): &ExportPermit) -> Accounts {
        let mut accounts = self.accounts().clone();
        if let Some(permit) = permit {
            accounts.retain(|waba_id, _| permit.includes(self.sharding.of_account(waba_id)));
        }
        accounts
    }

    pub(super) fn permit(&self) -> ExportPermit {
        let exports = self.exports.as_ref();
        ExportPermit(exports.map(|exports| exports.load().permit(clock::since_boot())))
    }

    pub(super) fn is_shared(&self) -> bool {
        self.exports.is_some()
    }

    /// The part of the permit that is still valid.
    pub(super) fn narrow(&self, ExportPermit(permit): &ExportPermit) -> ExportPermit {
        let permit = permit.as_ref().zip(self.exports.as_ref());
        let now = clock::since_boot();
        ExportPermit(permit.map(|(permit, exports)| permit.narrow(&exports.load(), now)))
    }

    /// Publishes what may be exported from now on.
    pub(super) fn publish_exports(&self, exports: Exports) {
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

    pub(super) fn publish_watched(&self, watched: &BTreeSet<WabaId>) {
        if self.exports.is_some() {
            self.watched.store(Arc::new(watched.clone()));
        }
    }

    fn takeovers(&self) -> MutexGuard<'_, BTreeMap<Shard, Duration>> {
        self.takeovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a shard that was acquired; its takeover ends when it is exported.
    pub(super) fn note_takeover(&self, shard: Shard, how: Takeover, began: Duration) {
        let takeovers = &self.telemetry.shard_takeovers;
        takeovers.with_label_values(&[how.as_str()]).inc();
        self.takeovers().insert(shard, began);
    }

    /// Shows the replicas and the owners of shards.
    pub(super) fn note_replicas(&self, view: &View, own: Backend) {
        let connected = view.replicas.iter().filter(|row| row.connected);
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.telemetry.replicas.set(gauge(connected.count()));
        let shards = &view.shards;
        let owned = shards.iter().filter(|row| row.holder == Some(own)).count();
        let unowned = shards.iter().filter(|row| row.holder.is_none()).count();
        for (state, count) in [("owned", owned), ("unowned", unowned)] {
            let shards = self.telemetry.shards.with_label_values(&[state]);
            shards.set(gauge(count));
        }
    }

    /// Shows the connections for reading.
    pub(super) fn note_read_connections(&self, connections: ReadConnections) {
        let ReadConnections { busy, idle } = connections;
        for (state, count) in [("busy", busy), ("idle", idle)] {
            let gauge = self.telemetry.store_connections.with_label_values(&[state]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Shows what waits in the inbox for this replica.
    pub(super) fn note_inbox(&self, size: InboxSize) {
        self.telemetry.inbox_pending.set(size.rows);
        let oldest = &self.telemetry.inbox_oldest;
        match size.oldest_ms {
            Some(ms) => oldest
                .with_label_values::<&str>(&[])
                .set(Timestamp::from_millis(ms).as_seconds_f64()),
            None => oldest.reset(),
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
            let is_news = *known != span;
            *known = span;
            is_news
        });
    }

    pub(super) fn publish_signals(&self, span: SignalSpan) {
        self.signals.send_if_modified(|known| {
            let is_new = *known != span;
            *known = span;
            is_new
        });
    }

    pub(super) fn note_sound(&self) {
        self.is_stalled.store(false, Ordering::Relaxed);
        self.telemetry.store_up.set(1);
        if self.error.swap(None).is_some() {
            tracing::info!("store accepts commits again");
        }
    }

    /// The database has answered a heartbeat, so it does not stall any more.
    pub(super) fn note_answer(&self) {
        if self.is_stalled.swap(false, Ordering::Relaxed) {
            self.note_sound();
        }
    }

    /// If the database has not answered a heartbeat for too long, the store is not sound: a commit waits, for example for a
    /// synchronous standby that is gone, and nothing fails.
    pub(super) fn notice_stall(&self) {
        let age = self
            .exports
            .as_ref()
            .and_then(|exports| exports.load().age(clock::since_boot()));
        let is_stalled = age.is_some_and(|age| age >= STALLED_AFTER);
        if is_stalled && self.error.load().is_none() {
            self.is_stalled.store(true, Ordering::Relaxed);
            self.note_error(&StoreError::slow(STALLED_AFTER));
        }
    }

    /// While the database does not answer, a commit would only wait.
    pub(super) fn check_stall(&self) -> Result<(), StoreUnavailable> {
        match self.is_stalled.load(Ordering::Relaxed) {
            true => Err(StoreUnavailable::slow(STALLED_AFTER)),
            false => Ok(()),
        }
    }

    /// Counts the error, and logs it if its reason is new.
    pub(super) fn note_error(&self, error: &StoreError) -> StoreUnavailable {
        let reason = error.reason.as_str();
        let failures = &self.telemetry.store_commit_failures;
        failures.with_label_values(&[reason]).inc();
        self.telemetry.store_up.set(0);
        let unavailable = StoreUnavailable::failed(error);
        let before = self.error.swap(Some(Arc::new(unavailable.clone())));
        if before.as_deref() != Some(&unavailable) {
            tracing::error!(%error, reason, "store cannot commit; refusing webhooks until it recovers");
        }
        unavailable
    }

    pub(super) fn count(&self, event: &Event, change: &Change) {
        let (telemetry, waba_id) = (&self.telemetry, &event.waba_id);
        telemetry.webhook_refused.inc_by(change.expired as u64);
        if change.expired > 0 {
            let expired = change.expired;
            tracing::warn!(%waba_id, expired, "webhook events dropped; no phone number matched their digits for a week");
        }
        // These are the business's own numbers, so logging them is safe.
        for digits in &change.unmatched {
            let digits = digits.as_str();
            tracing::warn!(%waba_id, digits, "webhook events on hold; no listed phone number has their digits");
        }
        for (kind, count) in &change.kept_out {
            let labels = [waba_id.as_str(), kind.as_str()];
            telemetry
                .objects_refused
                .with_label_values(&labels)
                .inc_by(*count);
            self.kept_out.record(waba_id, *kind, Instant::now());
        }
        if event.source.is_webhook() {
            telemetry
                .webhook_unwatched
                .inc_by(u64::from(change.unwatched));
            let is_retry = change.duplicate && !event.fact.is_in_several_webhooks();
            telemetry.webhook_duplicates.inc_by(u64::from(is_retry));
            telemetry.webhook_refused.inc_by(u64::from(change.refused));
            telemetry.webhook_stale.inc_by(u64::from(change.is_stale()));
        }
        let grace = Duration::from_millis(self.drift_grace_ms.load(Ordering::Relaxed));
        let confirmed = change
            .drift
            .iter()
            .filter(|(.., drift)| drift.reaches(grace));
        for (entity, attribute, drift) in confirmed {
            drift_counter(telemetry, entity, attribute, drift.kind).inc();
        }
    }
}
