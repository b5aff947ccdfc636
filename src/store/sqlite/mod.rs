//! The SQLite database: opened by only one process, migrated forward, reopened after failures.
//!
//! The engine of a store for one process.

mod accounts;
mod backup;
mod checkpoint;
mod clock;
mod copy;
mod customer_key;
mod customer_segments;
mod discovered;
mod engine;
mod file;
mod journal;
mod journal_lines;
mod journal_query;
mod keys;
mod load;
mod notify_queue;
mod older_journal;
mod open;
mod prune;
mod relay_queue;
mod statement;
mod template_pages;
mod write;

use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Sqlite, Transaction};

use checkpoint::Checkpoints;
pub(super) use journal::Journal;
use notify_queue::SignalReader;
use relay_queue::RelayReader;

use super::engine::{StoreError, StoreErrorReason};
use super::{Location, OpenError};
use file::{DatabaseFile, Displaced};

/// Size of the test write that checks for free space: twice the size of one webhook.
const PROBE_BYTES: usize = 64 * 1024;

/// The one connection that writes.
pub struct Database {
    options: SqliteConnectOptions,
    /// `None` after a failed attempt to reopen.
    connection: Option<SqliteConnection>,
    /// A database in memory disappears with its last connection, so it is never reopened.
    in_memory: bool,
    /// Number of this process as writer. The database contains the number of the newest one.
    writer: i64,
    /// The task that makes checkpoints.
    checkpoints: Option<Checkpoints>,
    /// Declared last and shared with readers: it must be closed after every connection.
    file: Option<Arc<DatabaseFile>>,
}

impl Database {
    /// Opens the database, creates it if it does not exist, and migrates its tables.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        open::database(location).await
    }

    /// Reopens the database after a failure: a connection is not used after an error.
    pub async fn reopen(&mut self) -> Result<(), StoreError> {
        if self.in_memory {
            return Ok(());
        }
        self.check_file().await?;
        if let Some(broken) = self.connection.take() {
            if let Some(file) = &self.file {
                file.forget_log();
            }
            // Closing rolls back an open transaction. It may fail, because the connection is broken.
            drop(broken.close_hard().await);
        }
        // If the file has vanished, SQLite must not create an empty one in its place.
        let existing = self.options.clone().create_if_missing(false);
        self.connection = Some(SqliteConnection::connect_with(&existing).await?);
        if let Some(file) = &self.file {
            file.note_log();
        }
        Ok(())
    }

    /// Compares the open file with the file at its path. If they differ, saves what it can: the content of the
    /// write-ahead log belongs to the open file, and must not be applied to another one.
    pub async fn check_file(&mut self) -> Result<(), StoreError> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let Some(displaced) = file.check()? else {
            return Ok(());
        };
        match (displaced, &mut self.connection) {
            (Displaced::Overwritten, _) => match file.set_log_aside() {
                Ok(Some(aside)) => {
                    let path = aside.display();
                    tracing::warn!(%path, "write-ahead log set aside; the database it belongs to was overwritten");
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the write-ahead log could not be set aside"),
            },
            (_, Some(connection)) => rescue(connection, &file).await,
            (_, None) => {}
        }
        Err(file.error(displaced))
    }

    /// The number of the last commit.
    pub async fn commit_number(&mut self) -> Result<i64, StoreError> {
        let query = sqlx::query_as("SELECT number, writer FROM commits");
        let (number, writer) = query.fetch_one(self.connection()?).await?;
        check_writer(writer, self.writer)?;
        Ok(number)
    }

    /// Tests writing: writes as much as a typical commit and rolls back. A smaller write would succeed on a full disk
    /// whenever one page is free.
    pub async fn probe(&mut self) -> Result<(), StoreError> {
        let scratch = "-".repeat(PROBE_BYTES);
        for scratch in [Some(scratch), None] {
            let mut transaction = self.begin().await?;
            let update = sqlx::query("UPDATE commits SET scratch = $1").bind(scratch);
            update.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Closes the database after its last commit.
    pub async fn close(mut self) -> Result<(), StoreError> {
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.close().await;
        }
        let is_intact = self.check_file().await.is_ok();
        match self.connection.take() {
            Some(connection) if is_intact => Ok(connection.close().await?),
            connection => {
                // When the last connection closes, it copies the log to the file, which no longer belongs to this
                // process. The process is about to exit: that closes everything without copying.
                std::mem::forget((connection, self.file.take()));
                Ok(())
            }
        }
    }

    /// The connection, if its file is still the database.
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if let Some(file) = &self.file
            && let Some(displaced) = file.check()?
        {
            return Err(file.error(displaced));
        }
        self.connection.as_mut().ok_or_else(StoreError::closed)
    }

    /// Begins a write transaction. Fails if another exporter has opened the store since.
    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        let own = self.writer;
        let mut transaction = self.connection()?.begin_with("BEGIN IMMEDIATE").await?;
        check_writer(read_writer(&mut transaction).await?, own)?;
        Ok(transaction)
    }
}

/// The number of the exporter that has opened the store last.
async fn read_writer(connection: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
    let writer = sqlx::query_scalar("SELECT writer FROM commits");
    writer.fetch_one(connection).await
}

/// Copies the write-ahead log into its file, and the file to a new path if it has lost its own. Acknowledged data
/// thus survives whatever happens to the path.
async fn rescue(connection: &mut SqliteConnection, file: &DatabaseFile) {
    let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
    // The next check retries, here and below.
    drop(emptied.execute(&mut *connection).await);
    if !file.is_unlinked() {
        return;
    }
    let path = match file.create_copy() {
        Ok(Some(path)) => path,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, "removed database could not be copied to a new file");
            return;
        }
    };
    let shown = path.display();
    let copied = sqlx::query("VACUUM INTO $1").bind(path.to_string_lossy());
    match copied.execute(connection).await {
        Ok(_) => tracing::warn!(path = %shown, "removed database copied to a new file"),
        Err(error) => {
            let error = StoreError::from(error);
            tracing::error!(path = %shown, %error, "removed database could not be copied to a new file");
            file.remove_copy(&path);
        }
    }
}

/// Fails if a later exporter has opened the store: this one must stop writing, or the two would overwrite each other.
fn check_writer(writer: Option<i64>, own: i64) -> Result<(), StoreError> {
    if writer == Some(own) {
        Ok(())
    } else {
        Err(StoreError::new(
            StoreErrorReason::OtherWriter,
            "another exporter has opened the store; stop one of them, and restart the one that is to keep it",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::Writes;
    use crate::store::relay_queue::Settlement;

    /// Size of one commit that exceeds what the log keeps after a checkpoint.
    const BURST_BYTES: i64 = 40_000_000;

    async fn execute(connection: &mut SqliteConnection, sql: String) {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection);
        done.await.expect("good SQL");
    }

    #[tokio::test]
    async fn the_log_shrinks_after_a_burst_during_a_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state.db");
        let location = Location::File(path.clone());
        let mut database = Database::open(&location).await.expect("a new database");
        let size = || {
            let log = std::fs::metadata(folder.path().join("state.db-wal"));
            i64::try_from(log.expect("a log").len()).expect("a small one")
        };
        let options = database.options.clone();
        let mut reader = SqliteConnection::connect_with(&options)
            .await
            .expect("a reader");
        execute(&mut reader, "BEGIN".to_owned()).await;
        execute(&mut reader, "SELECT number FROM commits".to_owned()).await;
        let connection = database.connection().expect("it is open");
        let burst = format!("UPDATE commits SET scratch = zeroblob({BURST_BYTES})");
        execute(connection, burst).await;
        assert!(size() > BURST_BYTES, "{}", size());
        execute(&mut reader, "ROLLBACK".to_owned()).await;
        // The checkpoint follows the first commit; the next commit restarts the log.
        for _ in 0..3 {
            database.probe().await.expect("room");
        }
        let kept: i64 = open::LOG_BYTES_KEPT.parse().expect("a number");
        assert!(size() <= kept, "{}", size());
        database.close().await.expect("in good order");
    }

    #[tokio::test]
    async fn an_earlier_writer_stops_when_another_one_starts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("state.db"));
        let mut database = Database::open(&location).await.expect("a new database");
        let writes = Writes {
            number: 1,
            ..Writes::default()
        };
        database.write(&writes).await.expect("the first commit");
        let lost = database.write(&writes).await.expect_err("a commit twice");
        assert_eq!(lost.reason, StoreErrorReason::OtherWriter);
        // As on a network file system, where locks do not keep the other process out.
        let connection = database.connection().expect("it is open");
        execute(
            connection,
            "UPDATE commits SET writer = writer + 1".to_owned(),
        )
        .await;
        let next = Writes {
            number: 2,
            ..Writes::default()
        };
        let refused = database.write(&next).await.expect_err("another writer");
        assert_eq!(refused.reason, StoreErrorReason::OtherWriter);
        for error in [
            database.probe().await.err(),
            database.commit_number().await.err(),
            database.prune("", 0, 0).await.err(),
            database.settle("one", &Settlement::default()).await.err(),
            database.remember_discovered("app", &[]).await.err(),
        ] {
            assert_eq!(
                error.map(|error| error.reason),
                Some(StoreErrorReason::OtherWriter)
            );
        }
    }
}
