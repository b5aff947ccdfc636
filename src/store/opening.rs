//! Opens the store at its location, and starts its committer.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::campaign_rows::CampaignRows;
use super::committer::{Committer, CommitterRequest};
use super::counters::start_at_zero;
use super::engine::{AccountParts, Engine};
use super::others::Others;
use super::published::Published;
use super::{HistoryReader, Location, OpenError, ReplicaInfo, Store, older_rows, postgres, sqlite};
use crate::telemetry::Telemetry;

/// Maximum number of requests that wait for the running commit; further callers wait to send theirs.
const MAX_WAITING: usize = 1_024;

/// Interval at which a database that does not answer is detected.
const DETECT_STALLS_EVERY: Duration = Duration::from_secs(1);

impl Store {
    /// Opens the store at its location, and takes part at once if others share it. No account is watched yet.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open(
        location: &Location,
        keep_journal_for: Duration,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, OpenError> {
        let alone = ReplicaInfo::default();
        let store = Self::open_as(alone, location, keep_journal_for, telemetry).await?;
        store.join().await;
        Ok(store)
    }

    /// Opens the store at its location, as one of several replicas if it is on PostgreSQL, which takes no shards until
    /// it [joins](Self::join). No account is watched yet.
    ///
    /// # Errors
    /// If it cannot be opened, with what to do about it.
    pub async fn open_as(
        replica: ReplicaInfo,
        location: &Location,
        keep_journal_for: Duration,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, OpenError> {
        let mut database = open_engine(location).await?;
        start_at_zero(&telemetry);
        let shared = Arc::new(Published::new(telemetry, &mut *database, replica));
        let history = HistoryReader::new(&*database, keep_journal_for);
        let others = database.account_reader();
        let others = others.map(|reader| Others::new(reader, AccountParts::All));
        let portfolio_others = database.account_reader();
        let portfolio_others =
            portfolio_others.map(|reader| Others::new(reader, AccountParts::ForLimits));
        let campaigns = database.account_reader().map(CampaignRows::new);
        let reports = database.report_reader();
        let (deliveries, signals) = (database.relay_reader(), database.signal_reader());
        let committer = Committer::new(database, Arc::clone(&shared), keep_journal_for).await;
        let committer = committer.map_err(|error| OpenError::new(location.path(), error))?;
        shared.note_sound();
        let (requests, to_serve) = mpsc::channel(MAX_WAITING);
        tokio::spawn(committer.run(to_serve));
        if shared.is_shared() {
            tokio::spawn(detect_stalls(Arc::downgrade(&shared)));
        }
        Ok(Self {
            shared,
            location: location.clone(),
            history,
            others,
            portfolio_others,
            campaigns,
            reports,
            deliveries,
            signals,
            requests,
        })
    }

    /// Takes a share of the shards from now on, if others share the store. Call it when the accounts to watch and the
    /// queues are known: events of other accounts are dropped.
    pub async fn join(&self) {
        // A closed store takes nothing.
        drop(self.send(CommitterRequest::Join).await);
    }
}

/// Detects a database that does not answer, until the store is dropped.
async fn detect_stalls(shared: Weak<Published>) {
    let mut ticks = interval(DETECT_STALLS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.detect_stall();
    }
}

/// The engine of this location, with all rows in their present form.
async fn open_engine(location: &Location) -> Result<Box<dyn Engine>, OpenError> {
    if let Location::Server(options) = location {
        postgres::migrate(options).await?;
        let opened = postgres::Database::open((**options).clone()).await;
        let opened = opened.map_err(|error| postgres::MigrationError::failed(options, error))?;
        return Ok(Box::new(opened));
    }
    let mut database = sqlite::Database::open(location).await?;
    let moved = older_rows::move_older(&mut database).await;
    moved.map_err(|error| OpenError::new(location.path(), error))?;
    database.start_checkpoints();
    Ok(Box::new(database))
}
