//! The queues of the relay and of notifications.

use std::sync::atomic::Ordering;

use super::Committer;
use crate::store::StoreUnavailable;
use crate::store::engine::StoreError;
use crate::store::relay_queue::{OthersCommand, OthersDeliveries, RelayQueueConfig, Settlement};

impl Committer {
    pub(super) async fn notify(&mut self, receivers: &[String]) -> Result<(), StoreUnavailable> {
        self.become_sound().await?;
        let newest = self.signals.span().newest;
        let known = self.database.notify(receivers, newest).await;
        known.map_err(|error| self.doubt(&error))?;
        self.signals.has_receivers = !receivers.is_empty();
        let read = self.read_signals().await;
        read.map_err(|error| self.doubt(&error))
    }

    pub(super) async fn settle_signals(
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

    pub(super) async fn read_signals(&mut self) -> Result<(), StoreError> {
        self.signals.restore(self.database.signal_span().await?);
        self.shared.publish_signals(self.signals.span());
        Ok(())
    }

    pub(super) async fn configure_relay(
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

    pub(super) async fn settle(
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

    pub(super) async fn command_others(
        &mut self,
        command: &OthersCommand,
    ) -> Result<OthersDeliveries, StoreUnavailable> {
        self.become_sound().await?;
        let Some(engine) = self.database.shared() else {
            return Ok(OthersDeliveries::default());
        };
        let deliveries = engine.command_others(command).await;
        deliveries.map_err(|error| self.doubt(&error))
    }

    pub(super) async fn read_deliveries(&mut self) -> Result<(), StoreError> {
        let stored = self.database.deliveries().await?;
        let size = |size: i64| u64::try_from(size).unwrap_or(0);
        let stored = stored
            .iter()
            .map(|(delivery, bytes)| (*delivery, size(*bytes)));
        self.deliveries.restore(stored);
        self.shared.publish_relay_index(&self.deliveries);
        Ok(())
    }
}
