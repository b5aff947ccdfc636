//! Whether the store accepts commits, and why not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Published;
use crate::clock;
use crate::store::StoreUnavailable;
use crate::store::engine::StoreError;

/// The store is not sound if the last answered heartbeat is older. The lease ends earlier.
const STALLED_AFTER: Duration = Duration::from_secs(5);

impl Published {
    pub(in crate::store) fn note_sound(&self) {
        self.is_stalled.store(false, Ordering::Relaxed);
        self.telemetry.store_up.set(1);
        if self.error.swap(None).is_some() {
            tracing::info!("store accepts commits again");
        }
    }

    /// The database has answered, so it does not stall any more.
    pub(in crate::store) fn note_answer(&self) {
        if self.is_stalled.swap(false, Ordering::Relaxed) {
            self.note_sound();
        }
    }

    /// If the database has not answered a heartbeat for too long, the store is not sound: a commit waits, for example
    /// for a synchronous standby that is gone, and nothing fails.
    pub(in crate::store) fn detect_stall(&self) {
        let age = self
            .exports
            .as_ref()
            .and_then(|exports| exports.load().age(clock::since_boot()));
        if age.is_some_and(|age| age >= STALLED_AFTER) {
            self.note_stall(STALLED_AFTER);
        }
    }

    /// A commit of a store of one process has not ended in this time, for example because the disk hangs. Heartbeats
    /// detect it in a store of several replicas, where a single commit may wait for another replica.
    pub(in crate::store) fn note_slow_commit(&self, limit: Duration) {
        if !self.is_shared() {
            self.note_stall(limit);
        }
    }

    fn note_stall(&self, limit: Duration) {
        if self.error.load().is_none() {
            self.is_stalled.store(true, Ordering::Relaxed);
            self.note_error(&StoreError::slow(limit));
        }
    }

    /// While the database does not answer, a commit would only wait.
    pub(in crate::store) fn check_stall(&self) -> Result<(), StoreUnavailable> {
        match self.is_stalled.load(Ordering::Relaxed) {
            true => Err(StoreUnavailable::slow(STALLED_AFTER)),
            false => Ok(()),
        }
    }

    /// Counts the error, and logs it if its reason is new.
    pub(in crate::store) fn note_error(&self, error: &StoreError) -> StoreUnavailable {
        let reason = error.reason.as_str();
        let failures = &self.telemetry.store_commit_failures;
        failures.with_label_values(&[reason]).inc();
        self.telemetry.store_up.set(0);
        let unavailable = StoreUnavailable::failed(error);
        let before = self.error.swap(Some(Arc::new(unavailable.clone())));
        if before.as_deref() != Some(&unavailable) {
            tracing::error!(%error, reason, "store cannot commit; refusing webhooks until it recovers");
        }
        unavailable
    }
}
