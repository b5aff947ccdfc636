//! PostgreSQL as the engine of a store: any number of replicas, each with some of the shards.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::account_reader::PostgresAccounts;
use super::database::number;
use super::hints::{INBOX, SHARDS, tell};
use super::readers::{PostgresJournal, PostgresRelay, PostgresSignals};
use super::reports::PostgresReports;
use super::{
    Database, customer_key, customer_segments, discovered, keys, load, notify_queue, prune,
    relay_queue, times, write,
};
use crate::domain::{PhoneNumberId, Shard, Sharding, WabaId};
use crate::state::DedupScope;
use crate::store::engine::{
    AccountReader, ClockRow, DiscoveredRow, Engine, JournalReader, Recovery, RelayReader,
    ReportReader, SavedAccounts, SavedSegment, SharedEngine, SignalReader, SignalSpan, StoreError,
    Writes, Written,
};
use crate::store::relay_queue::Settlement;

/// How often Meta's time is stored. It is one row for all replicas, so it is not part of their commits.
const SAVE_CLOCK_EVERY_MS: i64 = 60_000;

#[async_trait]
impl Engine for Database {
    fn sharding(&self) -> Sharding {
        Sharding::SHARED
    }

    fn shared(&mut self) -> Option<&mut dyn SharedEngine> {
        Some(self)
    }

    fn journal(&self, time_limit: Duration) -> Arc<dyn JournalReader> {
        let pools = Arc::clone(&self.pools);
        Arc::new(PostgresJournal::new(pools, time_limit))
    }

    fn account_reader(&self) -> Option<Arc<dyn AccountReader>> {
        Some(Arc::new(PostgresAccounts::new(Arc::clone(&self.pools))))
    }

    fn report_reader(&self) -> Option<Arc<dyn ReportReader>> {
        Some(Arc::new(PostgresReports::new(Arc::clone(&self.pools))))
    }

    fn relay_reader(&self) -> Arc<dyn RelayReader> {
        Arc::new(PostgresRelay::new(Arc::clone(&self.pools)))
    }

    fn signal_reader(&self) -> Arc<dyn SignalReader> {
        let (pools, owned) = (Arc::clone(&self.pools), Arc::clone(&self.owned));
        Arc::new(PostgresSignals::new(pools, owned))
    }

    /// Each shard has its epoch instead, so commits of this process need no numbers.
    async fn commit_number(&mut self) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn write(&mut self, writes: &Writes) -> Result<Written, StoreError> {
        let owned = self.owned.load_full();
        let schema = self.options.schema.clone();
        let (connection, names) = self.connection_and_names()?;
        let written = write::write(connection, names, &owned, writes).await?;
        if written == Written::Committed {
            // After the commit: within it, PostgreSQL would take a lock that all commits with notifications share.
            if !writes.inbox.is_empty() {
                tell(connection, &schema, INBOX).await?;
            }
            let (clock_ms, _, _) = writes.clock;
            if let Some(clock_ms) = clock_ms
                && clock_ms - self.clock_saved_ms >= SAVE_CLOCK_EVERY_MS
            {
                times::save_clock(self.connection()?, clock_ms).await?;
                self.clock_saved_ms = clock_ms;
            }
        }
        Ok(written)
    }

    async fn check(&mut self) -> Result<(), StoreError> {
        // The heartbeats find out.
        Ok(())
    }

    async fn recover(&mut self, _: i64) -> Result<Recovery, StoreError> {
        self.reconnect().await?;
        Ok(Recovery::ShardsLost)
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.end().await
    }

    async fn clock(&mut self) -> Result<ClockRow, StoreError> {
        Ok(times::clock(self.connection()?).await?)
    }

    async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError> {
        load::load(self.connection()?, waba_ids).await
    }

    async fn oldest_segments(
        &mut self,
        waba_id: &WabaId,
        phone_number_id: &PhoneNumberId,
        newest: i64,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        let connection = self.connection()?;
        customer_segments::oldest_segments(connection, waba_id, phone_number_id, newest).await
    }

    async fn segments_after(
        &mut self,
        waba_id: &str,
        phone_number_id: &str,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        customer_segments::segments_after(self.connection()?, waba_id, phone_number_id).await
    }

    async fn delivery_keys(
        &mut self,
        shard: Shard,
        scope: DedupScope,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        keys::delivery_keys(self.connection()?, number(shard), scope).await
    }

    async fn customer_key(&mut self) -> Result<Option<String>, StoreError> {
        customer_key::customer_key(self.connection()?).await
    }

    async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_customers: bool,
    ) -> Result<(), StoreError> {
        let connection = self.connection()?;
        customer_key::replace_customer_key(connection, check_value, keep_customers).await
    }

    async fn discovered(&mut self) -> Result<Vec<DiscoveredRow>, StoreError> {
        discovered::discovered(self.connection()?).await
    }

    async fn remember_discovered(
        &mut self,
        app: &str,
        rows: &[DiscoveredRow],
    ) -> Result<(), StoreError> {
        let schema = self.options.schema.clone();
        let connection = self.connection()?;
        discovered::remember_discovered(connection, app, rows).await?;
        Ok(tell(connection, &schema, SHARDS).await?)
    }

    async fn new_numbers(&mut self, _: i64, count: usize) -> Result<Vec<i64>, StoreError> {
        relay_queue::new_numbers(self.connection()?, count).await
    }

    async fn deliveries(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        let owned = self.owned.load_full();
        relay_queue::deliveries(self.connection()?, &owned).await
    }

    async fn forward_to(&mut self, upstreams: &[String]) -> Result<u64, StoreError> {
        let owned = self.owned.load_full();
        relay_queue::forward_to(self.connection()?, &owned, upstreams).await
    }

    async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<Vec<i64>, StoreError> {
        relay_queue::settle(self.connection()?, upstream, settlement).await
    }

    async fn signal_span(&mut self) -> Result<SignalSpan, StoreError> {
        let owned = self.owned.load_full();
        notify_queue::signal_span(self.connection()?, &owned).await
    }

    async fn notify(&mut self, receivers: &[String], newest: i64) -> Result<(), StoreError> {
        let owned = self.owned.load_full();
        notify_queue::notify(self.connection()?, &owned, receivers, newest).await
    }

    async fn settle_signals(&mut self, receiver: &str, settled: i64) -> Result<(), StoreError> {
        let owned = self.owned.load_full();
        notify_queue::settle_signals(self.connection()?, &owned, receiver, settled).await
    }

    async fn prune(
        &mut self,
        after: &str,
        cutoff_ms: i64,
        kept_for_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        let owned = self.owned.load_full();
        prune::prune(self.connection()?, &owned, after, cutoff_ms, kept_for_ms).await
    }
}
