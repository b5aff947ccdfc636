//! Stored deliveries that upstreams have not accepted yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::statement::ROWS_AT_ONCE;
use super::{Database, DatabaseFile};
use crate::domain::Shard;
use crate::store::engine::{self, NewDelivery, RelayRow, StoreError};
use crate::store::relay_queue::{BYTES_PER_LANE_DIGIT, Settlement, lanes_to_text};

/// Maximum number of concurrent reads: a few upstreams fetch their next deliveries.
const READERS: u32 = 4;

/// Matches deliveries that no upstream waits for any more.
const NOBODY_WAITS: &str = "NOT EXISTS (SELECT 1 FROM relay_pending \
     WHERE relay_pending.parcel = relay_parcels.parcel)";

impl Database {
    /// Every delivery, oldest first, as (number, size in bytes).
    pub async fn deliveries(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        let query = sqlx::query_as(
            "SELECT parcel, length(body) + length(signature) + length(waba_ids) \
             + $1 * COALESCE(length(lanes), 0) FROM relay_parcels ORDER BY parcel",
        );
        let query = query.bind(BYTES_PER_LANE_DIGIT as i64);
        Ok(query.fetch_all(self.connection()?).await?)
    }

    /// Deletes the entries of all upstreams but these; returns the number of deliveries that were dropped.
    pub async fn forward_to(&mut self, upstreams: &[String]) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut others = QueryBuilder::<Sqlite>::new("DELETE FROM relay_pending");
        if !upstreams.is_empty() {
            others.push(" WHERE upstream NOT IN (");
            let mut names = others.separated(", ");
            for upstream in upstreams {
                names.push_bind(upstream);
            }
            others.push(")");
        }
        let gone = others.build().execute(&mut *transaction).await?;
        let orphans = sqlx::query(sqlx::AssertSqlSafe(format!(
            "DELETE FROM relay_parcels WHERE {NOBODY_WAITS}"
        )));
        orphans.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Stores the outcomes of deliveries to an upstream. Deletes and returns the deliveries that no upstream waits
    /// for any more.
    pub async fn settle(
        &mut self,
        upstream: &str,
        settlement: &Settlement,
    ) -> Result<Vec<i64>, StoreError> {
        let mut transaction = self.begin().await?;
        // First, because a delivery may have been accepted since it was parked.
        for (delivery, reason) in &settlement.parked {
            park(&mut transaction, upstream, *delivery, Some(reason)).await?;
        }
        for delivery in &settlement.unparked {
            park(&mut transaction, upstream, *delivery, None).await?;
        }
        let mut gone = Vec::new();
        for some in settlement.settled.chunks(ROWS_AT_ONCE) {
            let mut settled =
                QueryBuilder::<Sqlite>::new("DELETE FROM relay_pending WHERE upstream = ");
            settled.push_bind(upstream).push(" AND parcel IN (");
            push_numbers(&mut settled, some);
            settled.build().execute(&mut *transaction).await?;
            let mut unwanted = QueryBuilder::<Sqlite>::new(format!(
                "DELETE FROM relay_parcels WHERE {NOBODY_WAITS} AND parcel IN ("
            ));
            push_numbers(&mut unwanted, some);
            unwanted.push(" RETURNING parcel");
            let deleted: Vec<(i64,)> = unwanted
                .build_query_as()
                .fetch_all(&mut *transaction)
                .await?;
            gone.extend(deleted.into_iter().map(|(delivery,)| delivery));
        }
        transaction.commit().await?;
        Ok(gone)
    }
}

async fn park(
    connection: &mut SqliteConnection,
    upstream: &str,
    delivery: i64,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    let update = "UPDATE relay_pending SET parked = $1 WHERE upstream = $2 AND parcel = $3";
    let update = sqlx::query(update)
        .bind(reason)
        .bind(upstream)
        .bind(delivery);
    update.execute(connection).await.map(drop)
}

/// Appends the numbers and the closing parenthesis.
fn push_numbers(query: &mut QueryBuilder<Sqlite>, numbers: &[i64]) {
    let mut list = query.separated(", ");
    for number in numbers {
        list.push_bind(*number);
    }
    query.push(")");
}

pub(super) async fn write_deliveries(
    connection: &mut SqliteConnection,
    deliveries: &[NewDelivery],
    upstreams: &[String],
    oldest: i64,
) -> sqlx::Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    for NewDelivery {
        number, delivery, ..
    } in deliveries
    {
        let waba_ids: Vec<&str> = delivery.waba_ids.iter().map(|id| id.as_str()).collect();
        sqlx::query(
            "INSERT INTO relay_parcels (parcel, received_ms, waba_ids, lanes, signature, body) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(number)
        .bind(delivery.received_at.as_millis())
        .bind(waba_ids.join(" "))
        .bind(lanes_to_text(&delivery.lanes))
        .bind(&delivery.signature)
        .bind(&delivery.body[..])
        .execute(&mut *connection)
        .await?;
    }
    for upstream in upstreams {
        for some in deliveries.chunks(ROWS_AT_ONCE) {
            let mut query =
                QueryBuilder::<Sqlite>::new("INSERT INTO relay_pending (upstream, parcel) ");
            query.push_values(some, |mut row, new| {
                row.push_bind(upstream).push_bind(new.number);
            });
            query.build().execute(&mut *connection).await?;
        }
    }
    for table in ["relay_pending", "relay_parcels"] {
        let mut query = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {table} WHERE parcel < "));
        query.push_bind(oldest);
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Reads waiting deliveries while another connection writes.
#[derive(Clone, Debug)]
pub struct RelayReader {
    pool: SqlitePool,
    /// Declared last, because it must be closed after the connections.
    _file: Option<Arc<DatabaseFile>>,
}

impl RelayReader {
    pub(super) fn new(options: SqliteConnectOptions, file: Option<Arc<DatabaseFile>>) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        Self {
            pool: pool.connect_lazy_with(options),
            _file: file,
        }
    }
}

#[async_trait]
impl engine::RelayReader for RelayReader {
    async fn pending(
        &self,
        upstream: &str,
        _shards: &BTreeSet<Shard>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RelayRow>, StoreError> {
        let query = sqlx::query_as(
            "SELECT parcel, received_ms, waba_ids, lanes, length(body) AS bytes, \
             parked IS NOT NULL AS is_parked FROM relay_pending JOIN relay_parcels \
             USING (parcel) WHERE upstream = $1 AND parcel > $2 ORDER BY parcel LIMIT $3",
        );
        let query = query.bind(upstream).bind(after).bind(limit);
        Ok(query.fetch_all(&self.pool).await?)
    }

    async fn contents(
        &self,
        deliveries: &[i64],
    ) -> Result<Vec<(i64, String, Vec<u8>)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT parcel, signature, body FROM relay_parcels WHERE parcel IN (",
        );
        push_numbers(&mut query, deliveries);
        Ok(query.build_query_as().fetch_all(&self.pool).await?)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
