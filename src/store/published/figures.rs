//! Metrics of commits, of replicas and their shards, and of the inbox.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Published;
use crate::cluster::{Backend, View};
use crate::domain::{Event, Timestamp};
use crate::state::Change;
use crate::store::counters::drift_counter;
use crate::store::engine::{InboxSize, ReadConnections};

impl Published {
    /// Updates the metrics of replicas and of the owners of shards.
    pub(in crate::store) fn note_replicas(&self, view: &View, own: Backend) {
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

    /// Updates the metrics of connections for reading.
    pub(in crate::store) fn note_read_connections(&self, connections: ReadConnections) {
        let ReadConnections { busy, idle } = connections;
        for (state, count) in [("busy", busy), ("idle", idle)] {
            let gauge = self.telemetry.store_connections.with_label_values(&[state]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Updates the metrics of the inbox.
    pub(in crate::store) fn note_inbox(&self, size: InboxSize) {
        self.telemetry.inbox_pending.set(size.rows);
        let oldest = &self.telemetry.inbox_oldest;
        match size.oldest_ms {
            Some(ms) => oldest
                .with_label_values::<&str>(&[])
                .set(Timestamp::from_millis(ms).as_seconds_f64()),
            None => oldest.reset(),
        }
    }

    pub(in crate::store) fn count(&self, event: &Event, change: &Change) {
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
