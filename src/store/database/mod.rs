//! The SQLite database: opened by one process alone, migrated forward, reopened after trouble.
//!
//! Knows rows and text; what a state is, it does not know. Queries keep to plain SQL, so that
//! PostgreSQL can become a second database with the same tables.

mod clock;
mod discovered;
mod journal;
mod load;
mod lock;
mod open;
mod parcels;
mod prune;
mod trouble;
mod write;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

pub use clock::{ClockRow, Moves};
pub use discovered::DiscoveredRow;
pub use journal::{Attributes, Journal, JournalLine, Order, Selection};
pub use load::SavedAccount;
pub use open::OpenError;
pub use parcels::{ParcelReader, ParcelRow};
pub use trouble::{Reason, Trouble};
pub use write::{ConversationRow, Keys, Line, Object, Table, Writes};

use super::Location;
use lock::Lock;

/// What is written to find out whether there is room: twice what one webhook takes.
const PROBE_BYTES: usize = 64 * 1024;

/// The one connection that writes.
pub struct Database {
    options: SqliteConnectOptions,
    /// None after a failed attempt to reopen.
    connection: Option<SqliteConnection>,
    /// A database in memory is gone with its last connection, so that one is never reopened.
    in_memory: bool,
    _lock: Option<Lock>,
}

impl Database {
    /// Opens the database, makes it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// Where it cannot be opened, with what to do about it.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        open::database(location).await
    }

    /// Connections for reading the journal.
    pub fn journal(&self) -> Journal {
        Journal::of(self.options.clone())
    }

    /// Connections for reading what is to be passed on.
    pub fn parcel_reader(&self) -> ParcelReader {
        ParcelReader::of(self.options.clone())
    }

    /// Begins anew after trouble: a connection whose last answer was an error is not trusted.
    pub async fn reopen(&mut self) -> Result<(), Trouble> {
        if self.in_memory {
            return Ok(());
        }
        if let Some(broken) = self.connection.take() {
            // Whatever was under way is rolled back by closing; it may fail, being broken.
            drop(broken.close_hard().await);
        }
        // A file that has vanished must not be replaced by an empty one behind our back.
        let existing = self.options.clone().create_if_missing(false);
        self.connection = Some(SqliteConnection::connect_with(&existing).await?);
        Ok(())
    }

    /// How many commits there have been.
    pub async fn commit_number(&mut self) -> Result<i64, Trouble> {
        let query = sqlx::query_scalar("SELECT number FROM commits");
        Ok(query.fetch_one(self.connection()?).await?)
    }

    /// Writes something and takes it away, to find out whether writing works: as much as a common
    /// commit does, or a full disk would seem to have room whenever a page is left.
    pub async fn probe(&mut self) -> Result<(), Trouble> {
        let scratch = "-".repeat(PROBE_BYTES);
        for scratch in [Some(scratch), None] {
            let update = sqlx::query("UPDATE commits SET scratch = $1").bind(scratch);
            update.execute(self.connection()?).await?;
        }
        Ok(())
    }

    /// Closes it in good order.
    pub async fn close(mut self) -> Result<(), Trouble> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, Trouble> {
        self.connection.as_mut().ok_or_else(Trouble::closed)
    }
}
