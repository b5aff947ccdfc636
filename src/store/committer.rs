//! The only writer: applies events, commits them, and publishes the result.
//!
//! Events that arrive during a commit share the next one, so none waits for others to arrive, and the commit rate is
//! bounded by the disk. A failed commit is undone in memory. If it turns out to have succeeded, the state is
//! reloaded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::applied::Applied;
use super::customer_log::{CustomerLogs, Segment, count_conversations};
use super::database::{Database, Keys, StoreError, Writes};
use super::notify_queue::{Signal, SignalIndex};
use super::relay_queue::{RelayDelivery, RelayIndex, RelayQueueConfig, Settlement};
use super::signals::{self, FirstReads};
use super::{Discovered, Published, SavedKey, StoreUnavailable, loading, rows, template_rows};
use crate::clock::{self, Mark};
use crate::domain::track::Trackers;
use crate::domain::{AccountsOfApp, Event, Fact, MAX_CLOCK_DIFFERENCE, Receipt, Source, WabaId};
use crate::state::{Accounts, Change, DedupScope, State};

/// Maximum number of requests in one commit. A commit of this many takes some tens of milliseconds.
const MAX_BATCH: usize = 256;

/// Interval at which a failed store is retried and the file of a working one is checked, in addition to every
/// request.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How often the journal is pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Interval between two parts of pruning, so that commits come between them.
const PRUNE_PART_EVERY: Duration = Duration::from_millis(50);

/// How long a part of pruning may take; it ends with the account that exceeds this.
const PRUNE_PART: Duration = Duration::from_millis(5);

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
    /// Keep changes for exactly these receivers of notifications.
    Notify(Vec<String>, ResultSender),
    /// Commit the last change that this receiver has accepted.
    SettleSignals(String, i64, ResultSender),
    /// Apply these settings of conversation metrics.
    Track(Arc<Trackers>),
    /// Finish pending requests and close the database.
    Close(oneshot::Sender<()>),
}

/// The committer's own state: only its task changes the database.
pub struct Committer {
    shared: Arc<Published>,
    database: Database,
    state: State,
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
        mut database: Database,
        shared: Arc<Published>,
        keep_journal_for: Duration,
    ) -> Result<Self, StoreError> {
        let number = database.commit_number().await?;
        let saved = rows::to_clock(database.clock().await?);
        saved.iter().for_each(clock::restore);
        let mut committer = Self {
            shared,
            database,
            state: State::default(),
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
        committer.read_keys().await?;
        committer.read_deliveries().await?;
        committer.read_signals().await?;
        Ok(committer)
    }

    /// Serves requests until one closes the store, or all senders are dropped.
    pub async fn run(mut self, mut requests: mpsc::Receiver<CommitterRequest>) {
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        let mut look = interval(RETRY_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                _ = look.tick() => self.look_after_the_file().await,
                _ = prune.tick() => self.pruning = Some(String::new()),
                _ = prune_part.tick(), if self.pruning.is_some() => self.prune().await,
                _ = settle.tick() => self.settle_what_is_due().await,
            }
        };
        if let Err(error) = self.database.close().await {
            tracing::warn!(%error, "store did not close cleanly; no data was lost");
        }
        closed.map(|closed| closed.send(()));
    }

    /// Serves the received requests. Runs of commits share one transaction; `Watch`, `ConfigureRelay`, `Notify` and `Close` end
    /// a run, and the other requests are served before it.
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
                CommitterRequest::Notify(receivers, answer) => {
                    self.commit_together(std::mem::take(&mut batch)).await;
                    drop(answer.send(self.notify(&receivers).await));
                }
                CommitterRequest::SettleSignals(receiver, settled, answer) => {
                    drop(answer.send(self.settle_signals(&receiver, settled).await));
                }
                CommitterRequest::Track(trackers) => self.state.track(trackers),
                CommitterRequest::Remembered(answer) => drop(answer.send(self.remembered().await)),
                CommitterRequest::Close(closed) => {
                    self.commit_together(batch).await;
                    return Some(closed);
                }
            }
        }
        self.commit_together(batch).await;
        None
    }

    async fn commit_together(&mut self, mut batch: Vec<Together>) {
        if batch.is_empty() {
            return;
        }
        let deliveries = batch
            .iter_mut()
            .filter_map(|(_, delivery, _)| delivery.take());
        // A reload may have disabled the relay since the deliveries were received.
        let wanted = !self.relay_config.upstreams.is_empty();
        let deliveries = deliveries.filter(|_| wanted).collect();
        let events: Vec<&Event> = batch.iter().flat_map(|(events, ..)| events).collect();
        let outcome = self.commit(&events, deliveries).await;
        let mut changes = outcome.map(Vec::into_iter);
        for (events, _, answer) in batch {
            let own = match &mut changes {
                Ok(changes) => Ok(changes.take(events.len()).collect()),
                Err(unavailable) => Err(unavailable.clone()),
            };
            // The caller may have stopped waiting; the events are committed nevertheless.
            drop(answer.send(own));
        }
    }

    async fn commit(
        &mut self,
        events: &[&Event],
        deliveries: Vec<RelayDelivery>,
    ) -> Result<Vec<Change>, StoreUnavailable> {
        self.become_sound().await?;
        // Invariant: readers see a batch only after its write. A failed write is undone here, and `doubt` makes the
        // next request compare commit numbers, because the write may have succeeded without a response.
        let applied = Applied::apply(&mut self.state, events);
        let (accounts, first) = (self.state.accounts(), self.signals.next());
        let signals = signals::signals(events, &applied.changes, accounts, first);
        if !(applied.is_empty() && deliveries.is_empty()) {
            let sizes: Vec<u64> = deliveries.iter().map(RelayDelivery::size).collect();
            let mut writes = self.writes(&applied);
            self.add_deliveries(&mut writes, deliveries, &sizes);
            self.add_signals(&mut writes, &signals);
            let started = Instant::now();
            if let Err(error) = self.write(&mut writes).await {
                applied.undo(&mut self.state);
                return Err(self.doubt(&error));
            }
            let took = started.elapsed().as_secs_f64();
            self.shared.telemetry.store_commit_duration.observe(took);
            self.number = writes.number;
            writes.segments.iter().for_each(|row| self.logs.note(row));
            self.shared.publish(&applied.before, &self.state);
            self.deliveries.add(&sizes, writes.oldest_delivery);
            self.shared.publish_relay_index(&self.deliveries);
            self.signals.add(writes.signals.len(), writes.oldest_signal);
            self.shared.publish_signals(self.signals.span());
        }
        for (event, change) in events.iter().zip(&applied.changes) {
            self.shared.count(event, change);
        }
        self.log(events, &applied.changes, &signals);
        Ok(applied.changes)
    }

    async fn write(&mut self, writes: &mut Writes) -> Result<(), StoreError> {
        for row in &mut writes.segments {
            if let Some(newest) = row.compacted {
                let (waba_id, id) = (&row.waba_id, &row.phone_number_id);
                let replaced = self.database.oldest_segments(waba_id, id, newest).await?;
                let account = &self.state.accounts()[waba_id];
                let traffic = Arc::clone(&account.traffic[id]);
                row.compact(&replaced, &traffic)?;
            }
        }
        self.database.write(writes).await
    }

    fn log(&mut self, events: &[&Event], changes: &[Change], signals: &[Signal]) {
        let accounts = self.state.accounts();
        if self.shared.telemetry.logs_signals.load(Ordering::Relaxed) {
            signals::log(events, changes, signals, accounts);
        }
        self.first_reads.note(events, accounts);
    }

    fn writes(&self, applied: &Applied) -> Writes {
        let mut writes = Writes {
            number: self.number + 1,
            now_ms: clock::now().as_millis(),
            ..Writes::default()
        };
        for (waba_id, before) in &applied.before {
            let now = &self.state.accounts()[waba_id];
            for (id, traffic) in &now.traffic {
                let before = before.traffic.get(id);
                if before.is_some_and(|before| Arc::ptr_eq(before, traffic)) {
                    continue;
                }
                let segment = Segment::of_changes(before.map(Arc::as_ref), traffic);
                if !segment.is_empty() {
                    writes
                        .segments
                        .push(self.logs.to_row(waba_id, traffic, segment));
                }
            }
            writes
                .accounts
                .push(rows::for_account(waba_id, before, now));
            writes
                .template_pages
                .extend(template_rows::for_templates(waba_id, before, now));
        }
        for (scope, changes) in &applied.new_changes {
            let noted = self.state.applied_changes(*scope);
            writes.keys.push(Keys {
                scope: *scope,
                newest: number(noted.newest_number()),
                new: rows::for_keys(changes),
                forgotten: number(noted.forgotten_number()),
            });
        }
        (writes.struck, writes.added) = applied.journal();
        writes.moves = applied.moves();
        writes.clock = rows::for_clock(clock::save());
        writes
    }

    /// Assigns the deliveries their numbers, and determines which older ones are dropped for them.
    fn add_deliveries(&self, writes: &mut Writes, deliveries: Vec<RelayDelivery>, sizes: &[u64]) {
        let max_bytes = self.relay_config.max_bytes;
        writes.deliveries = (self.deliveries.next()..).zip(deliveries).collect();
        writes.upstreams.clone_from(&self.relay_config.upstreams);
        writes.oldest_delivery = self.deliveries.oldest_beside(sizes, max_bytes);
    }

    /// Adds the changes for receivers of notifications, and determines which older ones are dropped for them.
    fn add_signals(&self, writes: &mut Writes, signals: &[Signal]) {
        if self.signals.has_receivers {
            writes.signals = signals.iter().map(rows::for_signal).collect();
            writes.oldest_signal = self.signals.oldest_beside(signals.len());
        }
    }

    async fn notify(&mut self, receivers: &[String]) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let newest = self.signals.span().newest;
        let known = self.database.notify(receivers, newest).await;
        known.map_err(|error| self.doubt(&error))?;
        self.signals.has_receivers = !receivers.is_empty();
        let read = self.read_signals().await;
        read.map_err(|error| self.doubt(&error))
    }

    async fn settle_signals(
        &mut self,
        receiver: &str,
        settled: i64,
    ) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let stored = self.database.settle_signals(receiver, settled).await;
        stored.map_err(|error| self.doubt(&error))?;
        let read = self.read_signals().await;
        read.map_err(|error| self.doubt(&error))
    }

    async fn read_signals(&mut self) -> Result<(), StoreError> {
        self.signals.restore(self.database.signal_span().await?);
        self.shared.publish_signals(self.signals.span());
        Ok(())
    }

    async fn configure_relay(
        &mut self,
        relay_config: RelayQueueConfig,
    ) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let dropped = self.database.forward_to(&relay_config.upstreams).await;
        let dropped = dropped.map_err(|error| self.doubt(&error))?;
        if dropped > 0 {
            tracing::warn!(dropped, "dropped deliveries of removed upstreams");
        }
        let is_enabled = !relay_config.upstreams.is_empty();
        self.shared
            .is_relay_enabled
            .store(is_enabled, Ordering::Relaxed);
        self.relay_config = relay_config;
        let read = self.read_deliveries().await;
        read.map_err(|error| self.doubt(&error))
    }

    async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let gone = self.database.settle(upstream, settlement).await;
        let gone = gone.map_err(|error| self.doubt(&error))?;
        self.deliveries.remove(&gone);
        self.shared.publish_relay_index(&self.deliveries);
        Ok(())
    }

    async fn read_deliveries(&mut self) -> Result<(), StoreError> {
        let stored = self.database.deliveries().await?;
        let size = |size: i64| u64::try_from(size).unwrap_or(0);
        let stored = stored
            .iter()
            .map(|(delivery, bytes)| (*delivery, size(*bytes)));
        self.deliveries.restore(stored);
        self.shared.publish_relay_index(&self.deliveries);
        Ok(())
    }

    /// After a failure, reopens the database, tests writing, and reloads the state if the last commit did succeed.
    async fn become_sound(&mut self) -> Result<(), StoreUnavailable> {
        if !self.in_doubt {
            return Ok(());
        }
        match self.recover().await {
            Ok(()) => {
                self.in_doubt = false;
                self.shared.note_sound();
                Ok(())
            }
            Err(error) => Err(self.doubt(&error)),
        }
    }

    async fn look_after_the_file(&mut self) {
        if self.in_doubt {
            // Readiness and the metrics show the outcome.
            drop(self.become_sound().await);
        } else if let Err(error) = self.database.check_file().await {
            self.doubt(&error);
        }
    }

    async fn recover(&mut self) -> Result<(), StoreError> {
        self.database.reopen().await?;
        self.database.probe().await?;
        let number = self.database.commit_number().await?;
        if number != self.number {
            tracing::info!("commit with unknown outcome succeeded; reloading state");
            let waba_ids: Vec<WabaId> = self.state.accounts().keys().cloned().collect();
            let accounts = self.load(&waba_ids).await?;
            self.read_keys().await?;
            self.read_deliveries().await?;
            self.read_signals().await?;
            self.state.adopt(accounts);
            self.shared.publish_all(&self.state);
            self.number = number;
        }
        Ok(())
    }

    async fn watch(&mut self, waba_ids: BTreeSet<WabaId>) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let known = self.state.accounts();
        let new = waba_ids.iter().filter(|id| !known.contains_key(*id));
        let new: Vec<WabaId> = new.cloned().collect();
        match self.load(&new).await {
            Ok(accounts) => {
                self.logs.retain(|waba_id| waba_ids.contains(waba_id));
                self.state.watch(waba_ids);
                self.state.adopt(accounts);
                self.first_reads.watch(self.state.accounts());
                self.corrections = 0;
                self.shared.publish_all(&self.state);
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

    async fn customer_key(&mut self) -> Result<SavedKey, StoreUnavailable> {
        self.become_sound().await?;
        let saved = self.saved_key().await;
        saved.map_err(|error| self.doubt(&error))
    }

    async fn saved_key(&mut self) -> Result<SavedKey, StoreError> {
        Ok(SavedKey {
            check_value: self.database.customer_key().await?,
            conversations: self.count_conversations().await?,
        })
    }

    async fn count_conversations(&mut self) -> Result<usize, StoreError> {
        count_conversations(&self.database.all_segments().await?)
    }

    async fn use_customer_key(
        &mut self,
        check_value: &str,
        keep_conversations: bool,
    ) -> Result<u64, StoreUnavailable> {
        self.become_sound().await?;
        let replaced = self.replace_customer_key(check_value, keep_conversations);
        let replaced = replaced.await;
        replaced.map_err(|error| self.doubt(&error))
    }

    async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_conversations: bool,
    ) -> Result<u64, StoreError> {
        let dropped = match keep_conversations {
            true => 0,
            false => self.count_conversations().await?,
        };
        let replaced = self
            .database
            .replace_customer_key(check_value, keep_conversations);
        replaced.await?;
        Ok(dropped as u64)
    }

    async fn load(&mut self, waba_ids: &[WabaId]) -> Result<Accounts, StoreError> {
        let logs = &mut self.logs;
        loading::load(
            &mut self.database,
            waba_ids,
            |waba_id, segments, account| logs.restore(waba_id, segments, account),
        )
        .await
    }

    async fn read_keys(&mut self) -> Result<(), StoreError> {
        for window in DedupScope::ALL {
            let saved = self.database.delivery_keys(window).await?;
            let newest = saved.last().map_or(0, |(newest, _)| *newest);
            let newest = u64::try_from(newest).unwrap_or(0);
            let segments = saved.iter().map(|(_, keys)| rows::to_keys(keys));
            let segments = segments.collect::<Result<Vec<_>, _>>()?;
            let keys = segments.into_iter().flatten();
            self.state.restore_applied_changes(window, keys, newest);
        }
        Ok(())
    }

    /// Clock tick: flushes the reordering buffers if no other event did.
    async fn settle_what_is_due(&mut self) {
        self.correct_times().await;
        // Uses a lower bound of Meta's time, because a conversation that is closed too early stays closed.
        let Some(now) = clock::at_least() else {
            return;
        };
        let due = self.state.due(now).map(|waba_id| Event {
            waba_id: waba_id.clone(),
            observed_at: now,
            source: Source::Poll,
            fact: Fact::TimePassed,
        });
        let due: Vec<Event> = due.collect();
        if !due.is_empty() {
            // Readiness and the metrics show the outcome; the next tick retries.
            drop(
                self.commit(&due.iter().collect::<Vec<_>>(), Vec::new())
                    .await,
            );
        }
    }

    /// Corrects stored times that are ahead of Meta's clock, when Meta's time turns out to be earlier than assumed.
    async fn correct_times(&mut self) {
        let corrections = clock::corrections();
        if corrections == self.corrections {
            return;
        }
        let latest = clock::now().plus(MAX_CLOCK_DIFFERENCE);
        let event = |waba_id: &WabaId| Event {
            waba_id: waba_id.clone(),
            observed_at: self.started.timestamp(),
            source: Source::Poll,
            fact: Fact::ClockCorrected { latest },
        };
        let events: Vec<Event> = self.state.ahead_of(latest).map(event).collect();
        let committed = self
            .commit(&events.iter().collect::<Vec<_>>(), Vec::new())
            .await;
        // After a failure, readiness and the metrics show it, and the next request retries.
        if let Ok(changes) = committed {
            self.corrections = corrections;
            for (event, change) in events.iter().zip(changes) {
                let waba_id = &event.waba_id;
                let times = change.redated.map_or(0, |redated| redated.moves.len());
                tracing::warn!(%waba_id, times, "stored times were ahead of Meta's clock; moved to the start of this process");
            }
        }
    }

    /// Prunes the next accounts.
    async fn prune(&mut self) {
        let Some(now) = clock::at_least().filter(|_| !self.in_doubt) else {
            return;
        };
        let kept_for = i64::try_from(self.keep_journal_for.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now.as_millis().saturating_sub(kept_for);
        let began = Instant::now();
        while let Some(after) = self.pruning.take_if(|_| began.elapsed() < PRUNE_PART) {
            match self.database.prune(&after, cutoff, kept_for).await {
                Ok(pruned) => self.pruning = pruned,
                Err(error) => {
                    self.pruning = Some(after);
                    drop(self.doubt(&error));
                    return;
                }
            }
        }
    }

    fn doubt(&mut self, error: &StoreError) -> StoreUnavailable {
        self.in_doubt = true;
        self.shared.note_error(error)
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

/// Converts a commit or key number. Neither type can overflow in practice.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
