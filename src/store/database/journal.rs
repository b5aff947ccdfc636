//! Reading the journal, and copying the database, while another connection or process writes to it.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, FromRow, QueryBuilder, Sqlite};

use super::Trouble;

/// Queries at the same time; more wait.
const READERS: u32 = 2;

/// One line, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct JournalLine {
    /// Its account.
    pub waba_id: String,
    /// Kind of entity.
    pub entity: String,
    /// The entity's node.
    pub entity_id: String,
    /// Which attribute.
    pub attribute: String,
    /// Its place among all observations.
    pub order_ms: i64,
    /// `poll` or `webhook`.
    pub source: String,
    /// The value before.
    pub from_value: Option<String>,
    /// The value after.
    pub to_value: String,
}

/// Which lines; what is not said does not matter.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Of this account.
    pub waba_id: Option<String>,
    /// Of this kind of entity.
    pub entity: Option<String>,
    /// Of this entity.
    pub entity_id: Option<String>,
    /// Of this attribute.
    pub attribute: Option<String>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
    /// Before this moment.
    pub until_ms: i64,
}

/// Some attributes of some accounts.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// Of these accounts; few enough to be named in a query.
    pub accounts: Vec<String>,
    /// These, as (kind of entity, name).
    pub names: Vec<(&'static str, &'static str)>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
}

/// In which order lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    ByTime,
    /// One entity after the other, each oldest first.
    ByEntity,
}

impl Order {
    fn columns(self) -> &'static str {
        match self {
            Self::ByTime => "order_ms, waba_id, entity, entity_id, attribute, source, to_value",
            Self::ByEntity => "waba_id, entity, entity_id, attribute, order_ms, source, to_value",
        }
    }
}

const COLUMNS: &str = "SELECT waba_id, entity, entity_id, attribute, order_ms, source, from_value, to_value \
     FROM transitions WHERE ";

/// Read access.
#[derive(Clone, Debug)]
pub struct Journal {
    pool: SqlitePool,
}

impl Journal {
    pub(super) fn of(options: SqliteConnectOptions) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        Self {
            pool: pool.connect_lazy_with(options),
        }
    }

    /// Opens an existing database for reading, even while an exporter writes to it.
    pub async fn open(path: &Path) -> Result<Self, Trouble> {
        let options = SqliteConnectOptions::new().filename(path);
        let options = options.create_if_missing(false).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(READERS);
        let pool = pool.connect_with(options).await?;
        Ok(Self { pool })
    }

    /// The lines selected, at most `limit` of them, leaving out the first `offset`.
    pub async fn lines(
        &self,
        selection: &Selection,
        order: Order,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<JournalLine>, Trouble> {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push("order_ms >= ").push_bind(selection.since_ms);
        query.push(" AND order_ms < ").push_bind(selection.until_ms);
        push_selection(&mut query, selection);
        query.push(" ORDER BY ").push(order.columns());
        query.push(" LIMIT ").push_bind(limit);
        query.push(" OFFSET ").push_bind(offset);
        Ok(query.build_query_as().fetch_all(&self.pool).await?)
    }

    /// For each attribute selected, its last line before the selection begins: the value in force then.
    pub async fn in_force(
        &self,
        selection: &Selection,
        limit: u32,
    ) -> Result<Vec<JournalLine>, Trouble> {
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
        query.push(Order::ByEntity.columns());
        query.push(" LIMIT ").push_bind(limit);
        Ok(query.build_query_as().fetch_all(&self.pool).await?)
    }

    /// The newest lines of these attributes, newest first.
    pub async fn newest(
        &self,
        wanted: &Attributes,
        limit: u32,
    ) -> Result<Vec<JournalLine>, Trouble> {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push("order_ms >= ").push_bind(wanted.since_ms);
        query.push(" AND waba_id IN (");
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
        Ok(query.build_query_as().fetch_all(&self.pool).await?)
    }

    /// Writes a copy of the whole database to a new file.
    pub async fn copy_to(&self, path: &Path) -> Result<(), Trouble> {
        let path = path
            .to_str()
            .ok_or_else(|| Trouble::unreadable("the path of the copy must be written in UTF-8"))?;
        let copied = sqlx::query("VACUUM INTO $1").bind(path);
        copied.execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn push_selection<'a>(query: &mut QueryBuilder<Sqlite>, selection: &'a Selection) {
    let Selection {
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
