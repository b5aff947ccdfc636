//! The last report of `doctor`: a small file next to the database, because another process writes it.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Location;
use crate::clock;
use crate::telemetry::{Examination, Report};

/// Maximum size: enough for about ten thousand findings. A report on a hundred apps has fewer.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

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
    /// Not a report of this program.
    #[error("{path} is not a report of `doctor` ({why}); run `doctor` again, or remove it", path = path.display())]
    Damaged {
        /// The file.
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
    /// If the file cannot be written.
    pub fn keep_examination(&self, examination: &Examination) -> Result<(), ReportError> {
        let Some(path) = self.report() else {
            return Ok(());
        };
        let kept = Kept {
            at: clock::calendar(examination.at),
            report: examination.report.clone(),
        };
        let text = serde_json::to_vec_pretty(&kept).expect("plain data with text for keys");
        replace(&path, &text).map_err(|error| ReportError::Refused { path, error })
    }

    /// The last examination. `None` if there is none.
    ///
    /// # Errors
    /// If the file exists and cannot be read, or is not a report.
    pub fn last_examination(&self) -> Result<Option<Examination>, ReportError> {
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

    fn report(&self) -> Option<PathBuf> {
        let Self::File(path) = self else {
            return None;
        };
        let mut path = path.as_os_str().to_owned();
        path.push(SUFFIX);
        Some(path.into())
    }
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

    #[test]
    fn a_stored_report_is_read_and_private() {
        let (folder, location) = location();
        assert!(matches!(location.last_examination(), Ok(None)));
        location.keep_examination(&examination()).expect("room");
        let read = location.last_examination().expect("readable");
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
            let error = location.last_examination().expect_err("no report");
            assert!(error.to_string().contains("a.db.doctor.json"), "{error}");
        }
        fs::remove_file(&path).expect("it is there");
        fs::create_dir(&path).expect("room");
        assert!(location.last_examination().is_err());
    }

    #[test]
    fn a_store_in_memory_keeps_no_report() {
        let memory = Location::Memory;
        memory
            .keep_examination(&examination())
            .expect("nothing to do");
        assert!(matches!(memory.last_examination(), Ok(None)));
    }
}
