//! Copies a store from or to another engine, in one transaction in which no replica can write.

mod read;
mod write;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;

use super::{Connected, PostgresError, PostgresOptions, Role, connect, migrate};
use crate::store::copy_error::CopyError;
use crate::store::engine::{CopiedRow, CopiedRows, CopiedTable, CopySide, StoreError};

/// The role of a store in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyRole {
    /// It only reads.
    Source,
    /// It fills an empty store.
    Target,
}

/// The store on a server, within the transaction of a copy.
pub struct Copying {
    connection: PgConnection,
}

impl Copying {
    /// Keeps replicas from writing, and begins the transaction. The tables of a target are created if they do not
    /// exist.
    ///
    /// # Errors
    /// If the server cannot be reached, or replicas use the store.
    pub async fn begin(options: &PostgresOptions, role: CopyRole) -> Result<Self, CopyError> {
        let failed = |error: StoreError| CopyError::failed_server(options, error);
        let connected = connect(options, Role::Migration).await;
        let Connected { connection, .. } = connected.map_err(|error| failed(error.into()))?;
        let mut copying = Self { connection };
        if role == CopyRole::Source && !copying.has_tables().await.map_err(failed)? {
            return Err(CopyError::NoStore {
                location: format!("{options}, schema {}", options.schema),
            });
        }
        migrate(options).await?;
        copying.keep_others_out(options, role).await?;
        let waiting = copying.waiting_events().await.map_err(failed)?;
        if waiting > 0 {
            return Err(CopyError::InboxNotEmpty {
                location: options.to_string(),
                rows: waiting,
            });
        }
        Ok(copying)
    }

    async fn has_tables(&mut self) -> Result<bool, StoreError> {
        let query =
            sqlx::query_scalar("SELECT to_regclass('cluster') IS NOT NULL").persistent(false);
        Ok(query.fetch_one(&mut self.connection).await?)
    }

    /// Replicas wait for the locks of the tables, and cannot start until the copy has ended.
    async fn keep_others_out(
        &mut self,
        options: &PostgresOptions,
        role: CopyRole,
    ) -> Result<(), CopyError> {
        let failed = |error: StoreError| CopyError::failed_server(options, error);
        // Before the locks, which would delay the heartbeats of replicas.
        self.refuse_replicas(options).await?;
        let mode = match role {
            CopyRole::Source => "EXCLUSIVE",
            CopyRole::Target => "ACCESS EXCLUSIVE",
        };
        let tables = "SELECT string_agg(format('%I.%I', nspname, relname), ', ') FROM pg_class \
             JOIN pg_namespace ON pg_namespace.oid = relnamespace \
             WHERE nspname = $1 AND relkind = 'r' AND relname <> '_sqlx_migrations'";
        let tables: Result<String, sqlx::Error> = sqlx::query_scalar(tables)
            .bind(&options.schema)
            .fetch_one(&mut self.connection)
            .await;
        let tables = tables.map_err(|error| failed(error.into()))?;
        for statement in [
            "BEGIN".to_owned(),
            // The other store may take a while to write what this one has read.
            "SET LOCAL idle_in_transaction_session_timeout = 0".to_owned(),
            "SET LOCAL lock_timeout = '5s'".to_owned(),
            // Plans for the time to the last row, not to the first one.
            "SET LOCAL cursor_tuple_fraction = 1".to_owned(),
            format!("LOCK TABLE {tables} IN {mode} MODE"),
        ] {
            let done = execute(&mut self.connection, statement).await;
            done.map_err(|error| failed(error.into()))?;
        }
        self.refuse_replicas(options).await
    }

    async fn refuse_replicas(&mut self, options: &PostgresOptions) -> Result<(), CopyError> {
        let query = "SELECT coalesce(nullif(address, ''), replica) FROM replicas JOIN pg_stat_activity AS activity \
             ON activity.pid = backend_pid AND activity.backend_start = replicas.backend_start ORDER BY 1";
        let query = sqlx::query_scalar(query);
        let replicas: Result<Vec<String>, sqlx::Error> =
            query.fetch_all(&mut self.connection).await;
        let replicas = replicas.map_err(|error| CopyError::failed_server(options, error.into()))?;
        match replicas.is_empty() {
            true => Ok(()),
            false => Err(CopyError::InUse {
                location: options.to_string(),
                replicas: replicas.join(", "),
            }),
        }
    }

    /// Events that were acknowledged, and that no owner of their shard has applied.
    async fn waiting_events(&mut self) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar("SELECT count(*) FROM inbox");
        Ok(query.fetch_one(&mut self.connection).await?)
    }
}

#[async_trait]
impl CopySide for Copying {
    async fn contents(&mut self) -> Result<Vec<(&'static str, i64)>, StoreError> {
        let mut found = Vec::new();
        let tables = CopiedTable::ALL.into_iter();
        for table in tables.filter(|table| *table != CopiedTable::Settings) {
            let name = table.name();
            let count = format!("SELECT count(*) FROM {name}");
            let count = sqlx::query_scalar(AssertSqlSafe(count));
            match count.fetch_one(&mut self.connection).await? {
                0 => {}
                rows => found.push((name, rows)),
            }
        }
        Ok(found)
    }

    async fn read(
        &mut self,
        table: CopiedTable,
        out: mpsc::Sender<CopiedRows>,
    ) -> Result<(), StoreError> {
        Ok(read::read(&mut self.connection, table, out).await?)
    }

    async fn write(&mut self, table: CopiedTable, rows: &[CopiedRow]) -> Result<(), StoreError> {
        write::write(&mut self.connection, table, rows).await
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        Ok(execute(&mut self.connection, "COMMIT".to_owned()).await?)
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        let closed = self.connection.close().await;
        Ok(closed.map_err(PostgresError::from)?)
    }
}

/// Runs a statement that returns nothing, and is not prepared.
async fn execute(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection);
    done.await.map(drop)
}
