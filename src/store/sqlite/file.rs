//! The database file as this process holds it: locked against other exporters, and compared with what is at its
//! path.
//!
//! Invariant: the descriptor is opened before SQLite opens the file, and closed after SQLite has closed it. Closing
//! any descriptor of a file drops every POSIX lock that the process holds on it (fcntl(2)), SQLite's own included.
//! Nothing else in this process may therefore open the file; use `stat` or `access` to examine it.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::fstatfs;

use crate::store::engine::{StoreError, StoreErrorReason};

/// Only the owner may read the file; SQLite gives its side files the same mode.
const OWNER_ONLY: u32 = 0o600;

/// Bytes of an SQLite database's header (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const HEADER_BYTES: usize = 100;

/// Offset of `user_version` in the header, big-endian.
const USER_VERSION: std::ops::Range<usize> = 60..64;

/// `f_type` of NFS, SMB and SMB2/CIFS (`statfs(2)`). Linux turns `flock` into a byte-range lock there, which would
/// shut out SQLite's own locks.
const NETWORK_FILE_SYSTEMS: [i64; 4] = [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42];

/// Suffix of the path of a copy of a removed database.
const COPY: &str = ".displaced";

/// Maximum number of copies of removed databases; older ones must be deleted by the operator.
const MAX_COPIES: u32 = 9;

/// The file, held while SQLite has it open.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    /// The configured path, which must refer to this file.
    path: PathBuf,
    /// Without symbolic links: where SQLite keeps the write-ahead log.
    resolved: PathBuf,
    file: File,
    /// `<database>.lock`. Version 0.1.0 locks nothing else, and a network file system allows nothing else.
    _lock_file: File,
    known: Mutex<Known>,
}

/// State of the file since SQLite opened it.
#[derive(Debug, Default)]
struct Known {
    log: Option<FileId>,
    /// Stamps that the file's header may contain now.
    stamps: Option<[u32; 2]>,
    /// Whether the removed file has been copied.
    is_copied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A change of the file while the database is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Displaced {
    /// Nothing is at its path.
    Moved,
    /// Another file is at its path.
    Replaced,
    /// The write-ahead log was removed or replaced.
    LogLost,
    /// Its content was replaced.
    Overwritten,
}

impl DatabaseFile {
    /// Creates the file if it does not exist, and locks it. `None` if another process holds the lock.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        // It may not exist yet.
        let resolved = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(lock_file) = lock(&side_file(&resolved, ".lock"), false)? else {
            return Ok(None);
        };
        let Some(file) = lock(path, true)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            path: path.to_owned(),
            resolved: fs::canonicalize(path)?,
            file,
            _lock_file: lock_file,
            known: Mutex::default(),
        }))
    }

    /// Records the write-ahead log that SQLite has open.
    pub fn note_log(&self) {
        let log = fs::metadata(self.log()).ok();
        self.known().log = log.as_ref().map(FileId::from);
    }

    /// Forgets the write-ahead log: SQLite removes it with its last connection, and may create another.
    pub fn forget_log(&self) {
        self.known().log = None;
    }

    /// Records the stamp that was written to the database. The file's header contains it from the next checkpoint on,
    /// and its current stamp until then.
    pub fn note_stamp(&self, stamp: u32) -> io::Result<()> {
        let shown = self.stamp()?;
        self.known().stamps = Some([shown.unwrap_or(stamp), stamp]);
        Ok(())
    }

    /// Whether the path still refers to the file that SQLite has open.
    ///
    /// # Errors
    /// If the file cannot be examined, for example while a network file system is unavailable. That says nothing
    /// about the file.
    pub fn check(&self) -> Result<Option<Displaced>, StoreError> {
        self.displaced().map_err(|error| {
            let path = self.path.display();
            let message = format!("the database {path} in use cannot be examined: {error}");
            StoreError::new(StoreErrorReason::Io, message)
        })
    }

    fn displaced(&self) -> io::Result<Option<Displaced>> {
        let own = self.file.metadata()?;
        match id_of(&self.path)? {
            None => return Ok(Some(Displaced::Moved)),
            Some(found) if found != FileId::from(&own) => return Ok(Some(Displaced::Replaced)),
            Some(_) => {}
        }
        let (log, stamps) = {
            let known = self.known();
            (known.log, known.stamps)
        };
        if let Some(stamps) = stamps
            && !self.stamp()?.is_some_and(|stamp| stamps.contains(&stamp))
        {
            return Ok(Some(Displaced::Overwritten));
        }
        if log.is_some() && log != id_of(&self.log())? {
            return Ok(Some(Displaced::LogLost));
        }
        Ok(None)
    }

    /// Whether the file has no name left, so that its content is lost when the process exits.
    pub fn is_unlinked(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() == 0)
    }

    /// Creates an empty file next to the database, for a copy of one that has no name any more. Returns `None`
    /// after the first call: a database is copied once.
    pub fn create_copy(&self) -> io::Result<Option<PathBuf>> {
        if self.known().is_copied {
            return Ok(None);
        }
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for number in 1..=MAX_COPIES {
            let suffix = match number {
                1 => COPY.to_owned(),
                number => format!("{COPY}.{number}"),
            };
            let path = side_file(&self.resolved, &suffix);
            let mut options = OpenOptions::new();
            let options = options.create_new(true).write(true).mode(OWNER_ONLY);
            match options.open(&path) {
                Ok(_) => {
                    self.known().is_copied = true;
                    return Ok(Some(path));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Removes an incomplete copy: the next check starts it again.
    pub fn remove_copy(&self, path: &Path) {
        self.known().is_copied = false;
        // It may have been removed already.
        drop(fs::remove_file(path));
    }

    /// Renames the write-ahead log: SQLite would apply it to the content that replaced its own.
    pub fn set_log_aside(&self) -> io::Result<Option<PathBuf>> {
        let own = self.known().log;
        let found = fs::metadata(self.log()).ok();
        if own.is_none() || own != found.as_ref().map(FileId::from) {
            return Ok(None);
        }
        let aside = side_file(&self.resolved, ".displaced-wal");
        fs::rename(self.log(), &aside)?;
        Ok(Some(aside))
    }

    /// The error that an operator reads.
    pub fn error(&self, displaced: Displaced) -> StoreError {
        let path = self.path.display();
        let message = match displaced {
            Displaced::Moved => format!(
                "the database {path} was moved or removed while in use; put it back, or restart the exporter to \
                 begin with an empty store (a removed database is copied to {path}.displaced)"
            ),
            Displaced::Replaced => format!(
                "another file is at {path} in place of the database in use; put the database back, or restart the \
                 exporter to use the new file (a removed database is copied to {path}.displaced)"
            ),
            Displaced::LogLost => format!(
                "the write-ahead log {path}-wal was removed or replaced while in use; its content is copied to the \
                 database: restart the exporter"
            ),
            Displaced::Overwritten => format!(
                "the content of {path} was replaced while in use; restart the exporter to use the new content, or \
                 stop it and restore a backup"
            ),
        };
        StoreError::new(StoreErrorReason::FileReplaced, message)
    }

    /// `user_version` in the file's header; `None` if the file is no database.
    fn stamp(&self) -> io::Result<Option<u32>> {
        let mut header = [0; HEADER_BYTES];
        match self.file.read_exact_at(&mut header, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let stamp = header[USER_VERSION].try_into().map(u32::from_be_bytes);
        Ok(stamp
            .ok()
            .filter(|_| header.starts_with(b"SQLite format 3\0")))
    }

    fn log(&self) -> PathBuf {
        side_file(&self.resolved, "-wal")
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` if nothing is at the path.
fn id_of(path: &Path) -> io::Result<Option<FileId>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match fs::metadata(path) {
        Ok(found) => Ok(Some(FileId::from(&found))),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens and locks a file. The operating system drops the lock when the process ends, however it ends. The lock does
/// not keep a backup from reading. `None` if another process holds the lock.
fn lock(path: &Path, is_database: bool) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let options = options.create(true).read(true).append(true);
    let file = options.mode(OWNER_ONLY).open(path)?;
    if is_database && is_on_network(&file) {
        return Ok(Some(file));
    }
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_on_network(file: &File) -> bool {
    // The type of `f_type` differs between platforms.
    fstatfs(file).is_ok_and(|system| {
        #[allow(clippy::unnecessary_cast, reason = "its type differs by platform")]
        let kind = system.f_type as i64;
        NETWORK_FILE_SYSTEMS.contains(&(kind & 0xFFFF_FFFF))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_file_does_not_count_as_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state.db");
        let header = |stamp: u32| {
            let mut bytes = b"SQLite format 3\0".to_vec();
            bytes.resize(HEADER_BYTES, 0);
            bytes[USER_VERSION].copy_from_slice(&stamp.to_be_bytes());
            bytes
        };
        fs::write(&path, header(1)).expect("room");
        fs::write(side_file(&path, "-wal"), "a log").expect("room");
        let opened = DatabaseFile::open(&path).expect("it can be opened");
        let mut database = opened.expect("nobody else holds it");
        database.note_log();
        database.note_stamp(1).expect("it can be read");
        let displaced = |database: &DatabaseFile| database.check().map_err(|it| it.reason);
        assert_eq!(displaced(&database), Ok(None));
        // Reading from a write-only descriptor fails, as it does when the disk fails.
        let unreadable = OpenOptions::new().write(true).open(&path);
        let readable = std::mem::replace(&mut database.file, unreadable.expect("it is there"));
        assert_eq!(displaced(&database), Err(StoreErrorReason::Io));
        database.file = readable;
        assert_eq!(displaced(&database), Ok(None));
        fs::write(&path, header(2)).expect("room");
        assert_eq!(displaced(&database), Ok(Some(Displaced::Overwritten)));
        fs::remove_file(&path).expect("it is there");
        assert_eq!(displaced(&database), Ok(Some(Displaced::Moved)));
    }
}
