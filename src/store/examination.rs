//! The last report of `doctor`, which another process writes: a small file next to an SQLite database, or a row of
//! PostgreSQL.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::engine::{ReportReader, StoreError};
use super::{Location, postgres};
use crate::clock;
use crate::telemetry::{Examination, Report};

/// Maximum size: enough for about ten thousand findings. A report on a hundred apps has fewer.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Time limit of a read, so that a page does not wait for a database that does not answer.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Suffix of the file name, after the name of the database.
const SUFFIX: &str = ".doctor.json";

/// Why the doctor's last report cannot be used.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The operating system denies access.
    #[error("{path}: {error}", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The database does not return or store it.
    #[error("{location}: {error}")]
    Database {
        /// Hosts and database.
        location: String,
        /// The database's own error.
        error: String,
    },
    /// Not a report of this program.
    #[error("{path} is not a report of `doctor` ({why}); run `doctor` again, or remove it", path = path.display())]
    Damaged {
        /// The file, or the database.
        path: PathBuf,
        /// The defect.
        why: String,
    },
}

/// The file's content: the report as `doctor --format=json` prints it, and its time.
#[derive(Serialize, Deserialize)]
struct Kept {
    at: String,
    #[serde(flatten)]
    report: Report,
}

impl Location {
    /// Replaces the stored examination. A store in memory keeps none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn keep_examination(&self, examination: &Examination) -> Result<(), ReportError> {
        let kept = Kept {
            at: clock::calendar(examination.at),
            report: examination.report.clone(),
        };
        let text = serde_json::to_string_pretty(&kept).expect("plain data with text for keys");
        if let Self::Server(options) = self {
            let kept = postgres::keep_report(options, &text).await;
            return kept.map_err(|error| self.database_error(&error.into()));
        }
        let Some(path) = self.report() else {
            return Ok(());
        };
        replace(&path, text.as_bytes()).map_err(|error| ReportError::Refused { path, error })
    }

    /// The last examination in the file of a store. `None` if there is none.
    ///
    /// # Errors
    /// If the file exists and cannot be read, or is not a report.
    fn examination_in_file(&self) -> Result<Option<Examination>, ReportError> {
        let Some(path) = self.report() else {
            return Ok(None);
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ReportError::Refused { path, error }),
        };
        let examination = parse(&text).map_err(|why| ReportError::Damaged { path, why })?;
        Ok(Some(examination))
    }

    fn database_error(&self, error: &StoreError) -> ReportError {
        ReportError::Database {
            location: self.path().display().to_string(),
            error: error.to_string(),
        }
    }

    fn report(&self) -> Option<PathBuf> {
        let Self::File(path) = self else {
            return None;
        };
        let mut path = path.as_os_str().to_owned();
        path.push(SUFFIX);
        Some(path.into())
    }
}

/// The last examination of the store at a location. `None` if there is none. `rows` reads it if the location is a
/// server.
///
/// # Errors
/// If it cannot be read, or is not a report.
pub async fn last_examination(
    location: &Location,
    rows: Option<&dyn ReportReader>,
) -> Result<Option<Examination>, ReportError> {
    let Some(rows) = rows else {
        let location = location.clone();
        let read = spawn_blocking(move || location.examination_in_file());
        return read.await.expect("reading a file does not panic");
    };
    let text = timeout(READ_WITHIN, rows.last_report()).await;
    let text = text.unwrap_or_else(|_| Err(StoreError::slow(READ_WITHIN)));
    let Some(text) = text.map_err(|error| location.database_error(&error))? else {
        return Ok(None);
    };
    let examination = parse(text.as_bytes()).map_err(|why| ReportError::Damaged {
        path: location.path(),
        why,
    })?;
    Ok(Some(examination))
}

/// Replaces the file atomically. It is not synced to disk: a report lost in a power failure can be made again by
/// running the doctor.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let written = write(&new, text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The new file may not exist.
        drop(fs::remove_file(&new));
    }
    written
}

/// Writes the file readable only for its owner, like the database.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Checked before opening, because opening a pipe would block.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = Vec::new();
    fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut text)?;
    Ok(text)
}

fn parse(text: &[u8]) -> Result<Examination, String> {
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let Kept { at, report } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let at = clock::moment(&at, clock::now()).map_err(|error| format!("at: {error}"))?;
    Ok(Examination { at, report })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::telemetry::Finding;

    fn examination() -> Examination {
        let finding = Finding::problem("token", "it ends in 2 days", "Make a new one.");
        Examination {
            at: Timestamp::from_seconds(1_775_000_000),
            report: Report::new(vec![finding.about("app")]),
        }
    }

    fn location() -> (tempfile::TempDir, Location) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::File(folder.path().join("a.db"));
        (folder, location)
    }

    #[tokio::test]
    async fn a_stored_report_is_read_and_private() {
        let (folder, location) = location();
        assert!(matches!(location.examination_in_file(), Ok(None)));
        location
            .keep_examination(&examination())
            .await
            .expect("room");
        let read = location.examination_in_file().expect("readable");
        assert_eq!(read, Some(examination()));
        let names = fs::read_dir(folder.path()).expect("a folder");
        let names: Vec<_> = names.map(|entry| entry.expect("an entry")).collect();
        assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = names[0].metadata().expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_invalid_report_is_an_error_with_its_path() {
        let (_folder, location) = location();
        let path = location.report().expect("a file");
        let huge = vec![b' '; MAX_BYTES as usize + 1];
        for text in [
            &b"{"[..],
            b"[]",
            br#"{"at":"soon","findings":[],"problems":0,"unknown":0}"#,
            &huge,
        ] {
            fs::write(&path, text).expect("room");
            let error = location.examination_in_file().expect_err("no report");
            assert!(error.to_string().contains("a.db.doctor.json"), "{error}");
        }
        fs::remove_file(&path).expect("it is there");
        fs::create_dir(&path).expect("room");
        assert!(location.examination_in_file().is_err());
    }

    #[tokio::test]
    async fn a_store_in_memory_keeps_no_report() {
        let memory = Location::Memory;
        memory
            .keep_examination(&examination())
            .await
            .expect("nothing to do");
        assert!(matches!(memory.examination_in_file(), Ok(None)));
    }
}
