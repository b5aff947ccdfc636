//! Reads the queues of the relay and of notifications.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::{Content, QueuedDelivery, Signal, SignalSpan, Span, Store, StoreUnavailable, rows};

impl Store {
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
}
