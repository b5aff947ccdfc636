//! The only writer: applies events, commits them, and publishes the result.
//!
//! Events that arrive during a commit share the next one, so none waits for others to arrive, and the commit rate is
//! bounded by the disk. A failed commit is undone in memory. If it turns out to have succeeded, the state is
//! reloaded.

mod commit;
mod customer_key;
mod dedup_keys;
mod inbox;
mod passing_time;
mod pruning;
mod queues;
mod recovery;
mod routing;
mod shards;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{self, Mark};
use crate::cluster::Exports;
use crate::domain::track::Trackers;
use crate::domain::{AccountsOfApp, Event, Receipt, Shard, WabaId};
use crate::state::{Accounts, Change, State};
use crate::store::customer_log::CustomerLogs;
use crate::store::engine::{Engine, StoreError};
use crate::store::notify_queue::SignalIndex;
use crate::store::published::Published;
use crate::store::relay_queue::{
    OthersCommand, OthersDeliveries, RelayDelivery, RelayIndex, RelayQueueConfig, Settlement,
};
use crate::store::signals::FirstReads;
use crate::store::{Discovered, SavedKey, StoreUnavailable, loading, rows};
use shards::Replica;

/// Maximum number of requests in one commit. A commit of this many takes some tens of milliseconds.
const MAX_BATCH: usize = 256;

/// Interval at which a failed store is retried and the file of a working one is checked, in addition to every
/// request.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How often the journal is pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Interval between two parts of pruning, so that commits come between them.
const PRUNE_PART_EVERY: Duration = Duration::from_millis(50);

/// Interval at which conversations without new events are checked.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// Returns the outcome to the caller.
type ResultSender = oneshot::Sender<Result<(), StoreUnavailable>>;

/// Returns the effects of each event to the caller.
type EffectsSender = oneshot::Sender<Result<Vec<Change>, StoreUnavailable>>;

/// A request that shares a commit with others.
type Together = (Vec<Event>, Option<RelayDelivery>, EffectsSender);

/// A request to the committer.
pub enum CommitterRequest {
    /// Commit these events, and the delivery for the relay if there is one.
    Commit(Vec<Event>, Option<RelayDelivery>, EffectsSender),
    /// Watch exactly these accounts, with their stored state.
    Watch(BTreeSet<WabaId>, ResultSender),
    /// Store the accounts that were discovered for this app.
    Remember(String, AccountsOfApp, ResultSender),
    /// Return the discovered accounts of each app.
    Remembered(oneshot::Sender<Result<Discovered, StoreUnavailable>>),
    /// Return the stored check value of the customer key.
    CustomerKey(oneshot::Sender<Result<SavedKey, StoreUnavailable>>),
    /// Set the check value of the customer key, and whether stored conversations remain valid. Returns the number of
    /// dropped conversations.
    UseCustomerKey(String, bool, oneshot::Sender<Result<u64, StoreUnavailable>>),
    /// Apply these settings of the relay.
    ConfigureRelay(RelayQueueConfig, ResultSender),
    /// Commit the outcomes of deliveries to an upstream.
    Settle(String, Settlement, ResultSender),
    /// Execute a command for the parked deliveries of other replicas.
    CommandOthers(
        OthersCommand,
        oneshot::Sender<Result<OthersDeliveries, StoreUnavailable>>,
    ),
    /// Keep changes for exactly these receivers of notifications.
    Notify(Vec<String>, ResultSender),
    /// Commit the last change that this receiver has accepted.
    SettleSignals(String, i64, ResultSender),
    /// Apply these settings of conversation metrics.
    Track(Arc<Trackers>),
    /// Take a share of the shards from now on.
    Join,
    /// Give all shards to other replicas.
    Leave(oneshot::Sender<()>),
    /// Finish pending requests and close the database.
    Close(oneshot::Sender<()>),
}

/// The committer's own state: only its task changes the database.
pub struct Committer {
    shared: Arc<Published>,
    database: Box<dyn Engine>,
    state: State,
    /// The accounts to watch, whichever replica owns them.
    watched: BTreeSet<WabaId>,
    /// This process as one of several. `None` for a store of one process.
    replica: Option<Replica>,
    /// The number of the last commit known to be durable.
    number: i64,
    /// Whether an operation has failed since that commit, so that memory and disk may differ.
    in_doubt: bool,
    keep_journal_for: Duration,
    relay_config: RelayQueueConfig,
    deliveries: RelayIndex,
    signals: SignalIndex,
    first_reads: FirstReads,
    logs: CustomerLogs,
    /// While the journal is being pruned, the last account that has been pruned.
    pruning: Option<String>,
    started: Mark,
    /// Number of clock corrections that have been applied to the stored times.
    corrections: u64,
}

impl Committer {
    /// Loads the state of the database; watches no account yet.
    pub async fn new(
        mut database: Box<dyn Engine>,
        shared: Arc<Published>,
        keep_journal_for: Duration,
    ) -> Result<Self, StoreError> {
        let number = database.commit_number().await?;
        let saved = rows::to_clock(database.clock().await?);
        saved.iter().for_each(clock::restore);
        let mut committer = Self {
            shared,
            state: State::new(database.sharding()),
            watched: BTreeSet::new(),
            replica: database.shared().map(|engine| Replica::new(engine)),
            database,
            number,
            in_doubt: false,
            keep_journal_for,
            relay_config: RelayQueueConfig::default(),
            deliveries: RelayIndex::default(),
            signals: SignalIndex::default(),
            first_reads: FirstReads::default(),
            logs: CustomerLogs::default(),
            pruning: None,
            started: Mark::now(),
            corrections: 0,
        };
        match committer.replica {
            Some(_) => committer.read_copied_keys().await?,
            None => committer.read_keys(Shard(0)).await?,
        }
        committer.read_deliveries().await?;
        committer.read_signals().await?;
        // The first heartbeat returns the other replicas.
        committer.durable_heartbeat().await?;
        Ok(committer)
    }

    /// Serves requests until one closes the store, or all senders are dropped.
    pub async fn run(mut self, mut requests: mpsc::Receiver<CommitterRequest>) {
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        let mut ticks = interval(RETRY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut prune = interval(PRUNE_EVERY);
        let mut prune_part = interval(PRUNE_PART_EVERY);
        prune_part.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut settle = interval(SETTLE_EVERY);
        settle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closed = loop {
            tokio::select! {
                count = requests.recv_many(&mut waiting, MAX_BATCH) => {
                    if count == 0 {
                        break None;
                    }
                    collect(&mut requests, &mut waiting).await;
                    if let Some(closed) = self.serve(&mut waiting).await {
                        break Some(closed);
                    }
                }
                _ = ticks.tick() => self.check_file().await,
                _ = prune.tick() => self.pruning = Some(String::new()),
                _ = prune_part.tick(), if self.pruning.is_some() => self.prune().await,
                _ = settle.tick() => self.settle_what_is_due().await,
                () = shards::turn(self.replica.as_ref()) => self.take_turn().await,
            }
        };
        self.leave().await;
        self.shared.publish_exports(Exports::default());
        if let Err(error) = self.database.close().await {
            tracing::warn!(%error, "store did not close cleanly; no data was lost");
        }
        closed.map(|closed| closed.send(()));
    }

    /// Serves the received requests. Runs of commits share one transaction; `Watch`, `ConfigureRelay`, `Notify` and
    /// `Close` end a run, and the other requests are served before it.
    async fn serve(&mut self, waiting: &mut Vec<CommitterRequest>) -> Option<oneshot::Sender<()>> {
        self.correct_times().await;
        let receipt = clock::receipt();
        let mut batch = Vec::new();
        for request in waiting.drain(..) {
            match request {
                CommitterRequest::Commit(mut events, delivery, answer) => {
                    date_in_time(&mut events, receipt);
                    batch.push((events, delivery, answer));
                }
                CommitterRequest::Watch(waba_ids, answer) => {
                    self.commit_together(std::mem::take(&mut batch)).await;
                    let outcome = self.watch(waba_ids).await;
                    // The caller may have stopped waiting.
                    drop(answer.send(outcome));
                }
                CommitterRequest::Remember(app, waba_ids, answer) => {
                    let outcome = self.remember(&app, &waba_ids).await;
                    drop(answer.send(outcome));
                }
                CommitterRequest::CustomerKey(answer) => {
                    drop(answer.send(self.customer_key().await));
                }
                CommitterRequest::UseCustomerKey(check_value, keep, answer) => {
                    let outcome = self.use_customer_key(&check_value, keep).await;
                    drop(answer.send(outcome));
                }
                CommitterRequest::ConfigureRelay(relay_config, answer) => {
                    self.commit_together(std::mem::take(&mut batch)).await;
                    drop(answer.send(self.configure_relay(relay_config).await));
                }
                CommitterRequest::Settle(upstream, settlement, answer) => {
                    drop(answer.send(self.settle(&upstream, &settlement).await));
                }
                CommitterRequest::CommandOthers(command, answer) => {
                    drop(answer.send(self.command_others(&command).await));
                }
                CommitterRequest::Notify(receivers, answer) => {
                    self.commit_together(std::mem::take(&mut batch)).await;
                    drop(answer.send(self.notify(&receivers).await));
                }
                CommitterRequest::SettleSignals(receiver, settled, answer) => {
                    drop(answer.send(self.settle_signals(&receiver, settled).await));
                }
                CommitterRequest::Track(trackers) => self.state.track(trackers),
                CommitterRequest::Remembered(answer) => drop(answer.send(self.remembered().await)),
                CommitterRequest::Join => self.join(),
                CommitterRequest::Leave(left) => {
                    self.commit_together(std::mem::take(&mut batch)).await;
                    self.leave().await;
                    // The caller may have stopped waiting.
                    let _ = left.send(());
                }
                CommitterRequest::Close(closed) => {
                    self.commit_together(batch).await;
                    return Some(closed);
                }
            }
        }
        self.commit_together(batch).await;
        None
    }

    async fn watch(&mut self, waba_ids: BTreeSet<WabaId>) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let known = self.state.accounts();
        let sharding = self.state.sharding();
        let is_new = |id: &&WabaId| !known.contains_key(*id) && self.owns(sharding.of_account(id));
        let new: Vec<WabaId> = waba_ids.iter().filter(is_new).cloned().collect();
        match self.load(&new).await {
            Ok(accounts) => {
                self.watched = waba_ids;
                self.watch_owned();
                self.state.adopt(accounts);
                self.first_reads.watch(self.state.accounts());
                self.corrections = 0;
                self.shared.publish_all(&self.state);
                self.shared.publish_watched(&self.watched);
                Ok(())
            }
            Err(error) => Err(self.doubt(&error)),
        }
    }

    async fn remember(&mut self, app: &str, found: &AccountsOfApp) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let rows: Vec<_> = found
            .iter()
            .map(|(waba_id, assigned)| rows::from_discovered(app, waba_id, assigned))
            .collect();
        let outcome = self.database.remember_discovered(app, &rows).await;
        outcome.map_err(|error| self.doubt(&error))
    }

    async fn remembered(&mut self) -> Result<Discovered, StoreUnavailable> {
        self.become_sound().await?;
        let rows = self.database.discovered().await;
        let rows = rows.map_err(|error| self.doubt(&error))?;
        let mut discovered = Discovered::new();
        for row in rows {
            let assigned = rows::to_discovered(&row);
            discovered.entry(row.app).or_default().extend(assigned);
        }
        Ok(discovered)
    }

    async fn load(&mut self, waba_ids: &[WabaId]) -> Result<Accounts, StoreError> {
        let logs = &mut self.logs;
        loading::load(
            &mut *self.database,
            waba_ids,
            |waba_id, segments, account| logs.restore(waba_id, segments, account),
        )
        .await
    }
}

/// Adds the requests of all connections that are ready, as long as there are more. Without this, a few would have a
/// commit of their own while others wait for the processor.
async fn collect(
    requests: &mut mpsc::Receiver<CommitterRequest>,
    waiting: &mut Vec<CommitterRequest>,
) {
    let mut before = 0;
    while (before + 1..MAX_BATCH).contains(&waiting.len()) {
        before = waiting.len();
        yield_now().await;
        while waiting.len() < MAX_BATCH
            && let Ok(request) = requests.try_recv()
        {
            waiting.push(request);
        }
    }
}

/// Dates the events again by Meta's clock: they may have been received before its time was known.
fn date_in_time(events: &mut [Event], receipt: Receipt) {
    for event in events.iter_mut() {
        event.observed_at = receipt.accepted_time(event.observed_at);
    }
}
