//! One commit: applies events, writes their effects, and publishes them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Committer, Together};
use crate::clock;
use crate::domain::Event;
use crate::state::{Change, DedupWindow};
use crate::store::applied::Applied;
use crate::store::customer_log::Segment;
use crate::store::engine::{Keys, StoreError, Writes};
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

    pub(super) async fn commit(
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

    pub(super) async fn write(&mut self, writes: &mut Writes) -> Result<(), StoreError> {
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

    /// Assigns the deliveries their numbers, and determines which older ones are dropped for them.
    pub(super) fn add_deliveries(
        &self,
        writes: &mut Writes,
        deliveries: Vec<RelayDelivery>,
        sizes: &[u64],
    ) {
        let max_bytes = self.relay_config.max_bytes;
        writes.deliveries = (self.deliveries.next()..).zip(deliveries).collect();
        writes.upstreams.clone_from(&self.relay_config.upstreams);
        writes.oldest_delivery = self.deliveries.oldest_beside(sizes, max_bytes);
    }

    /// Adds the changes for receivers of notifications, and determines which older ones are dropped for them.
    pub(super) fn add_signals(&self, writes: &mut Writes, signals: &[Signal]) {
        if self.signals.has_receivers {
            writes.signals = signals.iter().map(rows::for_signal).collect();
            writes.oldest_signal = self.signals.oldest_beside(signals.len());
        }
    }
}

/// Converts a commit or key number. Neither type can overflow in practice.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
