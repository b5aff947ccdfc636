//! PostgreSQL as the engine of a store: any number of replicas, each with some of the shards.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::account_reader::PostgresAccounts;
use super::database::number;
use super::hints::{INBOX, SHARDS, notify_others};
use super::limited_accounts::LimitedAccounts;
use super::limits::{LONG, SHORT};
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

/// How often Meta's time is stored.
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
        let accounts = PostgresAccounts::new(Arc::clone(&self.pools));
        Some(Arc::new(LimitedAccounts(accounts)))
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
        let mut names = std::mem::take(&mut self.names);
        let write =
            async |connection: &mut _| write::write(connection, &mut names, &owned, writes).await;
        let written = self.run(SHORT, write).await;
        self.names = names;
        let written = written?;
        if written == Written::Committed {
            self.after_commit(writes).await?;
        }
        Ok(written)
    }

    async fn check(&mut self) -> Result<(), StoreError> {
        // Heartbeats detect a lost session.
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
        self.run(SHORT, times::clock).await
    }

    async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError> {
        self.run(LONG, async |connection| {
            load::load(connection, waba_ids).await
        })
        .await
    }

    async fn oldest_segments(
        &mut self,
        waba_id: &WabaId,
        phone_number_id: &PhoneNumberId,
        newest: i64,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        let read = async |connection: &mut _| {
            customer_segments::oldest_segments(connection, waba_id, phone_number_id, newest).await
        };
        self.run(SHORT, read).await
    }

    async fn segments_after(
        &mut self,
        waba_id: &str,
        phone_number_id: &str,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        let read = async |connection: &mut _| {
            customer_segments::segments_after(connection, waba_id, phone_number_id).await
        };
        self.run(SHORT, read).await
    }

    async fn delivery_keys(
        &mut self,
        shard: Shard,
        scope: DedupScope,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let shard = number(shard);
        self.run(LONG, async |connection| {
            keys::delivery_keys(connection, shard, scope).await
        })
        .await
    }

    async fn customer_key(&mut self) -> Result<Option<String>, StoreError> {
        self.run(SHORT, customer_key::customer_key).await
    }

    async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_customers: bool,
    ) -> Result<(), StoreError> {
        let replace = async |connection: &mut _| {
            customer_key::replace_customer_key(connection, check_value, keep_customers).await
        };
        self.run(LONG, replace).await
    }

    async fn discovered(&mut self) -> Result<Vec<DiscoveredRow>, StoreError> {
        self.run(LONG, discovered::discovered).await
    }

    async fn remember_discovered(
        &mut self,
        app: &str,
        rows: &[DiscoveredRow],
    ) -> Result<(), StoreError> {
        let schema = self.options.schema.clone();
        let remember = async |connection: &mut _| {
            discovered::remember_discovered(connection, app, rows).await?;
            Ok::<_, StoreError>(notify_others(connection, &schema, SHARDS).await?)
        };
        self.run(LONG, remember).await
    }

    async fn new_numbers(&mut self, _: i64, count: usize) -> Result<Vec<i64>, StoreError> {
        self.run(SHORT, async |connection| {
            relay_queue::new_numbers(connection, count).await
        })
        .await
    }

    async fn deliveries(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        let owned = self.owned.load_full();
        self.run(LONG, async |connection| {
            relay_queue::deliveries(connection, &owned).await
        })
        .await
    }

    async fn forward_to(&mut self, upstreams: &[String]) -> Result<u64, StoreError> {
        let owned = self.owned.load_full();
        self.run(LONG, async |connection| {
            relay_queue::forward_to(connection, &owned, upstreams).await
        })
        .await
    }

    async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<Vec<i64>, StoreError> {
        self.run(SHORT, async |connection| {
            relay_queue::settle(connection, upstream, settlement).await
        })
        .await
    }

    async fn signal_span(&mut self) -> Result<SignalSpan, StoreError> {
        let owned = self.owned.load_full();
        self.run(SHORT, async |connection| {
            notify_queue::signal_span(connection, &owned).await
        })
        .await
    }

    async fn notify(&mut self, receivers: &[String], newest: i64) -> Result<(), StoreError> {
        let owned = self.owned.load_full();
        self.run(LONG, async |connection| {
            notify_queue::notify(connection, &owned, receivers, newest).await
        })
        .await
    }

    async fn settle_signals(&mut self, receiver: &str, settled: i64) -> Result<(), StoreError> {
        let owned = self.owned.load_full();
        let settle = async |connection: &mut _| {
            notify_queue::settle_signals(connection, &owned, receiver, settled).await
        };
        self.run(SHORT, settle).await
    }

    async fn prune(
        &mut self,
        after: &str,
        cutoff_ms: i64,
        kept_for_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        let owned = self.owned.load_full();
        let prune = async |connection: &mut _| {
            prune::prune(connection, &owned, after, cutoff_ms, kept_for_ms).await
        };
        self.run(LONG, prune).await
    }
}

impl Database {
    /// The work after a commit. It is not part of the commit: PostgreSQL would then take a lock that all commits with
    /// notifications share, and Meta's time is one row for all replicas.
    async fn after_commit(&mut self, writes: &Writes) -> Result<(), StoreError> {
        if !writes.inbox.is_empty() {
            let schema = self.options.schema.clone();
            self.run(SHORT, async |connection| {
                notify_others(connection, &schema, INBOX).await
            })
            .await?;
        }
        let (clock_ms, _, _) = writes.clock;
        if let Some(clock_ms) = clock_ms
            && clock_ms - self.clock_saved_ms >= SAVE_CLOCK_EVERY_MS
        {
            self.run(SHORT, async |connection| {
                times::save_clock(connection, clock_ms).await
            })
            .await?;
            self.clock_saved_ms = clock_ms;
        }
        Ok(())
    }
}
