//! The writer's session: the one connection that holds the locks of shards, and writes them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgPool as Pool};

use super::hints::Listener;
use super::journal_lines::JournalNames;
use super::limits::{CLOSE_LIMIT, SHORT, within};
use super::pools::{Owned, Pools, close};
use super::{Connected, PostgresError, PostgresOptions, Role, connect, reader_pool};
use crate::cluster::Backend;
use crate::domain::Shard;
use crate::store::engine::{Hints, StoreError};

/// The writer, and what its readers share with it.
pub struct Database {
    pub(super) options: PostgresOptions,
    /// `None` after a failed attempt to connect.
    connection: Option<PgConnection>,
    pub(super) backend: Backend,
    pub(super) pools: Pools,
    pub(super) owned: Owned,
    pub(super) hints: Arc<Hints>,
    /// Its task ends when this is dropped.
    _listener: Listener,
    pub(super) names: JournalNames,
    /// When Meta's time was stored last, in Unix milliseconds.
    pub(super) clock_saved_ms: i64,
}

impl Database {
    /// Connects. The tables must have been migrated.
    ///
    /// # Errors
    /// If no host accepts writes.
    pub async fn open(options: PostgresOptions) -> Result<Self, PostgresError> {
        let (connected, backend) = begin_session(&options).await?;
        let pools = Arc::new(ArcSwap::from_pointee(reader_pool(&connected, &options)));
        let hints = Arc::<Hints>::default();
        let listener = Listener::start(Arc::clone(&pools), &options.schema, Arc::clone(&hints));
        Ok(Self {
            connection: Some(connected.connection),
            backend,
            pools,
            owned: Owned::default(),
            hints,
            _listener: listener,
            names: JournalNames::default(),
            clock_saved_ms: 0,
            options,
        })
    }

    /// Runs an operation on the connection of the session. Unless it succeeds, the connection is closed: after an
    /// error, the caller begins another session, and after a time limit, or if the caller stops waiting, this one is in
    /// the middle of an exchange.
    pub(super) async fn run<T, E>(
        &mut self,
        limit: Duration,
        operation: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        let mut connection = self.connection.take().ok_or_else(StoreError::closed)?;
        let done: Result<T, StoreError> = within(limit, operation(&mut connection)).await;
        if done.is_ok() {
            self.connection = Some(connection);
        }
        done
    }

    /// Begins another session. The locks of the former one are lost with it.
    pub(super) async fn reconnect(&mut self) -> Result<(), PostgresError> {
        self.owned.store(Arc::default());
        // Without a closing message: the connection may be broken, and the message would take until its time limit.
        drop(self.connection.take());
        let (connected, backend) = begin_session(&self.options).await?;
        let pool = reader_pool(&connected, &self.options);
        let former: Arc<Pool> = self.pools.swap(Arc::new(pool));
        // Its queries in flight end by themselves, at the latest by their time limit.
        tokio::spawn(async move { former.close().await });
        self.connection = Some(connected.connection);
        self.backend = backend;
        tracing::info!(host = connected.host, "connected to PostgreSQL");
        Ok(())
    }

    /// Records whether this replica owns the queues of a shard.
    pub(super) fn note_owned(&self, shard: Shard, is_owned: bool) {
        let mut owned: BTreeSet<i16> = self.owned.load().iter().copied().collect();
        match is_owned {
            true => owned.insert(number(shard)),
            false => owned.remove(&number(shard)),
        };
        self.owned.store(Arc::new(owned.into_iter().collect()));
    }

    /// Closes the session and the pool.
    pub(super) async fn end(mut self) -> Result<(), StoreError> {
        close(&self.pools).await;
        match self.connection.take() {
            Some(connection) => within(CLOSE_LIMIT, connection.close()).await,
            None => Ok(()),
        }
    }
}

/// The number of a shard, as the tables have it.
pub(super) fn number(shard: Shard) -> i16 {
    i16::try_from(shard.0).unwrap_or(i16::MAX)
}

async fn begin_session(options: &PostgresOptions) -> Result<(Connected, Backend), PostgresError> {
    let mut connected = connect(options, Role::Writer).await?;
    let own = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint \
         FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let own = sqlx::query_as(own).fetch_one(&mut connected.connection);
    let own: Result<(i32, i64), PostgresError> = within(SHORT, own).await;
    let (pid, started) = own?;
    Ok((connected, Backend { pid, started }))
}
