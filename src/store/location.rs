//! The location of the store.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::postgres::PostgresOptions;

/// The location of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In memory; lost when the process exits.
    Memory,
    /// In an SQLite database at this path. Its folder is created if it does not exist.
    File(PathBuf),
    /// In a PostgreSQL database, which several replicas share.
    Server(Box<PostgresOptions>),
}

impl Location {
    /// Checks whether the files of the store can be written there, without writing anything. A server has none here.
    ///
    /// # Errors
    /// The path that cannot be written, and the operating system's error.
    pub fn writable(&self) -> Result<(), (PathBuf, io::Error)> {
        let Self::File(path) = self else {
            return Ok(());
        };
        if path.exists() {
            // The database is not opened: closing it would drop the locks of a store that this process has open.
            access(path, Access::READ_OK | Access::WRITE_OK)
                .map_err(|error| (path.clone(), error.into()))?;
        }
        // SQLite creates the write-ahead log next to the database. A missing folder is created in its parent.
        let folder = std::path::absolute(path).map_err(|error| (path.clone(), error))?;
        let mut folders = folder.ancestors().skip(1);
        let there = folders.find(|folder| folder.exists());
        let there = there.unwrap_or(Path::new("/"));
        access(there, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| (there.to_owned(), error.into()))
    }

    /// The path, as errors show it.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Memory => PathBuf::from(":memory:"),
            Self::File(path) => path.clone(),
            Self::Server(options) => options.to_string().into(),
        }
    }
}
