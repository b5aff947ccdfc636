//! Why a store could not be opened.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::engine::{StoreError, StoreErrorReason};
use super::postgres::MigrationError;

/// Why the store could not be opened, and what to do about it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or the file cannot be created or written.
    #[error(
        "store.url: cannot write to {path}: {error}; give the exporter's user write permission, or set another path"
    )]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's error.
        error: String,
    },
    /// Another exporter has the database open.
    #[error(
        "store.url: {path} is in use by another exporter; stop that one, or give each its own file"
    )]
    InUse {
        /// Path of the database.
        path: PathBuf,
    },
    /// A newer version has written the database.
    #[error(
        "store.url: {path} was written by a newer version of this exporter (schema {found}, this one knows {known}); run that version, or restore an older copy"
    )]
    NewerSchema {
        /// Path of the database.
        path: PathBuf,
        /// Schema version of the database.
        found: i64,
        /// Newest schema version that this program supports.
        known: i64,
    },
    /// The file is damaged, or is not a database of the exporter.
    #[error(
        "store.url: {path} cannot be read ({error}); restore a copy, or move it away to begin with an empty history"
    )]
    Damaged {
        /// Path of the database.
        path: PathBuf,
        /// The database's own error.
        error: String,
    },
    /// The tables on PostgreSQL cannot be used.
    #[error(transparent)]
    Server(#[from] MigrationError),
    /// Anything else, such as a full disk or a lock held by a tool.
    #[error("store.url: cannot open {path}: {error}; {}", error.reason.cure())]
    Failed {
        /// Path of the database.
        path: PathBuf,
        /// The database's own error.
        error: StoreError,
    },
}

impl OpenError {
    /// The error for the operator who starts the exporter.
    pub fn new(path: PathBuf, error: StoreError) -> Self {
        match error.reason {
            StoreErrorReason::Corrupt => Self::Damaged {
                path,
                error: error.to_string(),
            },
            _ => Self::Failed { path, error },
        }
    }

    /// The error for a folder or file that cannot be created or written: because of its permissions or path, which an
    /// operator must change, or because of the disk.
    pub fn from_io(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound,
            PermissionDenied,
        };
        let path = path.to_owned();
        match error.kind() {
            AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory
            | NotFound | PermissionDenied => Self::Unwritable {
                path,
                error: error.to_string(),
            },
            _ => Self::Failed {
                path,
                error: error.into(),
            },
        }
    }

    /// The reason, if it can pass without intervention: the disk is full, read-only or failing, or another tool holds
    /// the database. `None` for what an operator must change: a path or its permissions, a second exporter, a newer
    /// schema, a damaged file. Waiting for those would hide the mistake.
    #[must_use]
    pub fn passing_reason(&self) -> Option<StoreErrorReason> {
        match self {
            Self::Failed { error, .. } => Some(error.reason).filter(|reason| reason.may_pass()),
            Self::Server(error) => error.passing_reason(),
            Self::Unwritable { .. }
            | Self::InUse { .. }
            | Self::NewerSchema { .. }
            | Self::Damaged { .. } => None,
        }
    }
}
