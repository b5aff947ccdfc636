//! Reads the journal while another connection or process writes to it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Sqlite};

use super::journal_query::{in_force_query, lines_query, newest_query};
use super::load::load_insights;
use super::{DatabaseFile, backup};
use crate::store::engine::{
    AttributeFilter, JournalFilter, JournalLine, JournalReader, SavedAccounts, SortOrder,
    StoreError, StoreErrorReason,
};

/// Maximum number of concurrent queries; more wait.
const READERS: u32 = 2;

/// Steps of SQLite's virtual machine between two checks of the time limit: a fraction of a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// Read access.
#[derive(Clone, Debug)]
pub struct Journal {
    pool: SqlitePool,
    /// How long one query may take.
    time_limit: Duration,
    /// Declared last, because it must be closed after the connections.
    _file: Option<Arc<DatabaseFile>>,
}

impl Journal {
    pub(super) fn new(
        options: &SqliteConnectOptions,
        file: Option<Arc<DatabaseFile>>,
        time_limit: Duration,
    ) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        Self {
            pool: pool.connect_lazy_with(options.clone()),
            time_limit,
            _file: file,
        }
    }

    /// Opens an existing database for reading, even while an exporter writes to it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path);
        let options = options.create_if_missing(false).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        let pool = pool.connect_with(options).await?;
        Ok(Self {
            pool,
            // A separate command does not block other queries.
            time_limit: Duration::MAX,
            _file: None,
        })
    }

    /// A connection whose next query ends with `Reason::Interrupted` at the time limit. Dropping the future does not
    /// end a query: SQLite searches until it has found the next row.
    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut handle = connection.lock_handle().await?;
        match Instant::now().checked_add(self.time_limit) {
            Some(end) => {
                handle.set_progress_handler(STEPS_PER_LOOK, move || Instant::now() < end);
            }
            None => handle.remove_progress_handler(),
        }
        drop(handle);
        Ok(connection)
    }
}

#[async_trait]
impl JournalReader for Journal {
    async fn check_version(&self) -> Result<(), StoreError> {
        let older = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'older_transitions') \
             OR NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'refreshes')";
        if sqlx::query_scalar(older).fetch_one(&self.pool).await? {
            let message = "an older version has written the store; start the exporter once, which migrates it";
            return Err(StoreError::new(StoreErrorReason::Other, message));
        }
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let newest = sqlx::query("SELECT max(order_ms) FROM transitions");
        newest.execute(&self.pool).await?;
        Ok(())
    }

    async fn lines(
        &self,
        selection: &JournalFilter,
        order: SortOrder,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let mut query = lines_query(selection, order, limit, offset);
        let mut reader = self.reader().await?;
        Ok(query.build_query_as().fetch_all(&mut *reader).await?)
    }

    async fn in_force(
        &self,
        selection: &JournalFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let mut query = in_force_query(selection, limit);
        Ok(query
            .build_query_as()
            .fetch_all(&mut *self.reader().await?)
            .await?)
    }

    async fn newest(
        &self,
        wanted: &AttributeFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let mut query = newest_query(wanted, limit);
        Ok(query
            .build_query_as()
            .fetch_all(&mut *self.reader().await?)
            .await?)
    }

    async fn insights(&self, waba_id: Option<&str>) -> Result<SavedAccounts, StoreError> {
        let mut reader = self.reader().await?;
        load_insights(&mut reader, waba_id).await
    }

    async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        backup::copy(&self.pool, path).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Database;
    use super::*;
    use crate::store::Location;
    use crate::store::engine::Engine;

    #[tokio::test]
    async fn a_query_ends_at_its_time_limit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("state.db"));
        let mut database = Database::open(&location).await.expect("a new database");
        let many = "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, to_value) \
             SELECT 1, 1, value, 0, 'A' FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 20000) SELECT value FROM n)";
        let connection = database.connection().expect("it is open");
        for names in [
            "INSERT INTO journal_accounts VALUES (1, '1')",
            "INSERT INTO journal_entities VALUES (1, 1, 0, 2)",
            "INSERT INTO journal_attributes VALUES (1, 'template', 'status')",
            many,
        ] {
            sqlx::query(names)
                .execute(&mut *connection)
                .await
                .expect("room");
        }
        let all = JournalFilter {
            until_ms: i64::MAX,
            ..JournalFilter::default()
        };
        let none = JournalFilter {
            attribute: Some("no such attribute".to_owned()),
            ..all.clone()
        };
        let hasty = database.journal(Duration::ZERO);
        for selection in [&all, &none] {
            let ended = hasty.lines(selection, SortOrder::ByTime, 50_000, 0).await;
            assert_eq!(
                ended.expect_err("no time").reason,
                StoreErrorReason::Interrupted
            );
        }
        let patient = database.journal(Duration::from_secs(60));
        let read = patient.lines(&all, SortOrder::ByTime, 50_000, 0).await;
        assert_eq!(read.expect("enough time").len(), 20_000);
    }
}
