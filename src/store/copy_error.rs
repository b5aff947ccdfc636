//! Why a store could not be copied.

use std::path::PathBuf;

use thiserror::Error;

use super::engine::StoreError;
use super::postgres::{MigrationError, PostgresOptions};
use super::{Location, OpenError};

/// Why a store could not be copied, and what to do about it. The target is as it was before.
#[derive(Debug, Error)]
pub enum CopyError {
    /// Both have the same engine, or one is in memory.
    #[error(
        "cannot copy from {from} to {to}: one must be `sqlite:` and a file's path, and the other postgres://user@host/database; between stores of one engine, use its own tools (`backup` for SQLite, pg_dump for PostgreSQL)"
    )]
    Engines {
        /// The source.
        from: String,
        /// The target.
        to: String,
    },
    /// There is no file at the path of the source.
    #[error("--from: there is no database at {path}; give the path of the store that is to be copied", path = path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// The schema of the source has no tables of the exporter.
    #[error(
        "--from: {location} has no store; give the database and the store.schema that replicas use"
    )]
    NoStore {
        /// Hosts, database and schema.
        location: String,
    },
    /// A store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Replicas are connected.
    #[error("{location} is in use by replicas ({replicas}); stop them, and copy again")]
    InUse {
        /// Hosts and database.
        location: String,
        /// Their addresses.
        replicas: String,
    },
    /// Replicas have left events that no owner has applied.
    #[error(
        "{location} has {rows} rows in its inbox, which were acknowledged and are not applied; start a replica until whatsapp_exporter_inbox_pending is 0, stop it, and copy again"
    )]
    InboxNotEmpty {
        /// Hosts and database.
        location: String,
        /// Number of rows.
        rows: i64,
    },
    /// The target has data.
    #[error(
        "--to: {location} is not empty ({contents}); give another path, database or store.schema, or remove the data first"
    )]
    NotEmpty {
        /// The target.
        location: String,
        /// Tables with their numbers of rows.
        contents: String,
    },
    /// What was written is not what was read.
    #[error(
        "{table} differs: {from_rows} rows with checksum {from_checksum} in the source, {to_rows} rows with checksum {to_checksum} in the target; nothing was copied"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows of the source.
        from_rows: u64,
        /// Checksum of the source.
        from_checksum: String,
        /// Rows of the target.
        to_rows: u64,
        /// Checksum of the target.
        to_checksum: String,
    },
    /// Reading or writing failed.
    #[error("{location}: {error}; {cure}. Nothing was copied")]
    Failed {
        /// Which store.
        location: String,
        /// The database's own error.
        error: StoreError,
        /// What an operator can do about it.
        cure: &'static str,
    },
}

impl CopyError {
    pub(super) fn failed(location: &Location, error: StoreError) -> Self {
        match location {
            Location::Server(options) => Self::failed_server(options, error),
            Location::File(_) | Location::Memory => Self::Failed {
                location: location.path().display().to_string(),
                cure: error.reason.cure(),
                error,
            },
        }
    }

    pub(super) fn failed_server(options: &PostgresOptions, error: StoreError) -> Self {
        Self::Failed {
            location: options.to_string(),
            cure: error.reason.server_cure(),
            error,
        }
    }
}

impl From<MigrationError> for CopyError {
    fn from(error: MigrationError) -> Self {
        Self::Open(error.into())
    }
}
