//! Copies a store from one engine to the other: SQLite to PostgreSQL, or back.
//!
//! The target is filled in one transaction, and read again before its commit. A copy that is interrupted, or that
//! differs, thus leaves the target empty. While it runs, no exporter can write to either store: the file is locked, and
//! so are the tables of PostgreSQL.

mod checksum;

use std::path::Path;

use tokio::sync::mpsc;

pub use checksum::Checksum;

use super::copy_error::CopyError;
use super::engine::{CopiedRows, CopiedTable, CopySide, StoreError};
use super::postgres::{CopyRole, Copying, PostgresOptions};
use super::{Location, OpenError, older_rows, sqlite};

/// How many groups of rows are read ahead.
const READ_AHEAD: usize = 2;

/// A table that was copied, and is the same in both stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopiedContent {
    /// Its name.
    pub table: &'static str,
    /// Its number of rows, and their checksum.
    pub checksum: Checksum,
}

/// Copies everything from one store to the other, which must be empty.
///
/// # Errors
/// Why nothing was copied.
pub async fn copy(from: &Location, to: &Location) -> Result<Vec<CopiedContent>, CopyError> {
    let (source, target): (Box<dyn CopySide>, Box<dyn CopySide>) = match (from, to) {
        (Location::File(path), Location::Server(options)) => {
            if !path.exists() {
                return Err(CopyError::NoFile { path: path.clone() });
            }
            let source = open_file(path).await?;
            (source, open_server(options, CopyRole::Target).await?)
        }
        (Location::Server(options), Location::File(path)) => {
            let source = open_server(options, CopyRole::Source).await?;
            (source, open_file(path).await?)
        }
        _ => {
            return Err(CopyError::Engines {
                from: shown(from),
                to: shown(to),
            });
        }
    };
    let mut copy = Copy {
        from: from.clone(),
        to: to.clone(),
        source,
        target,
    };
    let copied = copy.run().await;
    let Copy { source, target, .. } = copy;
    // Nothing is lost if these fail: the target is committed by now, or it is rolled back.
    drop(source.close().await);
    drop(target.close().await);
    copied
}

async fn open_file(path: &Path) -> Result<Box<dyn CopySide>, CopyError> {
    let location = Location::File(path.to_owned());
    let mut database = sqlite::Database::open(&location).await?;
    let moved = older_rows::move_older(&mut database).await;
    moved.map_err(|error| OpenError::new(path.to_owned(), error))?;
    let begun = database.begin_copy().await;
    begun.map_err(|error| CopyError::failed(&location, error))?;
    Ok(Box::new(database))
}

async fn open_server(
    options: &PostgresOptions,
    role: CopyRole,
) -> Result<Box<dyn CopySide>, CopyError> {
    Ok(Box::new(Copying::begin(options, role).await?))
}

fn shown(location: &Location) -> String {
    location.path().display().to_string()
}

struct Copy {
    from: Location,
    to: Location,
    source: Box<dyn CopySide>,
    target: Box<dyn CopySide>,
}

impl Copy {
    async fn run(&mut self) -> Result<Vec<CopiedContent>, CopyError> {
        self.check_empty().await?;
        let mut copied = Vec::new();
        for table in CopiedTable::ALL {
            let checksum = self.copy_table(table).await?;
            copied.push((table, checksum));
        }
        for (table, checksum) in &copied {
            self.compare(*table, *checksum).await?;
        }
        let committed = self.target.commit().await;
        committed.map_err(|error| CopyError::failed(&self.to, error))?;
        let contents = copied.into_iter().map(|(table, checksum)| CopiedContent {
            table: table.name(),
            checksum,
        });
        Ok(contents.collect())
    }

    async fn check_empty(&mut self) -> Result<(), CopyError> {
        let contents = self.target.contents().await;
        let contents = contents.map_err(|error| CopyError::failed(&self.to, error))?;
        if contents.is_empty() {
            return Ok(());
        }
        let contents: Vec<String> = contents
            .iter()
            .map(|(table, rows)| format!("{table}: {rows} rows"))
            .collect();
        Err(CopyError::NotEmpty {
            location: shown(&self.to),
            contents: contents.join(", "),
        })
    }

    /// Copies a table. Returns the checksum of what was read.
    async fn copy_table(&mut self, table: CopiedTable) -> Result<Checksum, CopyError> {
        let (sender, mut receiver) = mpsc::channel::<CopiedRows>(READ_AHEAD);
        let (from, to) = (&self.from, &self.to);
        let (source, target) = (&mut self.source, &mut self.target);
        let read = async move {
            let read = source.read(table, sender).await;
            read.map_err(|error| CopyError::failed(from, error))
        };
        let write = async move {
            let mut checksum = Checksum::default();
            while let Some(rows) = receiver.recv().await {
                rows.iter().for_each(|row| checksum.add(row));
                for some in rows.chunks(table.rows_at_once()) {
                    let written = target.write(table, some).await;
                    written.map_err(|error| CopyError::failed(to, error))?;
                }
            }
            Ok(checksum)
        };
        let ((), checksum) = tokio::try_join!(read, write)?;
        Ok(checksum)
    }

    /// Reads a table of the target, and compares it with what was read of the source.
    async fn compare(&mut self, table: CopiedTable, expected: Checksum) -> Result<(), CopyError> {
        let found = checksum_of(&mut *self.target, table).await;
        let found = found.map_err(|error| CopyError::failed(&self.to, error))?;
        if found == expected {
            return Ok(());
        }
        Err(CopyError::Differs {
            table: table.name(),
            from_rows: expected.rows,
            from_checksum: expected.to_string(),
            to_rows: found.rows,
            to_checksum: found.to_string(),
        })
    }
}

async fn checksum_of(side: &mut dyn CopySide, table: CopiedTable) -> Result<Checksum, StoreError> {
    let (sender, mut receiver) = mpsc::channel::<CopiedRows>(READ_AHEAD);
    let sum = async move {
        let mut checksum = Checksum::default();
        while let Some(rows) = receiver.recv().await {
            rows.iter().for_each(|row| checksum.add(row));
        }
        Ok(checksum)
    };
    let ((), checksum) = tokio::try_join!(side.read(table, sender), sum)?;
    Ok(checksum)
}
