//! Reads the journal and copies the database while another connection or process writes to it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, FromRow, QueryBuilder, Sqlite};

use super::load::{SavedAccounts, load_insights};
use super::{DatabaseFile, StoreError};

/// Maximum number of concurrent queries; more wait.
const READERS: u32 = 2;

/// Steps of SQLite's virtual machine between two checks of the time limit: a fraction of a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// One line, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct JournalLine {
    /// The account.
    pub waba_id: String,
    /// Kind of entity.
    pub entity: String,
    /// The entity's node.
    pub entity_id: String,
    /// Id of the entity's Graph API node.
    pub attribute: String,
    /// Its position among all observations, in milliseconds.
    pub order_ms: i64,
    /// `poll` or `webhook`.
    pub source: String,
    /// The value before. `None` for the first known value.
    pub from_value: Option<String>,
    /// The value after.
    pub to_value: String,
}

/// Filter of lines; `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct JournalFilter {
    /// Only lines of this account.
    pub waba_id: Option<String>,
    /// Only lines of this kind of entity.
    pub entity: Option<String>,
    /// Only lines of this entity.
    pub entity_id: Option<String>,
    /// Only lines of this attribute.
    pub attribute: Option<String>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
    /// Before this moment.
    pub until_ms: i64,
    /// After this line.
    pub after: Option<LineKey>,
}

/// Filter of lines by accounts and attributes.
#[derive(Clone, Debug, Default)]
pub struct AttributeFilter {
    /// Accounts to include; few enough to list in a query.
    pub accounts: Vec<String>,
    /// Attributes to include, as (kind of entity, name).
    pub names: Vec<(&'static str, &'static str)>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
}

/// The position of a line among all lines by time. The next page starts after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineKey {
    /// Its position among all observations, in milliseconds.
    pub order_ms: i64,
    /// Its account, kind of entity, entity id, attribute, source, and value after.
    pub rest: [String; 6],
}

/// Order of the returned lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    ByTime,
    /// Entity by entity, each oldest first.
    ByEntity,
}

impl SortOrder {
    fn columns(self) -> &'static str {
        match self {
            Self::ByTime => "order_ms, waba_id, entity, entity_id, attribute, source, to_value",
            Self::ByEntity => "waba_id, entity, entity_id, attribute, order_ms, source, to_value",
        }
    }
}

const COLUMNS: &str = "SELECT waba_id, entity, entity_id, attribute, order_ms, source, from_value, to_value \
     FROM transitions WHERE ";

/// The primary key.
const KEY: &str = "waba_id, entity, entity_id, attribute, order_ms, source, to_value";

/// A page by time: first its keys from the index alone, then the rows of these keys. In one step, SQLite would look
/// up the row of every index entry, even of skipped ones. `INDEXED BY` is specific to SQLite: without it, a page of
/// one account sorts all lines of that account.
const PAGE: &str = "SELECT waba_id, entity, entity_id, attribute, order_ms, source, from_value, to_value FROM \
     (SELECT waba_id, entity, entity_id, attribute, order_ms, source, to_value \
     FROM transitions INDEXED BY transitions_by_time WHERE ";

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

    /// The selected lines: at most `limit`, after skipping `offset`.
    pub async fn lines(
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

    /// For each selected attribute, its last line before the selected period: the value in force at its start.
    pub async fn in_force(
        &self,
        selection: &JournalFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push("order_ms < ").push_bind(selection.since_ms);
        push_selection(&mut query, selection);
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM transitions AS later \
             WHERE later.waba_id = transitions.waba_id AND later.entity = transitions.entity \
             AND later.entity_id = transitions.entity_id \
             AND later.attribute = transitions.attribute \
             AND later.order_ms > transitions.order_ms AND later.order_ms < ",
        );
        query.push_bind(selection.since_ms).push(") ORDER BY ");
        query.push(SortOrder::ByEntity.columns());
        query.push(" LIMIT ").push_bind(limit);
        Ok(query
            .build_query_as()
            .fetch_all(&mut *self.reader().await?)
            .await?)
    }

    /// The newest lines of these attributes, newest first.
    pub async fn newest(
        &self,
        wanted: &AttributeFilter,
        limit: u32,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push("order_ms >= ").push_bind(wanted.since_ms);
        // With the kinds of entities, SQLite can use the primary key to skip the lines of all templates.
        query.push(" AND entity IN (");
        let mut kinds = query.separated(", ");
        for (entity, _) in &wanted.names {
            kinds.push_bind(*entity);
        }
        query.push(") AND waba_id IN (");
        let mut accounts = query.separated(", ");
        for account in &wanted.accounts {
            accounts.push_bind(account.clone());
        }
        query.push(") AND (1 = 0");
        for (entity, attribute) in &wanted.names {
            query.push(" OR (entity = ").push_bind(*entity);
            query.push(" AND attribute = ").push_bind(*attribute);
            query.push(")");
        }
        query.push(") ORDER BY order_ms DESC, waba_id, entity_id, attribute, source DESC LIMIT ");
        query.push_bind(limit);
        Ok(query
            .build_query_as()
            .fetch_all(&mut *self.reader().await?)
            .await?)
    }

    /// The rows of daily figures, with those of their accounts: of all accounts, or of one.
    pub async fn insights(&self, waba_id: Option<&str>) -> Result<SavedAccounts, StoreError> {
        let mut reader = self.reader().await?;
        load_insights(&mut reader, waba_id).await
    }

    /// Writes a copy of the whole database to a new file.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let path = path.to_str().ok_or_else(|| {
            StoreError::unreadable("the path of the copy must be written in UTF-8")
        })?;
        let copied = sqlx::query("VACUUM INTO $1").bind(path);
        copied.execute(&self.pool).await?;
        // The stamp in the copy differs, so the exporter notices if the copy is written over the database while it
        // runs.
        let options = SqliteConnectOptions::new().filename(path);
        let mut copy = SqliteConnection::connect_with(&options).await?;
        sqlx::query("PRAGMA user_version = 0")
            .execute(&mut copy)
            .await?;
        Ok(copy.close().await?)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn lines_query(
    selection: &JournalFilter,
    order: SortOrder,
    limit: u32,
    offset: u32,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(match order {
        SortOrder::ByTime => PAGE,
        SortOrder::ByEntity => COLUMNS,
    });
    push_window(&mut query, selection);
    push_selection(&mut query, selection);
    query.push(" ORDER BY ").push(order.columns());
    query.push(" LIMIT ").push_bind(limit);
    query.push(" OFFSET ").push_bind(offset);
    if order == SortOrder::ByTime {
        query.push(") JOIN transitions USING (").push(KEY);
        query.push(") ORDER BY ").push(order.columns());
    }
    query
}

fn push_window(query: &mut QueryBuilder<Sqlite>, selection: &JournalFilter) {
    let JournalFilter {
        since_ms,
        until_ms,
        after,
        ..
    } = selection;
    let first_ms = after.as_ref().map_or(i64::MIN, |key| key.order_ms);
    query
        .push("order_ms >= ")
        .push_bind(first_ms.max(*since_ms));
    query.push(" AND order_ms < ").push_bind(*until_ms);
    if let Some(LineKey { order_ms, rest }) = after {
        query
            .push(" AND (")
            .push(SortOrder::ByTime.columns())
            .push(") > (");
        query.push_bind(*order_ms);
        for value in rest {
            query.push(", ").push_bind(value.clone());
        }
        query.push(")");
    }
}

fn push_selection<'a>(query: &mut QueryBuilder<Sqlite>, selection: &'a JournalFilter) {
    let JournalFilter {
        waba_id,
        entity,
        entity_id,
        attribute,
        ..
    } = selection;
    let columns: [(&str, &'a Option<String>); 4] = [
        ("waba_id", waba_id),
        ("entity", entity),
        ("entity_id", entity_id),
        ("attribute", attribute),
    ];
    for (column, value) in columns {
        if let Some(value) = value {
            query.push(format!(" AND {column} = "));
            query.push_bind(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::super::{Database, StoreErrorReason};
    use super::*;
    use crate::store::Location;

    /// SQLite's plan for this query, one step per line.
    async fn plan(selection: &JournalFilter, order: SortOrder) -> String {
        let mut database = Database::open(&Location::Memory).await.expect("memory");
        let query = lines_query(selection, order, 1_000, 0);
        let sql = format!("EXPLAIN QUERY PLAN {}", query.sql().as_str());
        let explain = sqlx::query(sqlx::AssertSqlSafe(sql));
        let steps = explain
            .fetch_all(database.connection().expect("open"))
            .await
            .expect("a plan");
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        steps.collect::<Vec<_>>().join("\n")
    }

    fn after_a_line() -> JournalFilter {
        JournalFilter {
            until_ms: i64::MAX,
            after: Some(LineKey {
                order_ms: 1,
                rest: std::array::from_fn(|_| "1".to_owned()),
            }),
            ..JournalFilter::default()
        }
    }

    #[tokio::test]
    async fn every_page_is_read_from_the_index_by_time() {
        let one = || Some("1".to_owned());
        let selections = [
            after_a_line(),
            JournalFilter {
                waba_id: one(),
                ..after_a_line()
            },
            JournalFilter {
                entity: one(),
                attribute: one(),
                ..after_a_line()
            },
            JournalFilter {
                waba_id: one(),
                entity_id: one(),
                ..after_a_line()
            },
            JournalFilter::default(),
        ];
        for selection in selections {
            let plan = plan(&selection, SortOrder::ByTime).await;
            assert!(
                plan.contains("COVERING INDEX transitions_by_time (order_ms>? AND order_ms<?)"),
                "{selection:?}: {plan}"
            );
        }
    }

    #[tokio::test]
    async fn a_query_ends_at_its_time_limit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("state.db"));
        let mut database = Database::open(&location).await.expect("a new database");
        let many = "INSERT INTO transitions SELECT '1', 'template', '2', 'status', value, 'poll', NULL, 'A' FROM \
             (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 20000) SELECT value FROM n)";
        let connection = database.connection().expect("it is open");
        sqlx::query(many).execute(connection).await.expect("room");
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
