//! Owns the state, makes changes durable, and serves reads.
//!
//! Invariant: after [`Store::commit`] returns successfully, and not before, its events are on disk and in every later
//! snapshot. Everything in a snapshot is durable; a failed commit has changed nothing.

mod account_index;
mod applied;
mod committer;
mod customer_log;
mod database;
mod examination;
mod history;
mod insights;
mod json;
mod kept_out;
mod loading;
mod location;
mod notify_queue;
mod older_rows;
pub mod postgres;
mod refreshes;
mod relay_queue;
mod rows;
mod signals;
mod template_rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus::IntCounter;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

pub use database::{OpenError, SignalSpan, StoreErrorReason};
pub use examination::ReportError;
pub use history::{Cursor, HistoryQuery, HistoryReader, HistoryRow, Recent, Unreadable};
pub use insights::StoredInsights;
pub use location::Location;
pub use notify_queue::Signal;
pub use relay_queue::{Content, QueuedDelivery, RelayDelivery, RelayQueueConfig, Settlement, Span};

use crate::domain::track::Trackers;
use crate::domain::{AccountsOfApp, BusinessId, Event, PhoneNumberId, WabaId};
use crate::state::{Account, Accounts, Change, DriftKind, State, journal};
use crate::telemetry::Telemetry;
use account_index::AccountIndex;
use committer::{Committer, CommitterRequest};
use database::{Checkpointer, Checkpoints, Database, RelayReader, SignalReader, StoreError};
use kept_out::KeptOutLog;
use relay_queue::RelayIndex;

/// Maximum number of requests that wait for the running commit; further callers wait to send theirs.
const MAX_WAITING: usize = 1_024;

/// Timeout of a commit for its caller. Meta also stops waiting for a response, and retries; if the commit succeeds
/// later, the retry is a duplicate.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Default time that a webhook may lag behind a poll before a change counts as drift.
const DRIFT_GRACE_MS: u64 = 3_600_000;

/// The store: the only copy of the state, shared by the whole process.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Published>,
    location: Location,
    history: HistoryReader,
    deliveries: RelayReader,
    signals: SignalReader,
    checkpoints: Option<Checkpoints>,
    requests: mpsc::Sender<CommitterRequest>,
}

/// The store does not accept commits now. The caller must send again what was not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUnavailable {
    message: String,
    /// `None` if the database has reported nothing.
    reason: Option<StoreErrorReason>,
}

impl StoreUnavailable {
    /// The reason, if it can pass without intervention.
    #[must_use]
    pub fn passing_reason(&self) -> Option<StoreErrorReason> {
        let reason = self.reason.unwrap_or(StoreErrorReason::Other);
        Some(reason).filter(|reason| self.reason.is_none() || reason.may_pass())
    }
}

impl fmt::Display for StoreUnavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the store cannot commit: {}", self.message)
    }
}

impl std::error::Error for StoreUnavailable {}

/// The stored data about the key for hashing customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedKey {
    /// The check value of the key in use so far.
    pub check_value: Option<String>,
    /// Number of stored conversations that were hashed with it.
    pub conversations: usize,
}

/// Discovered accounts, by the name of their app.
pub type Discovered = BTreeMap<String, AccountsOfApp>;

impl Store {
    /// Opens the store at its location. No account is watched yet.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open(
        location: &Location,
        keep_journal_for: Duration,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, OpenError> {
        let mut database = Database::open(location).await?;
        let moved = older_rows::move_older(&mut database).await;
        moved.map_err(|error| OpenError::new(location.path(), error))?;
        start_at_zero(&telemetry);
        let shared = Arc::new(Published::new(telemetry));
        let history = HistoryReader::new(&database, keep_journal_for);
        let (deliveries, signals) = (database.relay_reader(), database.signal_reader());
        let checkpointer = database.checkpointer();
        let committer = Committer::new(database, Arc::clone(&shared), keep_journal_for).await;
        let committer = committer.map_err(|error| OpenError::new(location.path(), error))?;
        shared.note_sound();
        let (requests, to_serve) = mpsc::channel(MAX_WAITING);
        tokio::spawn(committer.run(to_serve));
        Ok(Self {
            shared,
            location: location.clone(),
            history,
            deliveries,
            signals,
            checkpoints: checkpointer.map(Checkpointer::start),
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
        let (answer, outcome) = oneshot::channel();
        let committed = async {
            self.ask(CommitterRequest::Commit(events, delivery, answer))
                .await?;
            outcome.await.map_err(|_| StoreUnavailable::closed())?
        };
        let committed = timeout(COMMIT_TIMEOUT, committed).await;
        committed.unwrap_or_else(|_| Err(StoreUnavailable::slow()))
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
        let rows = self.deliveries.pending(upstream, after, limit).await;
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

    /// The changes after this number, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn signals(&self, after: i64, limit: u32) -> Result<Vec<Signal>, StoreUnavailable> {
        let rows = self.signals.after(after, limit).await;
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
        self.shared.accounts().contains_key(waba_id)
    }

    /// The committed state of an account. `None` if it is not watched.
    #[must_use]
    pub fn account(&self, waba_id: &WabaId) -> Option<Arc<Account>> {
        self.shared.accounts().get(waba_id).map(Arc::clone)
    }

    /// The committed state of each account in which polls or messages have shown this number. Faster than a search in
    /// a snapshot.
    #[must_use]
    pub fn accounts_of_number(&self, id: &PhoneNumberId) -> Accounts {
        self.shared
            .indexed(|index| index.of_number(id).cloned().collect())
    }

    /// The phone numbers that polls or messages have shown in several accounts, which are few.
    #[must_use]
    pub fn numbers_of_several(&self) -> BTreeSet<PhoneNumberId> {
        self.shared.index().numbers_of_several()
    }

    /// The committed state of each account that this portfolio owns. Faster than a search in a snapshot.
    #[must_use]
    pub fn accounts_of_portfolio(&self, id: &BusinessId) -> Accounts {
        self.shared
            .indexed(|index| index.of_portfolio(id).cloned().collect())
    }

    /// A consistent snapshot of the committed state of all accounts.
    #[must_use]
    pub fn snapshot(&self) -> Accounts {
        self.shared.accounts().clone()
    }

    /// The location of the store.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
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

    /// Finishes pending requests and closes the store; later commits fail.
    pub async fn close(&self) {
        self.history.close().await;
        self.deliveries.close().await;
        self.signals.close().await;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.close().await;
        }
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

/// Creates counters before their first increment, so that `increase()` sees it. Opening the store does this; while
/// the store cannot be opened, the retrying caller does.
pub fn start_at_zero(telemetry: &Telemetry) {
    for reason in StoreErrorReason::ALL {
        let failures = &telemetry.store_commit_failures;
        failures.with_label_values(&[reason.as_str()]);
    }
    for (entity, attribute) in journal::shared_attributes() {
        for drift in [DriftKind::PollAlone, DriftKind::WebhookAlone] {
            drift_counter(telemetry, entity, attribute, drift);
        }
    }
}

fn drift_counter(
    telemetry: &Telemetry,
    entity: &str,
    attribute: &str,
    drift: DriftKind,
) -> IntCounter {
    let attribute = format!("{entity}_{attribute}");
    let source = match drift {
        DriftKind::PollAlone => "poll",
        DriftKind::WebhookAlone => "webhook",
    };
    telemetry.drift.with_label_values(&[&attribute, source])
}

impl StoreUnavailable {
    fn closed() -> Self {
        Self {
            message: "it is closed".to_owned(),
            reason: None,
        }
    }

    fn unreadable(error: &StoreError) -> Self {
        Self {
            message: format!("it cannot be read: {error}"),
            reason: Some(error.reason),
        }
    }

    fn slow() -> Self {
        Self {
            message: format!("the disk has not responded for {COMMIT_TIMEOUT:?}"),
            reason: None,
        }
    }
}

/// The state that the committer publishes.
#[derive(Debug)]
struct Published {
    accounts: Mutex<Accounts>,
    index: Mutex<AccountIndex>,
    deliveries: watch::Sender<Span>,
    signals: watch::Sender<SignalSpan>,
    is_relay_enabled: AtomicBool,
    /// How long a webhook may lag behind a poll before a change counts as drift.
    drift_grace_ms: AtomicU64,
    error: ArcSwapOption<StoreUnavailable>,
    kept_out: KeptOutLog,
    telemetry: Arc<Telemetry>,
}

impl Published {
    fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
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
    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of the accounts.
    fn index(&self) -> MutexGuard<'_, AccountIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The accounts that the index names.
    fn indexed(&self, find: impl FnOnce(&AccountIndex) -> Vec<WabaId>) -> Accounts {
        let waba_ids = find(&self.index());
        let accounts = self.accounts();
        let found = waba_ids.into_iter().filter_map(|waba_id| {
            let account = Arc::clone(accounts.get(&waba_id)?);
            Some((waba_id, account))
        });
        found.collect()
    }

    /// Publishes the accounts that a commit has changed; `before` has them as they were.
    fn publish(&self, before: &Accounts, state: &State) {
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

    fn publish_all(&self, state: &State) {
        self.accounts().clone_from(state.accounts());
        *self.index() = AccountIndex::new(state.accounts());
    }

    fn publish_relay_index(&self, index: &RelayIndex) {
        let span = index.span();
        self.deliveries.send_if_modified(|known| {
            let is_news = *known != span;
            *known = span;
            is_news
        });
    }

    fn publish_signals(&self, span: SignalSpan) {
        self.signals.send_if_modified(|known| {
            let is_new = *known != span;
            *known = span;
            is_new
        });
    }

    fn note_sound(&self) {
        self.telemetry.store_up.set(1);
        if self.error.swap(None).is_some() {
            tracing::info!("store accepts commits again");
        }
    }

    /// Counts the error, and logs it if its reason is new.
    fn note_error(&self, error: &StoreError) -> StoreUnavailable {
        let reason = error.reason.as_str();
        let failures = &self.telemetry.store_commit_failures;
        failures.with_label_values(&[reason]).inc();
        self.telemetry.store_up.set(0);
        let message = format!("{error} ({reason})");
        let unavailable = StoreUnavailable {
            message,
            reason: Some(error.reason),
        };
        let before = self.error.swap(Some(Arc::new(unavailable.clone())));
        if before.as_deref() != Some(&unavailable) {
            tracing::error!(%error, reason, "store cannot commit; refusing webhooks until it recovers");
        }
        unavailable
    }

    fn count(&self, event: &Event, change: &Change) {
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
