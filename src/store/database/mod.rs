//! The SQLite database: opened by one process alone, migrated forward, reopened after trouble.
//!
//! Knows rows and text; what a state is, it does not know. Queries keep to plain SQL, so that
//! PostgreSQL can become a second database with the same tables.

mod customer_key;
mod discovered;
mod file;
mod journal;
mod load;
mod open;
mod parcels;
mod prune;
mod trouble;
mod write;

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Sqlite, Transaction};

pub use customer_key::SavedKey;
pub use discovered::DiscoveredRow;
pub use journal::{Attributes, Journal, JournalLine, LineKey, Order, Selection};
pub use load::SavedAccount;
pub use open::OpenError;
pub use parcels::{ParcelReader, ParcelRow};
pub use trouble::{Reason, Trouble};
pub use write::{ConversationRow, Keys, Line, Object, Table, Writes};

use super::Location;
use file::{DatabaseFile, Displaced};

/// What is written to find out whether there is room: twice what one webhook takes.
const PROBE_BYTES: usize = 64 * 1024;

/// The one connection that writes.
pub struct Database {
    options: SqliteConnectOptions,
    /// None after a failed attempt to reopen.
    connection: Option<SqliteConnection>,
    /// A database in memory is gone with its last connection, so that one is never reopened.
    in_memory: bool,
    /// The number that says who may write.
    writer: i64,
    /// Comes last, and readers share it: it is closed after every connection.
    file: Option<Arc<DatabaseFile>>,
}

impl Database {
    /// Opens the database, makes it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// Where it cannot be opened, with what to do about it.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        open::database(location).await
    }

    /// Connections for reading the journal, each query for so long at most.
    pub fn journal(&self, time_limit: Duration) -> Journal {
        Journal::new(&self.options, self.file.clone(), time_limit)
    }

    /// Connections for reading what is to be passed on.
    pub fn parcel_reader(&self) -> ParcelReader {
        ParcelReader::of(self.options.clone(), self.file.clone())
    }

    /// Begins anew after trouble: a connection whose last answer was an error is not trusted.
    pub async fn reopen(&mut self) -> Result<(), Trouble> {
        if self.in_memory {
            return Ok(());
        }
        self.check_file().await?;
        if let Some(broken) = self.connection.take() {
            if let Some(file) = &self.file {
                file.forget_log();
            }
            // Whatever was under way is rolled back by closing; it may fail, being broken.
            drop(broken.close_hard().await);
        }
        // A file that has vanished must not be replaced by an empty one behind our back.
        let existing = self.options.clone().create_if_missing(false);
        self.connection = Some(SqliteConnection::connect_with(&existing).await?);
        if let Some(file) = &self.file {
            file.note_log();
        }
        Ok(())
    }

    /// Compares the open file with what is at its path. Where they differ, saves what can be saved: what is in the
    /// write-ahead log belongs to the open file, and must not be applied to another one.
    pub async fn check_file(&mut self) -> Result<(), Trouble> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let Err(displaced) = file.check() else {
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
            (_, Some(connection)) => {
                let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
                // The next check tries again.
                drop(emptied.execute(connection).await);
            }
            (_, None) => {}
        }
        Err(file.trouble(displaced))
    }

    /// How many commits there have been.
    pub async fn commit_number(&mut self) -> Result<i64, Trouble> {
        let query = sqlx::query_as("SELECT number, writer FROM commits");
        let (number, writer) = query.fetch_one(self.connection()?).await?;
        check_writer(writer, self.writer)?;
        Ok(number)
    }

    /// Writes something and takes it away, to find out whether writing works: as much as a common
    /// commit does, or a full disk would seem to have room whenever a page is left.
    pub async fn probe(&mut self) -> Result<(), Trouble> {
        let scratch = "-".repeat(PROBE_BYTES);
        for scratch in [Some(scratch), None] {
            let mut transaction = self.begin().await?;
            let update = sqlx::query("UPDATE commits SET scratch = $1").bind(scratch);
            update.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Closes it in good order.
    pub async fn close(mut self) -> Result<(), Trouble> {
        let intact = self.check_file().await;
        match self.connection.take() {
            Some(connection) if intact.is_ok() => Ok(connection.close().await?),
            connection => {
                // The last connection copies the log to the file as it closes, and this is not its file any more.
                // The process is about to end, which closes everything and copies nothing.
                std::mem::forget((connection, self.file.take()));
                intact
            }
        }
    }

    /// The connection, if the file under it is still the database.
    fn connection(&mut self) -> Result<&mut SqliteConnection, Trouble> {
        if let Some(file) = &self.file {
            file.check().map_err(|displaced| file.trouble(displaced))?;
        }
        self.connection.as_mut().ok_or_else(Trouble::closed)
    }

    /// Begins a transaction that writes. Refused if another exporter has opened the store since.
    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, Trouble> {
        let own = self.writer;
        let mut transaction = self.connection()?.begin_with("BEGIN IMMEDIATE").await?;
        let writer = sqlx::query_scalar("SELECT writer FROM commits");
        let writer: Option<i64> = writer.fetch_one(&mut *transaction).await?;
        check_writer(writer, own)?;
        Ok(transaction)
    }
}

/// An exporter that was started later has the store: this one stops, or the two would overwrite each other.
fn check_writer(writer: Option<i64>, own: i64) -> Result<(), Trouble> {
    if writer == Some(own) {
        Ok(())
    } else {
        Err(Trouble::new(
            Reason::OtherWriter,
            "another exporter has opened the store; stop one of them, and restart the one that is to keep it",
        ))
    }
}
