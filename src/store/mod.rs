//! Owns the state, makes changes durable, and serves reads.
//!
//! Invariant: after [`Store::commit`] returns successfully, and not before, its events are on disk and in every later
//! snapshot. Everything in a snapshot is durable; a failed commit has changed nothing.

mod account_index;
mod applied;
mod campaign_rows;
mod committer;
pub mod copy;
mod copy_error;
mod counters;
mod customer_log;
mod database_error;
mod duty;
mod engine;
mod examination;
mod history;
pub mod inbox_events;
mod insights;
mod json;
mod kept_out;
mod loading;
mod location;
mod lookups;
mod notify_queue;
mod older_rows;
mod open_error;
mod others;
pub mod postgres;
mod published;
mod readings;
mod refreshes;
mod relay_queue;
mod rows;
mod signals;
mod sqlite;
mod template_rows;
mod unavailable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use copy_error::CopyError;
pub use counters::start_at_zero;
pub use duty::Duty;
pub use engine::{SignalSpan, StoreErrorReason};
pub use examination::ReportError;
pub use history::{Cursor, HistoryQuery, HistoryReader, HistoryRow, Recent, Unreadable};
pub use insights::StoredInsights;
pub use location::Location;
pub use notify_queue::Signal;
pub use open_error::OpenError;
pub use published::ExportPermit;
pub use relay_queue::{
    Content, OthersCommand, OthersDeliveries, ParkedChange, QueuedDelivery, RelayDelivery,
    RelayQueueConfig, Settlement, Span,
};

pub use unavailable::StoreUnavailable;

use crate::domain::track::Trackers;
use crate::domain::{AccountsOfApp, Event, PhoneNumberId, Shard, WabaId};
use crate::state::{Account, Accounts, Change};
use crate::telemetry::{Examination, Telemetry};
use campaign_rows::CampaignRows;
use committer::{Committer, CommitterRequest};
use engine::{AccountParts, Engine, RelayReader, ReportReader, SignalReader};
use examination::last_examination;
use others::Others;
use published::Published;

/// Maximum number of requests that wait for the running commit; further callers wait to send theirs.
const MAX_WAITING: usize = 1_024;

/// Timeout of a commit for its caller. Meta also stops waiting for a response, and retries; if the commit succeeds
/// later, the retry is a duplicate.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a database that does not answer is looked for.
const NOTICE_STALLS_EVERY: Duration = Duration::from_secs(1);

/// The store: the only copy of the state, shared by the whole process.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Published>,
    location: Location,
    history: HistoryReader,
    /// Accounts of other replicas with all their parts, for requests about any account.
    others: Option<Others>,
    /// Accounts of other replicas in the portfolios that this one exports, or decides about.
    portfolio_others: Option<Others>,
    campaigns: Option<CampaignRows>,
    reports: Option<Arc<dyn ReportReader>>,
    deliveries: Arc<dyn RelayReader>,
    signals: Arc<dyn SignalReader>,
    requests: mpsc::Sender<CommitterRequest>,
}

/// The stored data about the key for hashing customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedKey {
    /// The check value of the key in use so far.
    pub check_value: Option<String>,
    /// Whether conversations are stored, but no check value of the key that they were hashed with.
    pub has_unchecked_conversations: bool,
    /// Whether other replicas are connected, which use it.
    pub has_other_replicas: bool,
}

/// What this process tells other replicas about itself.
#[derive(Clone, Debug, Default)]
pub struct ReplicaInfo {
    /// The address of its operator listener, for people.
    pub address: String,
    /// A hash of the settings that all replicas must share.
    pub config_hash: String,
}

/// Discovered accounts, by the name of their app.
pub type Discovered = BTreeMap<String, AccountsOfApp>;

impl Store {
    /// Opens the store at its location, and takes part at once if others share it. No account is watched yet.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open(
        location: &Location,
        keep_journal_for: Duration,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, OpenError> {
        let alone = ReplicaInfo::default();
        let store = Self::open_as(alone, location, keep_journal_for, telemetry).await?;
        store.join().await;
        Ok(store)
    }

    /// Takes a share of the shards from now on, if others share the store. Call it when the accounts to watch and the
    /// queues are known: events of other accounts are dropped.
    pub async fn join(&self) {
        // A closed store takes nothing.
        drop(self.ask(CommitterRequest::Join).await);
    }

    /// Opens the store at its location, as one of several replicas if it is on PostgreSQL, which takes no shards until it
    /// [joins](Self::join). No account is watched yet.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open_as(
        replica: ReplicaInfo,
        location: &Location,
        keep_journal_for: Duration,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, OpenError> {
        let mut database = open_engine(location).await?;
        start_at_zero(&telemetry);
        let shared = Arc::new(Published::new(telemetry, &mut *database, replica));
        let history = HistoryReader::new(&*database, keep_journal_for);
        let others = database.account_reader();
        let others = others.map(|reader| Others::new(reader, AccountParts::All));
        let portfolio_others = database.account_reader();
        let portfolio_others =
            portfolio_others.map(|reader| Others::new(reader, AccountParts::ForLimits));
        let campaigns = database.account_reader().map(CampaignRows::new);
        let reports = database.report_reader();
        let (deliveries, signals) = (database.relay_reader(), database.signal_reader());
        let committer = Committer::new(database, Arc::clone(&shared), keep_journal_for).await;
        let committer = committer.map_err(|error| OpenError::new(location.path(), error))?;
        shared.note_sound();
        let (requests, to_serve) = mpsc::channel(MAX_WAITING);
        tokio::spawn(committer.run(to_serve));
        if shared.is_shared() {
            tokio::spawn(notice_stalls(Arc::downgrade(&shared)));
        }
        Ok(Self {
            shared,
            location: location.clone(),
            history,
            others,
            portfolio_others,
            campaigns,
            reports,
            deliveries,
            signals,
            requests,
        })
    }

    /// Watches exactly these accounts from now on, starting from their stored state.
    ///
    /// # Errors
    /// If the stored state cannot be read; nothing has changed then.
    pub async fn watch(&self, accounts: BTreeSet<WabaId>) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::Watch(accounts, answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Replaces the stored accounts that were discovered for an app.
    ///
    /// # Errors
    /// If they could not be made durable.
    pub async fn remember(&self, app: &str, found: AccountsOfApp) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::Remember(app.to_owned(), found, answer);
        self.ask(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The accounts of each app at its last discovery.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn remembered(&self) -> Result<Discovered, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::Remembered(answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The stored data about the key for hashing customers.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn customer_key(&self) -> Result<SavedKey, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::CustomerKey(answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Stores the check value of the key that hashes customers from now on. Call it before accounts are watched:
    /// conversations of another key are dropped. Returns the number of dropped conversations.
    ///
    /// # Errors
    /// If it could not be made durable.
    pub async fn use_customer_key(
        &self,
        check_value: String,
        keep_conversations: bool,
    ) -> Result<u64, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::UseCustomerKey(check_value, keep_conversations, answer);
        self.ask(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Commits these events. After it returns successfully, they are on disk. If this future is dropped, the events
    /// are committed nevertheless.
    ///
    /// # Errors
    /// If they could not be made durable in time.
    pub async fn commit(&self, events: Vec<Event>) -> Result<(), StoreUnavailable> {
        self.commit_with(events, None).await.map(drop)
    }

    /// Like [`commit`](Self::commit), together with a delivery for the relay, if any. Returns the effects of each
    /// event.
    ///
    /// # Errors
    /// If they could not be made durable in time.
    pub async fn commit_with(
        &self,
        events: Vec<Event>,
        delivery: Option<RelayDelivery>,
    ) -> Result<Vec<Change>, StoreUnavailable> {
        self.shared.check_stall()?;
        let (answer, outcome) = oneshot::channel();
        let committed = async {
            self.ask(CommitterRequest::Commit(events, delivery, answer))
                .await?;
            outcome.await.map_err(|_| StoreUnavailable::closed())?
        };
        let committed = timeout(COMMIT_TIMEOUT, committed).await;
        committed.unwrap_or_else(|_| Err(StoreUnavailable::slow(COMMIT_TIMEOUT)))
    }

    /// Applies these settings of conversation metrics from the next commit on.
    ///
    /// # Errors
    /// If the store is closed.
    pub async fn track(&self, trackers: Arc<Trackers>) -> Result<(), StoreUnavailable> {
        self.ask(CommitterRequest::Track(trackers)).await
    }

    /// Sets how long a webhook may lag behind a poll before a change counts as drift.
    pub fn set_drift_grace(&self, grace: Duration) {
        let millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.shared.drift_grace_ms.store(millis, Ordering::Relaxed);
    }

    /// Tells other replicas this from the next heartbeat on.
    pub fn set_replica(&self, replica: ReplicaInfo) {
        self.shared.replica.store(Arc::new(replica));
    }

    /// Whether deliveries are relayed. If not, their bodies need not be kept.
    #[must_use]
    pub fn is_relay_enabled(&self) -> bool {
        self.shared.is_relay_enabled.load(Ordering::Relaxed)
    }

    /// Applies these settings of the relay. Deliveries that wait for other upstreams are dropped.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn configure_relay(
        &self,
        relay_config: RelayQueueConfig,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::ConfigureRelay(relay_config, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Commits the outcomes of deliveries to an upstream.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn settle(
        &self,
        upstream: &str,
        settlement: Settlement,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::Settle(upstream.to_owned(), settlement, answer);
        self.ask(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Executes a command for the parked deliveries of other replicas. Their owners read the changed rows soon.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn command_others(
        &self,
        command: OthersCommand,
    ) -> Result<OthersDeliveries, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::CommandOthers(command, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The range of stored deliveries for the relay; updated after every commit that changes it.
    #[must_use]
    pub fn deliveries(&self) -> watch::Receiver<Span> {
        self.shared.deliveries.subscribe()
    }

    /// Deliveries after this one that this upstream has not accepted, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn pending(
        &self,
        upstream: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<QueuedDelivery>, StoreUnavailable> {
        let shards = self.shards().borrow().clone();
        let rows = self
            .deliveries
            .pending(upstream, &shards, after, limit)
            .await;
        let rows = rows.map_err(|error| StoreUnavailable::unreadable(&error))?;
        Ok(rows.iter().map(rows::to_waiting).collect())
    }

    /// The deliveries with these numbers, without those that were dropped.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn contents(
        &self,
        deliveries: &[i64],
    ) -> Result<BTreeMap<i64, Content>, StoreUnavailable> {
        let rows = self.deliveries.contents(deliveries).await;
        let rows = rows.map_err(|error| StoreUnavailable::unreadable(&error))?;
        let contents = rows
            .into_iter()
            .map(|(delivery, signature, body)| (delivery, Content { signature, body }));
        Ok(contents.collect())
    }

    /// Keeps changes for exactly these receivers of notifications from now on. A receiver that the store does not
    /// know starts with the next change.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn notify(&self, receivers: Vec<String>) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.ask(CommitterRequest::Notify(receivers, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The range of stored changes; updated after every commit that changes it.
    #[must_use]
    pub fn signal_span(&self) -> watch::Receiver<SignalSpan> {
        self.shared.signals.subscribe()
    }

    /// The number of the last change that this receiver has accepted. `None` if the store does not know the receiver.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn settled_signal(&self, receiver: &str) -> Result<Option<i64>, StoreUnavailable> {
        let settled = self.signals.settled(receiver).await;
        settled.map_err(|error| StoreUnavailable::unreadable(&error))
    }

    /// The changes after this number that this receiver has not accepted, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn signals(
        &self,
        receiver: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Signal>, StoreUnavailable> {
        let rows = self.signals.after(receiver, after, limit).await;
        let rows = rows.map_err(|error| StoreUnavailable::unreadable(&error))?;
        Ok(rows.into_iter().map(rows::to_signal).collect())
    }

    /// Commits that this receiver has accepted the changes up to this number, or that they are dropped for it.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn settle_signals(
        &self,
        receiver: &str,
        settled: i64,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::SettleSignals(receiver.to_owned(), settled, answer);
        self.ask(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

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

    /// Whether this replica exports what belongs to no account, such as an app or a portfolio, given by its name or id.
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
    pub fn duty(&self) -> Duty {
        Duty::new(&self.shared)
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

    /// The location of the store.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The last examination by `doctor`. `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is not a report.
    pub async fn last_examination(&self) -> Result<Option<Examination>, ReportError> {
        last_examination(&self.location, self.reports.as_deref()).await
    }

    /// Queries of the history.
    #[must_use]
    pub fn history(&self) -> &HistoryReader {
        &self.history
    }

    /// Whether the store accepts commits.
    ///
    /// # Errors
    /// Why it does not.
    pub fn is_sound(&self) -> Result<(), StoreUnavailable> {
        if self.requests.is_closed() {
            return Err(StoreUnavailable::closed());
        }
        match self.shared.error.load().as_deref() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Gives all shards to other replicas. Later commits go to their inboxes. A store of one process goes on as before.
    pub async fn leave(&self) {
        let (left, outcome) = oneshot::channel();
        if self.ask(CommitterRequest::Leave(left)).await.is_ok() {
            // An error means that the store is closed already.
            drop(outcome.await);
        }
    }

    /// Finishes pending requests and closes the store; later commits fail.
    pub async fn close(&self) {
        self.history.close().await;
        self.deliveries.close().await;
        self.signals.close().await;
        let (closed, outcome) = oneshot::channel();
        if self
            .requests
            .send(CommitterRequest::Close(closed))
            .await
            .is_ok()
        {
            // An error means that the store is closed already.
            drop(outcome.await);
        }
    }

    async fn ask(&self, request: CommitterRequest) -> Result<(), StoreUnavailable> {
        let asked = self.requests.send(request).await;
        asked.map_err(|_| StoreUnavailable::closed())
    }
}

/// Looks for a database that does not answer, until the store is dropped.
async fn notice_stalls(shared: Weak<Published>) {
    let mut look = interval(NOTICE_STALLS_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.notice_stall();
    }
}

/// The engine of this location, with all rows in their present form.
async fn open_engine(location: &Location) -> Result<Box<dyn Engine>, OpenError> {
    if let Location::Server(options) = location {
        postgres::migrate(options).await?;
        let opened = postgres::Database::open((**options).clone()).await;
        let opened = opened.map_err(|error| postgres::MigrationError::failed(options, error))?;
        return Ok(Box::new(opened));
    }
    let mut database = sqlite::Database::open(location).await?;
    let moved = older_rows::move_older(&mut database).await;
    moved.map_err(|error| OpenError::new(location.path(), error))?;
    database.start_checkpoints();
    Ok(Box::new(database))
}
