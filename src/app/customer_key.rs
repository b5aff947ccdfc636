//! The file of the key that customers are hashed with: read, or created once, beside the store.
//!
//! The store keeps a check value of the key. When another key is found, or none, the exporter starts all the same: what is
//! lost are the conversations that were open, a day's at most, while an exporter that does not start loses webhooks. The
//! conversations are dropped, because no answer can be matched to them any more: they would count as unanswered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use crate::config::{Config, KeyFile};
use crate::ingest::{CustomerKey, Customers};
use crate::store::{Location, SavedKey, Store};
use crate::telemetry::Telemetry;

/// More than a key has, and little enough to be read at once.
const MAX_BYTES: u64 = 4 * 1024;

/// What follows the database's path.
const SUFFIX: &str = ".key";

/// Permissions of the owner alone.
const OWNER_ONLY: u32 = 0o600;

/// How a file is made by hand.
const CURE: &str = "write a new key to it (`openssl rand -hex 32`), or restore it from a backup";

/// The hasher, with the key of this installation.
///
/// # Errors
/// If the key cannot be read or created, with what to do about it.
pub(super) async fn load(
    config: &Config,
    store: &Store,
    telemetry: &Telemetry,
) -> anyhow::Result<Customers> {
    let saved = store.customer_key().await?;
    let imported = imported(config, &saved);
    let Some(place) = path(config, store.location()) else {
        // Its conversations end with the process as well.
        return Ok(Customers::new(&generate()?));
    };
    let expected = imported.as_ref().map(CustomerKey::check_value);
    let is_imported = expected.is_some();
    let expected = expected.or(saved.check_value.clone());
    let found = read(&place)?;
    let was_missing = found.is_none();
    let key = match found {
        Some(key) => key,
        None => create(&place, imported)?,
    };
    warn_if_readable_by_others(&place);
    let check_value = key.check_value();
    let is_same = expected.is_none_or(|expected| expected == check_value);
    if saved.check_value.as_ref() != Some(&check_value) {
        let dropped = store.use_customer_key(check_value, is_same).await?;
        telemetry
            .conversations_dropped
            .set(i64::try_from(dropped).unwrap_or(i64::MAX));
        let file = place.shown.as_str();
        match (is_same, was_missing) {
            (true, _) if is_imported => {
                tracing::info!(
                    file,
                    "customers' key imported from the secret of the first app; open conversations continue"
                );
            }
            (true, true) => tracing::info!(file, "customers' key created"),
            (true, false) => {}
            (false, true) => tracing::error!(
                file,
                dropped,
                cure = "if the former key exists in a backup, restore it and restart; keep this file together with the store",
                "customers' key is missing; a new one was created, and open conversations were dropped"
            ),
            (false, false) => {
                tracing::warn!(
                    file,
                    dropped,
                    "customers' key was replaced; open conversations were dropped"
                );
            }
        }
    }
    Ok(Customers::new(&key))
}

/// Version 0.1.0 made the key from the secret of the first app. `None` where a later version has been.
fn imported(config: &Config, saved: &SavedKey) -> Option<CustomerKey> {
    if saved.check_value.is_some() || saved.conversations == 0 {
        return None;
    }
    let first = config.apps.iter().find_map(|app| app.app_secret.as_ref());
    first.map(CustomerKey::from_app_secret)
}

/// Where the key is.
struct KeyPath {
    path: PathBuf,
    /// In words: a configured path is not shown, because people put secrets where paths belong.
    shown: String,
}

/// `None` for a store in memory without a path.
fn path(config: &Config, location: &Location) -> Option<KeyPath> {
    if let Some(KeyFile(path)) = &config.trackers.key_file {
        return Some(KeyPath {
            path: path.clone(),
            shown: "the file it names".to_owned(),
        });
    }
    let Location::File(database) = location else {
        return None;
    };
    // Beside the file itself, whichever link leads to it.
    let database = fs::canonicalize(database).unwrap_or_else(|_| database.clone());
    let mut path = database.into_os_string();
    path.push(SUFFIX);
    let path = PathBuf::from(path);
    let shown = path.display().to_string();
    Some(KeyPath { path, shown })
}

fn generate() -> anyhow::Result<CustomerKey> {
    CustomerKey::generate()
        .map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))
}

/// The key in the file; `None` if there is no file.
fn read(place: &KeyPath) -> anyhow::Result<Option<CustomerKey>> {
    let KeyPath { path, shown } = place;
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!(
            "trackers.key_file: {shown} cannot be read ({error}); let the exporter's user read it, or give the path of \
             another file"
        ),
    };
    match CustomerKey::parse(&text) {
        Ok(key) => Ok(Some(key)),
        Err(error) => bail!("trackers.key_file: {shown} {error}; {CURE}"),
    }
}

fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: a pipe would keep us waiting.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Creates the file with this key, or a random one. If another exporter has created it meanwhile, that key is used.
fn create(place: &KeyPath, key: Option<CustomerKey>) -> anyhow::Result<CustomerKey> {
    let KeyPath { path, shown } = place;
    let key = key.map_or_else(generate, Ok)?;
    let created = write_new(path, key.file_text().expose_secret().as_bytes());
    let is_ours = created.with_context(|| {
        format!(
            "trackers.key_file: cannot create {shown}; let the exporter's user write there, or create the file by hand \
             (`openssl rand -hex 32`)"
        )
    })?;
    if is_ours {
        return Ok(key);
    }
    read(place)?.with_context(|| {
        format!("trackers.key_file: {shown} was removed while it was read; start again")
    })
}

/// Whoever reads the file finds all of it or none, also after a power cut. `false` if it exists already.
fn write_new(path: &Path, text: &[u8]) -> io::Result<bool> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut name = path.as_os_str().to_owned();
    // No other process has this number, and no other thread creates keys.
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(true).write(true);
    let written = options.mode(OWNER_ONLY).open(&draft).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    // Not renamed, which would replace the key of another exporter.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    // It may not have been created at all.
    drop(fs::remove_file(&draft));
    match linked {
        Ok(()) => File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn warn_if_readable_by_others(place: &KeyPath) {
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
    fn many_starters_agree_on_one_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = beside(folder.path(), "a.key");
        let path = &place.path;
        // One of them wins, as two processes would race: each has a draft of its own.
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
    fn what_is_no_key_is_refused_with_the_cure_and_not_shown() {
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
                "no hexadecimal",
            ),
        ] {
            fs::write(path, text).expect("room");
            let error = read(&place).expect_err("no key").to_string();
            let is_told =
                error.starts_with("trackers.key_file: ") && error.contains("openssl rand");
            assert!(is_told && error.contains(word), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
            assert_eq!(text_of(path), text.as_bytes(), "it is kept");
        }
        fs::remove_file(path).expect("it is there");
        fs::create_dir(path).expect("room");
        let error = read(&place).expect_err("a folder").to_string();
        assert!(error.contains("it is no regular file"), "{error}");
        let nowhere = create(&beside(folder.path(), "none/a.key"), None);
        let error = format!("{:#}", nowhere.expect_err("no folder"));
        assert!(
            error.starts_with("trackers.key_file: cannot create"),
            "{error}"
        );
    }
}
