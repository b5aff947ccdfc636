//! One commit: applies events, writes their effects, and publishes them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Committer, Together};
use crate::clock;
use crate::domain::{Event, Shard};
use crate::state::{Change, DedupWindow};
use crate::store::applied::Applied;
use crate::store::customer_log::Segment;
use crate::store::engine::{InboxInsert, Keys, NewDelivery, StoreError, Writes, Written};
use crate::store::notify_queue::Signal;
use crate::store::relay_queue::RelayDelivery;
use crate::store::{StoreUnavailable, rows, signals, template_rows};

impl Committer {
    pub(super) async fn commit_together(&mut self, mut batch: Vec<Together>) {
        if batch.is_empty() {
            return;
        }
        let deliveries = batch
            .iter_mut()
            .filter_map(|(_, delivery, _)| delivery.take());
        let deliveries = deliveries.collect();
        let events: Vec<&Event> = batch.iter().flat_map(|(events, ..)| events).collect();
        let outcome = self.commit_anywhere(&events, deliveries).await;
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

    /// Commits these events, and those of other replicas' accounts to the inbox, in one transaction. Returns the change
    /// of each event, which is empty for an event in the inbox.
    async fn commit_anywhere(
        &mut self,
        events: &[&Event],
        deliveries: Vec<RelayDelivery>,
    ) -> Result<Vec<Change>, StoreUnavailable> {
        self.become_sound().await?;
        let mut batch = Batch {
            events: Vec::new(),
            deliveries,
            inbox: Vec::new(),
            applied: Vec::new(),
        };
        // Each attempt drops a shard, so there are few.
        loop {
            let places = self.route(events, &mut batch)?;
            match self.commit(batch).await? {
                Committed::Changes(changes) if changes.len() == events.len() => return Ok(changes),
                Committed::Changes(changes) => {
                    let mut all = vec![Change::default(); events.len()];
                    for (place, change) in places.into_iter().zip(changes) {
                        all[place] = change;
                    }
                    return Ok(all);
                }
                Committed::Fenced(again) => batch = again,
            }
        }
    }

    /// Commits events of owned accounts. If another replica has acquired one of their shards, nothing is committed.
    pub(super) async fn commit_own(
        &mut self,
        events: &[&Event],
    ) -> Result<Vec<Change>, StoreUnavailable> {
        self.become_sound().await?;
        let batch = Batch {
            events: events.to_vec(),
            ..Batch::default()
        };
        match self.commit(batch).await? {
            Committed::Changes(changes) => Ok(changes),
            Committed::Fenced(_) => Err(StoreUnavailable::moved()),
        }
    }

    /// Commits a batch. The store must be sound.
    pub(super) async fn commit<'a>(
        &mut self,
        batch: Batch<'a>,
    ) -> Result<Committed<'a>, StoreUnavailable> {
        let Batch {
            events,
            deliveries,
            inbox,
            applied: taken,
        } = batch;
        // Invariant: readers see a batch only after its write. A failed write is undone here, and `doubt` makes the
        // next request compare commit numbers, because the write may have succeeded without a response.
        let applied = Applied::apply(&mut self.state, &events);
        let mut signals = signals::signals(&events, &applied.changes, self.state.accounts());
        let is_empty = applied.is_empty() && deliveries.is_empty();
        if !(is_empty && inbox.is_empty() && taken.is_empty()) {
            let started = Instant::now();
            let mut writes = self.writes(&applied);
            writes.shards = self.shards_of(&events, &deliveries, &taken);
            writes.applied = taken.iter().map(|(id, _)| *id).collect();
            writes.inbox = inbox;
            let sizes: Vec<u64> = deliveries.iter().map(RelayDelivery::size).collect();
            let written = match self
                .add_to_queues(&mut writes, deliveries, &sizes, &mut signals)
                .await
            {
                Ok(()) => self.write(&mut writes).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(Written::Committed) => {}
                Ok(Written::Fenced(shards)) => {
                    applied.undo(&mut self.state);
                    self.drop_fenced(&shards).await?;
                    return Ok(Committed::Fenced(Batch::again(events, writes, taken)));
                }
                Err(error) => {
                    applied.undo(&mut self.state);
                    return Err(self.doubt(&error));
                }
            }
            let took = started.elapsed().as_secs_f64();
            self.shared.telemetry.store_commit_duration.observe(took);
            self.number = writes.number;
            writes.segments.iter().for_each(|row| self.logs.note(row));
            self.shared.publish(&applied.before, &self.state);
            self.note_queues(&writes, &sizes);
        }
        for (event, change) in events.iter().zip(&applied.changes) {
            self.shared.count(event, change);
        }
        self.log(&events, &applied.changes, &signals);
        Ok(Committed::Changes(applied.changes))
    }

    async fn write(&mut self, writes: &mut Writes) -> Result<Written, StoreError> {
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

    pub(super) fn log(&mut self, events: &[&Event], changes: &[Change], signals: &[Signal]) {
        let accounts = self.state.accounts();
        if self.shared.telemetry.logs_signals.load(Ordering::Relaxed) {
            signals::log(events, changes, signals, accounts);
        }
        self.first_reads.note(events, accounts);
    }

    pub(super) fn writes(&self, applied: &Applied) -> Writes {
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
        for ((shard, scope), changes) in &applied.new_changes {
            let noted = self.state.applied_changes(*shard, *scope);
            writes.keys.push(Keys {
                shard: *shard,
                scope: *scope,
                newest: number(noted.map_or(0, DedupWindow::newest_number)),
                new: rows::for_keys(changes),
                forgotten: number(noted.map_or(0, DedupWindow::forgotten_number)),
            });
        }
        (writes.struck, writes.added) = applied.journal();
        writes.moves = applied.moves();
        writes.clock = rows::for_clock(clock::save());
        writes
    }

    /// Adds the deliveries, and the changes for receivers of notifications; assigns their numbers, and determines which
    /// older ones are dropped for them.
    async fn add_to_queues(
        &mut self,
        writes: &mut Writes,
        deliveries: Vec<RelayDelivery>,
        sizes: &[u64],
        signals: &mut [Signal],
    ) -> Result<(), StoreError> {
        if !deliveries.is_empty() {
            let newest = self.deliveries.newest();
            let numbers = self.database.new_numbers(newest, sizes.len()).await?;
            let coming: Vec<_> = numbers.iter().copied().zip(sizes.iter().copied()).collect();
            let new = numbers.into_iter().zip(deliveries);
            let new = new.map(|(number, delivery)| NewDelivery {
                number,
                shard: self.shard_of_delivery(&delivery),
                delivery,
            });
            writes.deliveries = new.collect();
            writes.upstreams.clone_from(&self.relay_config.upstreams);
            let max_bytes = self.relay_config.max_bytes;
            writes.oldest_delivery = self.deliveries.oldest_beside(&coming, max_bytes);
        }
        if self.signals.has_receivers && !signals.is_empty() {
            let mut newest = self.signals.span().newest;
            for signal in signals.iter_mut() {
                newest += 1;
                signal.number = newest;
            }
            writes.signals = signals.iter().map(rows::for_signal).collect();
            writes.oldest_signal = self.signals.oldest_beside(newest);
        }
        Ok(())
    }

    /// Notes what a commit has added to the queues.
    fn note_queues(&mut self, writes: &Writes, sizes: &[u64]) {
        if !writes.deliveries.is_empty() {
            let numbers = writes.deliveries.iter().map(|new| new.number);
            let coming: Vec<_> = numbers.zip(sizes.iter().copied()).collect();
            self.deliveries.add(&coming, writes.oldest_delivery);
            self.shared.publish_relay_index(&self.deliveries);
        }
        if let Some(newest) = writes.signals.last() {
            self.signals.add(newest.number, writes.oldest_signal);
            self.shared.publish_signals(self.signals.span());
        }
    }
}

/// What one transaction commits.
#[derive(Default)]
pub(super) struct Batch<'a> {
    /// Events of owned accounts.
    pub events: Vec<&'a Event>,
    /// Deliveries for the relay, of owned shards.
    pub deliveries: Vec<RelayDelivery>,
    /// Events and deliveries of other shards.
    pub inbox: Vec<InboxInsert>,
    /// Rows of the inbox that the events come from, with their shards.
    pub applied: Vec<(i64, Shard)>,
}

impl<'a> Batch<'a> {
    /// The content of a fenced transaction, for another attempt. Deliveries are routed again.
    fn again(events: Vec<&'a Event>, writes: Writes, applied: Vec<(i64, Shard)>) -> Self {
        let own = writes.deliveries.into_iter().map(|new| new.delivery);
        let others = writes.inbox.into_iter().filter_map(|row| row.delivery);
        Self {
            events,
            deliveries: own.chain(others).collect(),
            inbox: Vec::new(),
            applied,
        }
    }
}

/// The outcome of a commit that did not fail.
pub(super) enum Committed<'a> {
    /// The changes of the events, which are durable.
    Changes(Vec<Change>),
    /// Nothing is committed, because other replicas have acquired shards of the batch, which have been dropped.
    Fenced(Batch<'a>),
}

/// Converts a commit or key number. Neither type can overflow in practice.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
