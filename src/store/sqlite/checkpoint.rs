//! Copies the write-ahead log into the database while commits continue.
//!
//! SQLite would copy it within a commit, once it has [`CHECKPOINT_PAGES`](super::open), and a webhook would wait for
//! thousands of pages and two syncs. A passive checkpoint of another connection blocks neither writers nor readers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Database, DatabaseFile};
use crate::store::engine::StoreError;

/// Interval at which the length of the log is checked, which needs no access to the disk.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Pages of the log that are worth a checkpoint: each one syncs the disk twice.
const WORTH_PAGES: i64 = 1_000;

/// The task that makes checkpoints; it ends when this is dropped.
#[derive(Debug)]
pub struct Checkpoints {
    task: Mutex<Option<JoinHandle<()>>>,
    stop: DropGuard,
}

impl Database {
    /// Makes checkpoints from now on, until the database is closed. A database in memory has no log, and needs none.
    pub fn start_checkpoints(&mut self) {
        self.checkpoints = self.checkpointer().map(Checkpointer::start);
    }

    fn checkpointer(&self) -> Option<Checkpointer> {
        Some(Checkpointer {
            options: self.options.clone().create_if_missing(false),
            connection: None,
            file: self.file.clone()?,
        })
    }
}

impl Checkpoints {
    /// Ends the task, and waits until it has closed its connection.
    pub async fn close(&self) {
        self.stop.token().cancel();
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            // An error means that it has ended already.
            drop(task.await);
        }
    }
}

/// Makes checkpoints by a connection of its own.
struct Checkpointer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    /// Declared last: it must be closed after the connection.
    file: Arc<DatabaseFile>,
}

impl Checkpointer {
    /// Starts the task.
    fn start(self) -> Checkpoints {
        let stop = CancellationToken::new();
        Checkpoints {
            task: Mutex::new(Some(tokio::spawn(self.run(stop.clone())))),
            stop: stop.drop_guard(),
        }
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.checkpoint_if_long().await {
                // Commits meet the same error and report it; they also make the checkpoints that are missing.
                tracing::debug!(%error, "could not make a checkpoint");
                self.connection = None;
            }
        }
        if let Some(connection) = self.connection.take() {
            drop(connection.close_hard().await);
        }
    }

    /// Makes a checkpoint if it is worth while. Returns the number of pages that are still to be copied.
    async fn checkpoint_if_long(&mut self) -> Result<i64, StoreError> {
        // The log belongs to the file that SQLite has open, and must not be copied into another one.
        if let Some(displaced) = self.file.check()? {
            return Err(self.file.error(displaced));
        }
        if self.connection.is_none() {
            self.connection = Some(SqliteConnection::connect_with(&self.options).await?);
        }
        let connection = self.connection.as_mut().ok_or_else(StoreError::closed)?;
        let missing = pages_to_copy(connection, "PRAGMA wal_checkpoint(NOOP)").await?;
        if missing < WORTH_PAGES {
            return Ok(missing);
        }
        pages_to_copy(connection, "PRAGMA wal_checkpoint(PASSIVE)").await
    }
}

/// Runs a checkpoint statement. Returns the number of pages of the log that the database does not have afterwards.
async fn pages_to_copy(
    connection: &mut SqliteConnection,
    statement: &'static str,
) -> Result<i64, StoreError> {
    let (_, pages, copied): (i64, i64, i64) =
        sqlx::query_as(statement).fetch_one(connection).await?;
    Ok(pages - copied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;
    use crate::store::engine::{AccountRows, Writes};

    #[tokio::test]
    async fn the_log_is_copied_between_commits() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("state.db"));
        let mut database = Database::open(&location).await.expect("a new database");
        let mut checkpointer = database.checkpointer().expect("a file");
        let short = checkpointer.checkpoint_if_long().await.expect("a log");
        assert!(short < WORTH_PAGES, "{short}");
        for number in 1..=4 {
            let account = AccountRows {
                waba_id: number.to_string(),
                state: Some("-".repeat(2_000_000)),
                business_id: None,
                polls: String::new(),
                objects: Vec::new(),
            };
            let writes = Writes {
                number,
                accounts: vec![account],
                ..Writes::default()
            };
            database.write(&writes).await.expect("room");
        }
        assert_eq!(checkpointer.checkpoint_if_long().await.expect("a log"), 0);
        drop(checkpointer.connection.take());
        drop(checkpointer);
        database.close().await.expect("in good order");
    }

    #[tokio::test]
    async fn a_closed_task_has_released_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("state.db"));
        let database = Database::open(&location).await.expect("a new database");
        let checkpoints = database.checkpointer().expect("a file").start();
        checkpoints.close().await;
        let held = database.file.as_ref().map(Arc::strong_count);
        assert_eq!(held, Some(1));
        database.close().await.expect("in good order");
    }
}
