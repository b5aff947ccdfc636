//! Opens the database: the folder, the file and its locks, the tables, and the schema version. Each failure has its
//! own error.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::older_journal::move_older_lines;
use super::{Database, DatabaseFile};
use crate::store::engine::{StoreError, StoreErrorReason};
use crate::store::{Location, OpenError};

/// How long a commit waits for another process (a backup, a shell) to release the file. Webhook requests wait as
/// long, which is within Meta's timeout.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Pages of 4 KiB in the write-ahead log before they are copied to the database. SQLite's default of 1,000 would be
/// reached after a few large commits, and each checkpoint syncs the disk twice more.
const CHECKPOINT_PAGES: &str = "8000";

/// Bytes that the write-ahead log keeps after a checkpoint: the size of [`CHECKPOINT_PAGES`]. A reader that blocks
/// checkpoints lets the log grow without limit, and SQLite by default never returns that space.
pub(super) const LOG_BYTES_KEPT: &str = "32768000";

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/sqlite/migrations");

pub(super) async fn database(location: &Location) -> Result<Database, OpenError> {
    let (options, file) = match location {
        Location::Memory => (in_memory(), None),
        Location::File(path) => {
            let file = prepare(path)?;
            (SqliteConnectOptions::new().filename(path), Some(file))
        }
        Location::Server(_) => {
            let error = StoreError::new(StoreErrorReason::Other, "it is not an SQLite database");
            return Err(OpenError::new(location.path(), error));
        }
    };
    // Synchronous FULL: when a commit returns, it is on disk.
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_BYTES_KEPT)
        // Deleted data is overwritten, because the bodies of relayed deliveries contain customers' data.
        .pragma("secure_delete", "ON")
        // No temporary files, for the same reason and because a container's file system may be read-only.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    let writer = fastrand::u32(1..=i32::MAX.unsigned_abs());
    let connection = connect(&options, writer, file.as_ref()).await;
    let connection = connection.map_err(|problem| problem.at(location))?;
    Ok(Database {
        options,
        connection: Some(connection),
        in_memory: *location == Location::Memory,
        writer: writer.into(),
        checkpoints: None,
        file: file.map(Arc::new),
    })
}

/// A separate database for each call, shared by its connections.
fn in_memory() -> SqliteConnectOptions {
    "sqlite::memory:"
        .parse()
        .expect("the form that sqlx documents")
}

/// Creates the folder, locks the file, and makes it readable only for its owner.
fn prepare(path: &Path) -> Result<DatabaseFile, OpenError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let unwritable = |path: &Path, error: &io::Error| OpenError::from_io(path, error);
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let file = DatabaseFile::open(path).map_err(|error| unwritable(path, &error))?;
    file.ok_or_else(|| OpenError::InUse {
        path: path.to_owned(),
    })
}

async fn connect(
    options: &SqliteConnectOptions,
    writer: u32,
    file: Option<&DatabaseFile>,
) -> Result<SqliteConnection, OpenProblem> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    // Not `run`, whose future is not `Send` (sqlx documents this where it makes this function public).
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    sqlx::query("UPDATE commits SET writer = $1")
        .bind(writer)
        .execute(&mut connection)
        .await?;
    if let Some(file) = file {
        stamp(&mut connection, writer, file).await?;
    }
    // After the stamp, so that no other exporter writes to the store.
    move_older_lines(&mut connection).await?;
    Ok(connection)
}

/// Also writes the writer's number to the header of the file, where it can be read without SQLite. A copy of the
/// database that is written over the file has another number.
async fn stamp(
    connection: &mut SqliteConnection,
    writer: u32,
    file: &DatabaseFile,
) -> Result<(), OpenProblem> {
    let stamp = format!("PRAGMA user_version = {writer}");
    sqlx::query(sqlx::AssertSqlSafe(stamp))
        .execute(&mut *connection)
        .await?;
    // A running backup may prevent writing the header now; the next checkpoint writes it.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(connection)
        .await?;
    file.note_log();
    file.note_stamp(writer)
        .map_err(|error| sqlx::Error::Io(error).into())
}

enum OpenProblem {
    NewerSchema { found: i64 },
    StoreError(StoreError),
}

impl OpenProblem {
    fn at(self, location: &Location) -> OpenError {
        let path = location.path();
        match self {
            Self::NewerSchema { found } => OpenError::NewerSchema {
                path,
                found,
                known: MIGRATIONS.iter().map(|one| one.version).max().unwrap_or(0),
            },
            Self::StoreError(error) => OpenError::new(path, error),
        }
    }
}

impl From<sqlx::Error> for OpenProblem {
    fn from(error: sqlx::Error) -> Self {
        Self::StoreError(error.into())
    }
}

impl From<MigrateError> for OpenProblem {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::NewerSchema { found },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::StoreError(StoreError::unreadable(other)),
        }
    }
}
