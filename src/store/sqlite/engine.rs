//! SQLite as the engine of a store: one process, one shard.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Database, Journal, RelayReader, SignalReader};
use crate::domain::{PhoneNumberId, Shard, Sharding, WabaId};
use crate::state::DedupScope;
use crate::store::engine::{
    self, ClockRow, DiscoveredRow, Engine, JournalReader, Recovery, SavedAccounts, SavedSegment,
    SharedEngine, SignalSpan, StoreError, Writes, Written,
};
use crate::store::relay_queue::Settlement;

#[async_trait]
impl Engine for Database {
    fn sharding(&self) -> Sharding {
        Sharding::SINGLE
    }

    fn shared(&mut self) -> Option<&mut dyn SharedEngine> {
        None
    }

    fn journal(&self, time_limit: Duration) -> Arc<dyn JournalReader> {
        Arc::new(Journal::new(&self.options, self.file.clone(), time_limit))
    }

    fn account_reader(&self) -> Option<Arc<dyn engine::AccountReader>> {
        None
    }

    fn report_reader(&self) -> Option<Arc<dyn engine::ReportReader>> {
        None
    }

    fn relay_reader(&self) -> Arc<dyn engine::RelayReader> {
        Arc::new(RelayReader::new(self.options.clone(), self.file.clone()))
    }

    fn signal_reader(&self) -> Arc<dyn engine::SignalReader> {
        Arc::new(SignalReader::new(self.options.clone(), self.file.clone()))
    }

    async fn commit_number(&mut self) -> Result<i64, StoreError> {
        self.commit_number().await
    }

    async fn write(&mut self, writes: &Writes) -> Result<Written, StoreError> {
        self.write(writes).await?;
        Ok(Written::Committed)
    }

    async fn check(&mut self) -> Result<(), StoreError> {
        self.check_file().await
    }

    async fn recover(&mut self, number: i64) -> Result<Recovery, StoreError> {
        self.reopen().await?;
        self.probe().await?;
        let found = self.commit_number().await?;
        Ok(match found == number {
            true => Recovery::Unchanged,
            false => Recovery::Committed(found),
        })
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        (*self).close().await
    }

    async fn clock(&mut self) -> Result<ClockRow, StoreError> {
        self.clock().await
    }

    async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError> {
        self.load(waba_ids).await
    }

    async fn oldest_segments(
        &mut self,
        waba_id: &WabaId,
        phone_number_id: &PhoneNumberId,
        newest: i64,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        self.oldest_segments(waba_id, phone_number_id, newest).await
    }

    async fn segments_after(
        &mut self,
        waba_id: &str,
        phone_number_id: &str,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        self.segments_after(waba_id, phone_number_id).await
    }

    async fn delivery_keys(
        &mut self,
        _: Shard,
        scope: DedupScope,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        self.delivery_keys(scope).await
    }

    async fn customer_key(&mut self) -> Result<Option<String>, StoreError> {
        self.customer_key().await
    }

    async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_customers: bool,
    ) -> Result<(), StoreError> {
        self.replace_customer_key(check_value, keep_customers).await
    }

    async fn discovered(&mut self) -> Result<Vec<DiscoveredRow>, StoreError> {
        self.discovered().await
    }

    async fn remember_discovered(
        &mut self,
        app: &str,
        rows: &[DiscoveredRow],
    ) -> Result<(), StoreError> {
        self.remember_discovered(app, rows).await
    }

    async fn new_numbers(&mut self, newest: i64, count: usize) -> Result<Vec<i64>, StoreError> {
        Ok((newest + 1..).take(count).collect())
    }

    async fn deliveries(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        self.deliveries().await
    }

    async fn forward_to(&mut self, upstreams: &[String]) -> Result<u64, StoreError> {
        self.forward_to(upstreams).await
    }

    async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<Vec<i64>, StoreError> {
        self.settle(upstream, settlement).await
    }

    async fn signal_span(&mut self) -> Result<SignalSpan, StoreError> {
        self.signal_span().await
    }

    async fn notify(&mut self, receivers: &[String], newest: i64) -> Result<(), StoreError> {
        self.notify(receivers, newest).await
    }

    async fn settle_signals(&mut self, receiver: &str, settled: i64) -> Result<(), StoreError> {
        self.settle_signals(receiver, settled).await
    }

    async fn prune(
        &mut self,
        after: &str,
        cutoff_ms: i64,
        kept_for_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        self.prune(after, cutoff_ms, kept_for_ms).await
    }
}
