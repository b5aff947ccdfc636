//! Connections that read while the writer writes: the journal, and the queues of the owned shards.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Postgres, QueryBuilder, Transaction};

use super::database::number;
use super::journal_query::{in_force_query, lines_query, newest_query};
use super::limits::{READ, WAIT, within};
use super::load::load_insights;
use super::pools::{Owned, Pools, close};
use crate::domain::Shard;
use crate::store::engine::{
    AttributeFilter, JournalFilter, JournalLine, JournalReader, RelayReader, RelayRow,
    SavedAccounts, SignalReader, SignalRow, SortOrder, StoreError, StoreErrorReason,
};

/// Reads the journal of all accounts.
#[derive(Debug)]
pub(super) struct PostgresJournal {
    pools: Pools,
    /// How long one query may take.
    time_limit: Duration,
}

impl PostgresJournal {
    pub fn new(pools: Pools, time_limit: Duration) -> Self {
        Self { pools, time_limit }
    }

    /// The server ends a statement at the time limit, so it answers a little later.
    fn limit(&self) -> Duration {
        self.time_limit + WAIT
    }

    /// A transaction whose statements end with `Interrupted` at the time limit.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let pool: &PgPool = &self.pools.load_full();
        let mut transaction = pool.begin().await?;
        // 0 would be no limit.
        let limit = i32::try_from(self.time_limit.as_millis()).unwrap_or(i32::MAX);
        let set = sqlx::query("SELECT set_config('statement_timeout', $1, true)");
        let set = set.bind(limit.max(1).to_string());
        set.execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Plans each query for its values: a page of one account needs another plan than a page of all.
    async fn rows<R>(&self, mut query: QueryBuilder<Postgres>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let read = async {
            let mut transaction = self.begin().await?;
            let query = query.build_query_as().persistent(false);
            let rows = query.fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(rows)
        };
        within(self.limit(), read).await
    }
}

#[async_trait]
impl JournalReader for PostgresJournal {
    /// The start migrates all tables before any reader uses them.
    async fn check_version(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let read = async {
            let mut transaction = self.begin().await?;
            let newest = sqlx::query("SELECT max(order_ms) FROM transitions");
            newest.execute(&mut *transaction).await?;
            Ok::<_, StoreError>(transaction.commit().await?)
        };
        within(self.limit(), read).await
    }

    async fn lines(
        &self,
        selection: &JournalFilter,
        order: SortOrder,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        self.rows(lines_query(selection, order, limit, offset))
            .await
    }

    async fn in_force(
        &self,
        selection: &JournalFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        self.rows(in_force_query(selection, limit)).await
    }

    async fn newest(
        &self,
        wanted: &AttributeFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        self.rows(newest_query(wanted, limit)).await
    }

    async fn insights(&self, waba_id: Option<&str>) -> Result<SavedAccounts, StoreError> {
        let read = async {
            let mut transaction = self.begin().await?;
            let saved = load_insights(&mut transaction, waba_id).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(saved)
        };
        within(self.limit(), read).await
    }

    async fn copy_to(&self, _: &Path) -> Result<(), StoreError> {
        let message = "the store is in PostgreSQL; use pg_dump with store.schema, or the server's own backups";
        Err(StoreError::new(StoreErrorReason::Other, message))
    }

    async fn close(&self) {
        close(&self.pools).await;
    }
}

/// Reads waiting deliveries.
#[derive(Debug)]
pub(super) struct PostgresRelay {
    pools: Pools,
}

impl PostgresRelay {
    pub fn new(pools: Pools) -> Self {
        Self { pools }
    }
}

#[async_trait]
impl RelayReader for PostgresRelay {
    async fn pending(
        &self,
        upstream: &str,
        shards: &BTreeSet<Shard>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RelayRow>, StoreError> {
        let shards: Vec<i16> = shards.iter().map(|shard| number(*shard)).collect();
        let query = "SELECT parcel, received_ms, waba_ids, lanes, octet_length(body)::bigint AS bytes, \
             parked IS NOT NULL AS is_parked FROM relay_pending JOIN relay_parcels USING (parcel) \
             WHERE upstream = $1 AND parcel > $2 AND shard = ANY($3) ORDER BY parcel LIMIT $4";
        let query = sqlx::query_as(query).bind(upstream).bind(after);
        let query = query.bind(shards).bind(i64::from(limit));
        within(READ, query.fetch_all(&*self.pools.load_full())).await
    }

    async fn contents(
        &self,
        deliveries: &[i64],
    ) -> Result<Vec<(i64, String, Vec<u8>)>, StoreError> {
        let query = "SELECT parcel, signature, body FROM relay_parcels WHERE parcel = ANY($1)";
        let query = sqlx::query_as(query).bind(deliveries);
        within(READ, query.fetch_all(&*self.pools.load_full())).await
    }

    async fn close(&self) {
        close(&self.pools).await;
    }
}

/// Reads stored changes.
#[derive(Debug)]
pub(super) struct PostgresSignals {
    pools: Pools,
    owned: Owned,
}

impl PostgresSignals {
    pub fn new(pools: Pools, owned: Owned) -> Self {
        Self { pools, owned }
    }
}

#[async_trait]
impl SignalReader for PostgresSignals {
    /// Just before the receiver's first change in any shard. Shards without one do not count.
    async fn settled(&self, receiver: &str) -> Result<Option<i64>, StoreError> {
        let owned = self.owned.load_full();
        let query = "SELECT coalesce(min(first.number) - 1, max(settled)) FROM notify_receivers \
             LEFT JOIN LATERAL (SELECT number FROM notify_queue \
               WHERE notify_queue.shard = notify_receivers.shard AND number > settled ORDER BY number LIMIT 1) \
             AS first ON true WHERE receiver = $1 AND shard = ANY($2)";
        let query = sqlx::query_scalar(query).bind(receiver).bind(&owned[..]);
        within(READ, query.fetch_one(&*self.pools.load_full())).await
    }

    /// Without those that the receiver has accepted in shards where it is further.
    async fn after(
        &self,
        receiver: &str,
        number: i64,
        limit: u32,
    ) -> Result<Vec<SignalRow>, StoreError> {
        let owned = self.owned.load_full();
        let query = "SELECT waiting.* FROM notify_queue AS waiting \
             LEFT JOIN notify_receivers AS known ON known.receiver = $1 AND known.shard = waiting.shard \
             WHERE waiting.shard = ANY($2) AND number > $3 AND number > coalesce(settled, 0) \
             ORDER BY number LIMIT $4";
        let query = sqlx::query_as(query).bind(receiver).bind(&owned[..]);
        let query = query.bind(number).bind(i64::from(limit));
        within(READ, query.fetch_all(&*self.pools.load_full())).await
    }

    async fn close(&self) {
        close(&self.pools).await;
    }
}
