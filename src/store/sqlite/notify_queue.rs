//! Stored changes that receivers of notifications have not accepted yet.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::statement::ROWS_AT_ONCE;
use super::{Database, DatabaseFile};
use crate::store::engine::{self, SignalRow, SignalSpan, StoreError};

/// Maximum number of concurrent reads: a few receivers fetch their next changes.
const READERS: u32 = 2;

/// Deletes the changes that no receiver waits for. A range of the primary key, because the queue of a receiver that is
/// down may be long.
const FORGET: &str = "DELETE FROM notify_queue WHERE number <= \
     COALESCE((SELECT MIN(settled) FROM notify_receivers), 9223372036854775807)";

impl Database {
    /// The range of the stored changes.
    pub async fn signal_span(&mut self) -> Result<SignalSpan, StoreError> {
        let query = sqlx::query_as(
            "SELECT (SELECT MIN(number) FROM notify_queue), (SELECT MAX(number) FROM notify_queue), \
             (SELECT MAX(settled) FROM notify_receivers)",
        );
        let connection = self.connection()?;
        let (oldest, newest, settled): (Option<i64>, Option<i64>, Option<i64>) =
            query.fetch_one(connection).await?;
        let newest = newest.max(settled).unwrap_or(0);
        let oldest = oldest.unwrap_or(newest + 1);
        Ok(SignalSpan { oldest, newest })
    }

    /// Keeps changes for exactly these receivers from now on. A new receiver starts after the newest change.
    pub async fn notify(&mut self, receivers: &[String], newest: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let mut others = QueryBuilder::<Sqlite>::new("DELETE FROM notify_receivers");
        if !receivers.is_empty() {
            others.push(" WHERE receiver NOT IN (");
            let mut names = others.separated(", ");
            for receiver in receivers {
                names.push_bind(receiver);
            }
            others.push(")");
        }
        others.build().execute(&mut *transaction).await?;
        for receiver in receivers {
            let insert = "INSERT INTO notify_receivers (receiver, settled) VALUES ($1, $2) \
                 ON CONFLICT (receiver) DO NOTHING";
            let insert = sqlx::query(insert).bind(receiver).bind(newest);
            insert.execute(&mut *transaction).await?;
        }
        forget_settled(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Stores the last change that a receiver accepted, and forgets those that every receiver has accepted.
    pub async fn settle_signals(&mut self, receiver: &str, settled: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let update =
            "UPDATE notify_receivers SET settled = $1 WHERE receiver = $2 AND settled < $1";
        let update = sqlx::query(update).bind(settled).bind(receiver);
        update.execute(&mut *transaction).await?;
        forget_settled(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Deletes the changes that no receiver waits for.
async fn forget_settled(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query(FORGET).execute(connection).await.map(drop)
}

/// Adds these changes, and deletes those before `oldest`.
pub(super) async fn write_signals(
    connection: &mut SqliteConnection,
    signals: &[SignalRow],
    oldest: i64,
) -> sqlx::Result<()> {
    if signals.is_empty() {
        return Ok(());
    }
    for rows in signals.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO notify_queue (number, recorded_ms, waba_id, entity, entity_id, attribute, order_ms, \
             source, from_value, to_value, account_name, name, display_phone_number, language) ",
        );
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(row.number)
                .push_bind(row.recorded_ms)
                .push_bind(&row.waba_id)
                .push_bind(&row.entity)
                .push_bind(&row.entity_id)
                .push_bind(&row.attribute)
                .push_bind(row.order_ms)
                .push_bind(&row.source)
                .push_bind(&row.from_value)
                .push_bind(&row.to_value)
                .push_bind(&row.account_name)
                .push_bind(&row.name)
                .push_bind(&row.display_phone_number)
                .push_bind(&row.language);
        });
        query.build().execute(&mut *connection).await?;
    }
    let forget = sqlx::query("DELETE FROM notify_queue WHERE number < $1").bind(oldest);
    forget.execute(connection).await.map(drop)
}

/// Reads stored changes while another connection writes.
#[derive(Clone, Debug)]
pub struct SignalReader {
    pool: SqlitePool,
    /// Declared last, because it must be closed after the connections.
    _file: Option<Arc<DatabaseFile>>,
}

impl SignalReader {
    pub(super) fn new(options: SqliteConnectOptions, file: Option<Arc<DatabaseFile>>) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        Self {
            pool: pool.connect_lazy_with(options),
            _file: file,
        }
    }
}

#[async_trait]
impl engine::SignalReader for SignalReader {
    async fn settled(&self, receiver: &str) -> Result<Option<i64>, StoreError> {
        let query = "SELECT settled FROM notify_receivers WHERE receiver = $1";
        let query = sqlx::query_scalar(query).bind(receiver);
        Ok(query.fetch_optional(&self.pool).await?)
    }

    async fn after(
        &self,
        _receiver: &str,
        number: i64,
        limit: u32,
    ) -> Result<Vec<SignalRow>, StoreError> {
        let query = "SELECT * FROM notify_queue WHERE number > $1 ORDER BY number LIMIT $2";
        let query = sqlx::query_as(query).bind(number).bind(limit);
        Ok(query.fetch_all(&self.pool).await?)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::store::Location;
    use crate::store::engine::{Engine, Writes};

    fn row(number: i64) -> SignalRow {
        let text = || "1".to_owned();
        SignalRow {
            number,
            recorded_ms: number,
            waba_id: text(),
            entity: text(),
            entity_id: text(),
            attribute: text(),
            order_ms: number,
            source: text(),
            from_value: None,
            to_value: text(),
            account_name: None,
            name: Some(text()),
            display_phone_number: None,
            language: None,
        }
    }

    async fn write(database: &mut Database, commit: i64, numbers: std::ops::RangeInclusive<i64>) {
        let writes = Writes {
            number: commit,
            signals: numbers.map(row).collect(),
            oldest_signal: 2,
            ..Writes::default()
        };
        database.write(&writes).await.expect("room");
    }

    async fn stored(reader: &Arc<dyn engine::SignalReader>) -> Vec<i64> {
        let rows = reader.after("a", 0, 100).await.expect("readable");
        rows.iter().map(|row| row.number).collect()
    }

    #[tokio::test]
    async fn changes_are_kept_until_every_receiver_has_settled_them() {
        let mut database = Database::open(&Location::Memory).await.expect("memory");
        let reader = database.signal_reader();
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        database.notify(&names(&["a", "b"]), 0).await.expect("room");
        write(&mut database, 1, 1..=5).await;
        assert_eq!(
            stored(&reader).await,
            [2, 3, 4, 5],
            "the first is over the limit"
        );
        database.settle_signals("a", 4).await.expect("room");
        assert_eq!(stored(&reader).await, [2, 3, 4, 5]);
        database.settle_signals("b", 3).await.expect("room");
        database
            .settle_signals("b", 2)
            .await
            .expect("never backwards");
        assert_eq!(stored(&reader).await, [4, 5]);
        assert_eq!(reader.settled("b").await.expect("readable"), Some(3));
        let span = database.signal_span().await.expect("readable");
        assert_eq!((span.oldest, span.newest), (4, 5));

        database.notify(&names(&["a", "c"]), 5).await.expect("room");
        assert_eq!(reader.settled("b").await.expect("readable"), None);
        assert_eq!(reader.settled("a").await.expect("readable"), Some(4));
        assert_eq!(reader.settled("c").await.expect("readable"), Some(5));
        assert_eq!(stored(&reader).await, [5]);
        database.notify(&[], 5).await.expect("room");
        assert_eq!(stored(&reader).await, [0; 0]);
        let span = database.signal_span().await.expect("readable");
        assert_eq!(
            (span.oldest, span.newest),
            (1, 0),
            "the committer keeps the numbers"
        );
    }

    #[tokio::test]
    async fn a_long_queue_is_not_searched() {
        let mut database = Database::open(&Location::Memory).await.expect("memory");
        let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {FORGET}")));
        let steps = explain
            .fetch_all(database.connection().expect("open"))
            .await;
        let steps = steps.expect("a plan");
        let first: String = steps[0].get("detail");
        assert!(
            first.contains("SEARCH notify_queue USING INTEGER PRIMARY KEY"),
            "{first}"
        );
    }
}
