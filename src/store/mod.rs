//! Owns the state, makes changes durable, and serves reads.
//!
//! Invariant: after [`Store::commit`] returns successfully, and not before, its events are on disk and in every later
//! snapshot. Everything in a snapshot is durable; a failed commit has changed nothing.

mod account_index;
mod applied;
mod campaign_rows;
mod committer;
pub mod copy;
mod copy_error;
mod counters;
mod customer_log;
mod database_error;
mod engine;
mod examination;
mod exported;
mod history;
pub mod inbox_events;
mod insights;
mod json;
mod kept_out;
mod loading;
mod location;
mod lookups;
mod notify_queue;
mod older_rows;
mod open_error;
mod opening;
mod others;
pub mod postgres;
mod published;
mod queue_reads;
mod readings;
mod refreshes;
mod relay_queue;
mod requests;
mod rows;
mod side_effect_permit;
mod signals;
mod sqlite;
mod template_rows;
mod unavailable;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

pub use copy_error::CopyError;
pub use counters::start_at_zero;
pub use engine::{SignalSpan, StoreErrorReason};
pub use examination::ReportError;
pub use history::{Cursor, HistoryQuery, HistoryReader, HistoryRow, Recent, Unreadable};
pub use insights::StoredInsights;
pub use location::Location;
pub use notify_queue::Signal;
pub use open_error::OpenError;
pub use published::ExportPermit;
pub use relay_queue::{
    Content, OthersCommand, OthersDeliveries, ParkedChange, QueuedDelivery, RelayDelivery,
    RelayQueueConfig, Settlement, Span,
};
pub use side_effect_permit::SideEffectPermit;
pub use unavailable::StoreUnavailable;

use crate::domain::AccountsOfApp;
use crate::telemetry::Examination;
use campaign_rows::CampaignRows;
use committer::CommitterRequest;
use engine::{RelayReader, ReportReader, SignalReader};
use examination::last_examination;
use others::Others;
use published::Published;

/// The store: the only copy of the state, shared by the whole process.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Published>,
    location: Location,
    history: HistoryReader,
    /// Accounts of other replicas with all their parts, for requests about any account.
    others: Option<Others>,
    /// Accounts of other replicas in the portfolios that this one exports, or decides about.
    portfolio_others: Option<Others>,
    campaigns: Option<CampaignRows>,
    reports: Option<Arc<dyn ReportReader>>,
    deliveries: Arc<dyn RelayReader>,
    signals: Arc<dyn SignalReader>,
    requests: mpsc::Sender<CommitterRequest>,
}

/// The stored data about the key for hashing customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedKey {
    /// The check value of the key in use so far.
    pub check_value: Option<String>,
    /// Whether conversations are stored, but no check value of the key that they were hashed with.
    pub has_unchecked_conversations: bool,
    /// Whether other replicas are connected, which use it.
    pub has_other_replicas: bool,
}

/// What this process reports to other replicas about itself.
#[derive(Clone, Debug, Default)]
pub struct ReplicaInfo {
    /// The address of its operator listener, for people.
    pub address: String,
    /// A hash of the settings that all replicas must share.
    pub config_hash: String,
}

/// Discovered accounts, by the name of their app.
pub type Discovered = BTreeMap<String, AccountsOfApp>;

impl Store {
    /// Sets how long a webhook may lag behind a poll before a change counts as drift.
    pub fn set_drift_grace(&self, grace: Duration) {
        let millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.shared.drift_grace_ms.store(millis, Ordering::Relaxed);
    }

    /// Reports this to other replicas from the next heartbeat on.
    pub fn set_replica(&self, replica: ReplicaInfo) {
        self.shared.replica.store(Arc::new(replica));
    }

    /// Whether deliveries are relayed. If not, their bodies need not be kept.
    #[must_use]
    pub fn is_relay_enabled(&self) -> bool {
        self.shared.is_relay_enabled.load(Ordering::Relaxed)
    }

    /// The location of the store.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The last examination by `doctor`. `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is not a report.
    pub async fn last_examination(&self) -> Result<Option<Examination>, ReportError> {
        last_examination(&self.location, self.reports.as_deref()).await
    }

    /// Queries of the history.
    #[must_use]
    pub fn history(&self) -> &HistoryReader {
        &self.history
    }

    /// Whether the store accepts commits.
    ///
    /// # Errors
    /// Why it does not.
    pub fn is_sound(&self) -> Result<(), StoreUnavailable> {
        if self.requests.is_closed() {
            return Err(StoreUnavailable::closed());
        }
        match self.shared.error.load().as_deref() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}
