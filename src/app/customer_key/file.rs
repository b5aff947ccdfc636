//! The file that holds the key: where it is, and how it is read and created.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use rustix::io::Errno;
use secrecy::ExposeSecret;
use thiserror::Error;

use super::generate;
use crate::config::KeyFile;
use crate::ingest::CustomerKey;
use crate::store::{Location, StoreErrorReason};

/// More than the size of a key, and small enough to be read at once.
const MAX_BYTES: u64 = 4 * 1024;

/// Suffix of the database's path.
const SUFFIX: &str = ".key";

/// Only the owner may read and write the file.
const OWNER_ONLY: u32 = 0o600;

/// How to create the file by hand.
const CURE: &str = "write a new key to it (`openssl rand -hex 32`), or restore it from a backup";

/// Errors of file systems without hard links: FAT, SMB, some of FUSE (link(2)).
const NO_HARD_LINKS: [Errno; 5] = [
    Errno::PERM,
    Errno::NOTSUP,
    Errno::OPNOTSUPP,
    Errno::NOSYS,
    Errno::MLINK,
];

/// The file cannot be read or created now, for example on a full disk. That can pass without intervention.
#[derive(Debug, Error)]
#[error("{message}")]
pub(in crate::app) struct KeyFileUnavailable {
    /// Why the key cannot be used.
    pub reason: StoreErrorReason,
    pub(super) message: String,
}

/// Location of the key.
pub(super) struct KeyPath {
    path: PathBuf,
    /// Description of the location for messages. A configured path is not shown, because it may be a secret that was
    /// set by mistake.
    pub shown: String,
}

/// `None` for a store in memory without a path. The configuration requires a path with a server.
pub(super) fn path(key_file: Option<KeyFile>, location: &Location) -> Option<KeyPath> {
    if let Some(KeyFile(path)) = key_file {
        return Some(KeyPath {
            path,
            shown: "the file it names".to_owned(),
        });
    }
    let Location::File(database) = location else {
        return None;
    };
    // Next to the file itself, if the database's path is a symbolic link.
    let database = fs::canonicalize(database).unwrap_or_else(|_| database.clone());
    let mut path = database.into_os_string();
    path.push(SUFFIX);
    let path = PathBuf::from(path);
    let shown = path.display().to_string();
    Some(KeyPath { path, shown })
}

/// The error of an operation on the file: one that can pass without intervention, or one that an operator must fix.
fn failed(error: &io::Error, what: fmt::Arguments<'_>, cure: &str) -> anyhow::Error {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StaleNetworkFileHandle, StorageFull};
    let reason = match error.kind() {
        StorageFull | QuotaExceeded => StoreErrorReason::DiskFull,
        ReadOnlyFilesystem => StoreErrorReason::ReadOnly,
        StaleNetworkFileHandle => StoreErrorReason::Io,
        _ if Errno::from_io_error(error) == Some(Errno::IO) => StoreErrorReason::Io,
        _ => return anyhow!("trackers.key_file: {what} ({error}); {cure}"),
    };
    let cure = reason.cure();
    let message = format!("trackers.key_file: {what} ({error}); {cure}");
    KeyFileUnavailable { reason, message }.into()
}

/// The key in the file; `None` if there is no file.
pub(super) fn read(place: &KeyPath) -> anyhow::Result<Option<CustomerKey>> {
    let KeyPath { path, shown } = place;
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let cure = "give the exporter's user read permission, or set the path of another file";
            return Err(failed(&error, format_args!("{shown} cannot be read"), cure));
        }
    };
    match CustomerKey::parse(&text) {
        Ok(key) => Ok(Some(key)),
        Err(error) => bail!("trackers.key_file: {shown} {error}; {CURE}"),
    }
}

fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    // Checked before opening, because opening a pipe would block.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Creates the file with this key, or a random one. If another exporter has created it meanwhile, uses that key.
pub(super) fn create(place: &KeyPath, key: Option<CustomerKey>) -> anyhow::Result<CustomerKey> {
    let KeyPath { path, shown } = place;
    let key = key.map_or_else(generate, Ok)?;
    write_new(path, key.file_text().expose_secret().as_bytes()).map_err(|error| {
        let cure = "give the exporter's user write permission, or create the file by hand (`openssl rand -hex 32`)";
        failed(&error, format_args!("cannot create {shown}"), cure)
    })?;
    // The key in the file is the valid one, whichever process wrote it.
    read(place)?.with_context(|| {
        format!("trackers.key_file: {shown} was removed while it was read; start again")
    })
}

/// Creates the file unless it exists. Readers find it complete or not at all, even after a power failure, if the
/// file system supports hard links.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Not the process id, which is 1 in every container.
    let suffix = getrandom::u64().map_err(|_| io::Error::other("no random numbers"))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix:016x}"));
    let draft = PathBuf::from(name);
    write_file(&draft, text)?;
    // Not renamed, because that would replace the key of another exporter.
    let linked = fs::hard_link(&draft, path);
    // A draft that remains is unused and harmless.
    drop(fs::remove_file(&draft));
    match publish(linked, path, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        published => published.and_then(|()| File::open(folder)?.sync_all()),
    }
}

/// Writes the file directly if it cannot be linked.
fn publish(linked: io::Result<()>, path: &Path, text: &[u8]) -> io::Result<()> {
    let has_no_links =
        |error| Errno::from_io_error(error).is_some_and(|errno| NO_HARD_LINKS.contains(&errno));
    if linked.as_ref().is_err_and(has_no_links) {
        return write_file(path, text);
    }
    linked
}

/// Writes a file that must not exist, and removes it again if it cannot be written.
fn write_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.create_new(true).write(true).mode(OWNER_ONLY);
    let mut file = options.open(path)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if written.is_err() {
        // Only the original error matters.
        drop(fs::remove_file(path));
    }
    written
}

pub(super) fn warn_if_readable_by_others(place: &KeyPath) {
    let mode = fs::metadata(&place.path).map_or(0, |file| file.mode());
    if mode & 0o077 != 0 {
        let mode = format!("{:o}", mode & 0o777);
        let file = place.shown.as_str();
        tracing::warn!(
            file,
            mode,
            cure = "chmod 600",
            "customers' key can be read by other users"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn beside(folder: &Path, name: &str) -> KeyPath {
        let path = folder.join(name);
        let shown = path.display().to_string();
        KeyPath { path, shown }
    }

    fn text_of(path: &Path) -> Vec<u8> {
        fs::read(path).expect("a file")
    }

    #[test]
    fn concurrent_starts_use_the_same_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = beside(folder.path(), "a.key");
        let path = &place.path;
        // One of them wins, as when two processes race: each has its own draft.
        let first = create(&place, None).expect("created");
        let written = text_of(path);
        let second = create(&place, None).expect("read");
        assert_eq!(first.check_value(), second.check_value());
        assert_eq!(text_of(path), written);
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
        let names = fs::read_dir(folder.path()).expect("a folder");
        assert_eq!(names.count(), 1, "no draft is left");
    }

    #[test]
    fn a_full_disk_is_temporary_and_missing_permissions_are_not() {
        let reason = |errno: Errno| {
            let error = failed(&errno.into(), format_args!("cannot create it"), "do this");
            assert!(error.to_string().starts_with("trackers.key_file: cannot"));
            let passing = error.downcast_ref::<KeyFileUnavailable>();
            passing.map(|passing| passing.reason)
        };
        assert_eq!(reason(Errno::NOSPC), Some(StoreErrorReason::DiskFull));
        assert_eq!(reason(Errno::DQUOT), Some(StoreErrorReason::DiskFull));
        assert_eq!(reason(Errno::ROFS), Some(StoreErrorReason::ReadOnly));
        assert_eq!(reason(Errno::IO), Some(StoreErrorReason::Io));
        assert_eq!(reason(Errno::STALE), Some(StoreErrorReason::Io));
        assert_eq!(reason(Errno::ACCESS), None);
        assert_eq!(reason(Errno::NOENT), None);
    }

    #[test]
    fn without_hard_links_the_file_is_written_directly() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.key");
        for errno in NO_HARD_LINKS {
            publish(Err(errno.into()), &path, b"text").expect("room");
            assert_eq!(text_of(&path), b"text");
            let again = publish(Err(errno.into()), &path, b"other");
            let error = again.expect_err("it exists");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(text_of(&path), b"text");
            fs::remove_file(&path).expect("it is there");
        }
        let full = publish(Err(Errno::NOSPC.into()), &path, b"text");
        assert!(full.is_err() && !path.exists());
    }

    #[test]
    fn an_invalid_key_is_refused_with_a_cure_and_not_shown() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = beside(folder.path(), "a.key");
        let path = &place.path;
        assert!(read(&place).expect("no file").is_none());
        for (text, word) in [
            ("", "is empty"),
            ("\r\n", "is empty"),
            ("0123456789abcdef", "has 16 characters"),
            (
                "SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECR",
                "other than hexadecimal",
            ),
        ] {
            fs::write(path, text).expect("room");
            let error = read(&place).expect_err("no key").to_string();
            let is_reported =
                error.starts_with("trackers.key_file: ") && error.contains("openssl rand");
            assert!(is_reported && error.contains(word), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
            assert_eq!(text_of(path), text.as_bytes(), "it is kept");
        }
        fs::remove_file(path).expect("it is there");
        fs::create_dir(path).expect("room");
        let error = read(&place).expect_err("a folder").to_string();
        assert!(error.contains("it is not a regular file"), "{error}");
        let nowhere = create(&beside(folder.path(), "none/a.key"), None);
        let error = format!("{:#}", nowhere.expect_err("no folder"));
        assert!(
            error.starts_with("trackers.key_file: cannot create"),
            "{error}"
        );
    }
}
