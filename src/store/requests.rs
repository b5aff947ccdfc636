//! Requests to the committer: changes that it commits, and settings that it applies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::committer::CommitterRequest;
use super::{
    Discovered, OthersCommand, OthersDeliveries, RelayDelivery, RelayQueueConfig, SavedKey,
    Settlement, Store, StoreUnavailable,
};
use crate::domain::track::Trackers;
use crate::domain::{AccountsOfApp, Event, WabaId};
use crate::state::Change;

/// Timeout of a commit for its caller. Meta also stops waiting for a response, and retries; if the commit succeeds
/// later, the retry is a duplicate.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Store {
    /// Watches exactly these accounts from now on, starting from their stored state.
    ///
    /// # Errors
    /// If the stored state cannot be read; nothing has changed then.
    pub async fn watch(&self, accounts: BTreeSet<WabaId>) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::Watch(accounts, answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Replaces the stored accounts that were discovered for an app.
    ///
    /// # Errors
    /// If they could not be made durable.
    pub async fn remember(&self, app: &str, found: AccountsOfApp) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::Remember(app.to_owned(), found, answer);
        self.send(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The accounts of each app at its last discovery.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn remembered(&self) -> Result<Discovered, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::Remembered(answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// The stored data about the key for hashing customers.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn customer_key(&self) -> Result<SavedKey, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::CustomerKey(answer)).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Stores the check value of the key that hashes customers from now on. Call it before accounts are watched:
    /// conversations of another key are dropped. Returns the number of dropped conversations.
    ///
    /// # Errors
    /// If it could not be made durable.
    pub async fn use_customer_key(
        &self,
        check_value: String,
        keep_conversations: bool,
    ) -> Result<u64, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::UseCustomerKey(check_value, keep_conversations, answer);
        self.send(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Commits these events. After it returns successfully, they are on disk. If this future is dropped, the events
    /// are committed nevertheless.
    ///
    /// # Errors
    /// If they could not be made durable in time.
    pub async fn commit(&self, events: Vec<Event>) -> Result<(), StoreUnavailable> {
        self.commit_with(events, None).await.map(drop)
    }

    /// Like [`commit`](Self::commit), together with a delivery for the relay, if any. Returns the effects of each
    /// event.
    ///
    /// # Errors
    /// If they could not be made durable in time.
    pub async fn commit_with(
        &self,
        events: Vec<Event>,
        delivery: Option<RelayDelivery>,
    ) -> Result<Vec<Change>, StoreUnavailable> {
        self.shared.check_stall()?;
        let (answer, outcome) = oneshot::channel();
        let committed = async {
            self.send(CommitterRequest::Commit(events, delivery, answer))
                .await?;
            outcome.await.map_err(|_| StoreUnavailable::closed())?
        };
        let committed = timeout(COMMIT_TIMEOUT, committed).await;
        committed.unwrap_or_else(|_| {
            self.shared.note_slow_commit(COMMIT_TIMEOUT);
            Err(StoreUnavailable::slow(COMMIT_TIMEOUT))
        })
    }

    /// Applies these settings of conversation metrics from the next commit on.
    ///
    /// # Errors
    /// If the store is closed.
    pub async fn track(&self, trackers: Arc<Trackers>) -> Result<(), StoreUnavailable> {
        self.send(CommitterRequest::Track(trackers)).await
    }

    /// Applies these settings of the relay. Deliveries that wait for other upstreams are dropped.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn configure_relay(
        &self,
        relay_config: RelayQueueConfig,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::ConfigureRelay(relay_config, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Commits the outcomes of deliveries to an upstream.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn settle(
        &self,
        upstream: &str,
        settlement: Settlement,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::Settle(upstream.to_owned(), settlement, answer);
        self.send(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Executes a command for the parked deliveries of other replicas. Their owners read the changed rows soon.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn command_others(
        &self,
        command: OthersCommand,
    ) -> Result<OthersDeliveries, StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::CommandOthers(command, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Keeps changes for exactly these receivers of notifications from now on. A receiver that the store does not
    /// know starts with the next change.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn notify(&self, receivers: Vec<String>) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        self.send(CommitterRequest::Notify(receivers, answer))
            .await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Commits that this receiver has accepted the changes up to this number, or that they are dropped for it.
    ///
    /// # Errors
    /// If that could not be made durable.
    pub async fn settle_signals(
        &self,
        receiver: &str,
        settled: i64,
    ) -> Result<(), StoreUnavailable> {
        let (answer, outcome) = oneshot::channel();
        let request = CommitterRequest::SettleSignals(receiver.to_owned(), settled, answer);
        self.send(request).await?;
        outcome.await.map_err(|_| StoreUnavailable::closed())?
    }

    /// Gives all shards to other replicas. Later commits go to their inboxes. A store of one process does not change.
    pub async fn leave(&self) {
        let (left, outcome) = oneshot::channel();
        if self.send(CommitterRequest::Leave(left)).await.is_ok() {
            // An error means that the store is closed already.
            drop(outcome.await);
        }
    }

    /// Finishes pending requests and closes the store; later commits fail.
    pub async fn close(&self) {
        self.history.close().await;
        self.deliveries.close().await;
        self.signals.close().await;
        let (closed, outcome) = oneshot::channel();
        if self
            .requests
            .send(CommitterRequest::Close(closed))
            .await
            .is_ok()
        {
            // An error means that the store is closed already.
            drop(outcome.await);
        }
    }

    pub(super) async fn send(&self, request: CommitterRequest) -> Result<(), StoreUnavailable> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| StoreUnavailable::closed())
    }
}
