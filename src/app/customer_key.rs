//! The file with the key for hashing customers. It is read, or created once, next to the database.
//!
//! The store keeps a check value of the key. If the key is missing or has changed, the exporter starts anyway,
//! because an exporter that does not start loses webhooks. Only open conversations, at most a day's, are dropped: no
//! response can be matched to them, so they would count as unanswered.

mod file;

use std::sync::Arc;

use anyhow::bail;

use super::{RunningSources, settings};
use crate::config::Config;
use crate::ingest::{CustomerHasher, CustomerKey};
use crate::store::{Location, SavedKey, Store, StoreErrorReason};
use crate::telemetry::Telemetry;
pub(super) use file::KeyFileUnavailable;
use file::KeyPath;

/// The hasher, with the key of this installation.
///
/// # Errors
/// If the key cannot be read or created, with what to do about it.
pub(super) async fn load(
    config: &Config,
    sources: &RunningSources,
    store: &Store,
    telemetry: &Telemetry,
) -> anyhow::Result<CustomerHasher> {
    let saved = store.customer_key().await?;
    let imported = imported(config, &saved);
    let expected = imported.as_ref().map(CustomerKey::check_value);
    let is_imported = expected.is_some();
    let expected = expected.or(saved.check_value.clone());
    let (key_file, location) = (config.trackers.key_file.clone(), store.location().clone());
    // A blocked file system must not keep the process from stopping.
    let environment = Arc::clone(&sources.environment);
    let reading = sources.configuration.read(environment, move |_| {
        let Some(place) = file::path(key_file, &location) else {
            return Ok(None);
        };
        let found = find(&place, &location)?;
        let was_missing = found.is_none();
        let key = found.map_or_else(|| file::create(&place, imported), Ok)?;
        file::warn_if_readable_by_others(&place);
        anyhow::Ok(Some((key, was_missing, place.shown)))
    });
    let found = reading.await.map_err(|error| KeyFileUnavailable {
        reason: StoreErrorReason::Io,
        message: format!("trackers.key_file: {error}"),
    })?;
    let Some((key, was_missing, shown)) = found? else {
        // The conversations of a store in memory end with the process too.
        return Ok(CustomerHasher::new(&generate()?));
    };
    let check_value = key.check_value();
    let is_same = expected.is_none_or(|expected| expected == check_value);
    if !is_same && saved.has_other_replicas {
        bail!(
            "trackers.key_file: the key in {shown} differs from the one of the other replicas; give all replicas the same \
             file. To replace the key, stop all replicas first; open conversations are dropped then"
        );
    }
    if saved.check_value.as_ref() != Some(&check_value) {
        let dropped = store.use_customer_key(check_value, is_same).await?;
        telemetry
            .conversations_dropped
            .set(i64::try_from(dropped).unwrap_or(i64::MAX));
        log_use(&shown, is_same, is_imported, was_missing, dropped);
    }
    Ok(CustomerHasher::new(&key))
}

/// Checks the file of the key as the start reads it, without creating it.
///
/// # Errors
/// If the exporter would not start, with what to do about it.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let location = settings::location(config);
    match file::path(config.trackers.key_file.clone(), &location) {
        Some(place) => find(&place, &location).map(drop),
        None => Ok(()),
    }
}

/// The key in the file; `None` if there is no file and the exporter can create one.
fn find(place: &KeyPath, location: &Location) -> anyhow::Result<Option<CustomerKey>> {
    let found = file::read(place)?;
    if found.is_none() && matches!(location, Location::Server(_)) {
        // Each replica would create a key of its own.
        bail!(
            "trackers.key_file: {} does not exist; write one key to a file (`openssl rand -hex 32`), and give the same file to each replica",
            place.shown
        );
    }
    Ok(found)
}

/// Logs that the store uses its first key, or another one than before.
fn log_use(file: &str, is_same: bool, is_imported: bool, was_missing: bool, dropped: u64) {
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

/// The key that version 0.1.0 derived from the secret of the first app. `None` if a later version has used the store.
fn imported(config: &Config, saved: &SavedKey) -> Option<CustomerKey> {
    if !saved.has_unchecked_conversations {
        return None;
    }
    let first = config.apps.iter().find_map(|app| app.app_secret.as_ref());
    first.map(CustomerKey::from_app_secret)
}

fn generate() -> anyhow::Result<CustomerKey> {
    CustomerKey::generate()
        .map_err(|error| anyhow::anyhow!("cannot get random numbers from the system: {error}"))
}
