//! Posts the changes that Meta reports to other systems, as CloudEvents or as text for Slack.
//!
//! Invariant: each change is posted to each receiver at least once, in the order of commits, until the receiver
//! accepts it, refuses it repeatedly, or it is too old. The store keeps the changes and each receiver's position, so
//! neither a restart nor a receiver that is down loses any. No commit waits for a receiver.
//!
//! Changes contain the business's own names and numbers, never customers' data.

mod cloudevents;
mod digest;
mod figures;
mod filter;
mod links;
mod message;
mod receiver;
mod slack;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use figures::forget_receiver;
pub use filter::Filter;
pub use links::alerts;
pub use receiver::{Format, Receiver};

use crate::domain::Assignments;
use crate::store::Store;
use crate::telemetry::Telemetry;
use worker::ReceiverWorker;

/// The accounts of each app, for the app's name in events.
pub type SharedAssignments = Arc<ArcSwap<Assignments>>;

/// The running notifications, one worker per receiver.
#[derive(Debug)]
pub struct Notify {
    stop: CancellationToken,
    workers: JoinSet<()>,
}

impl Notify {
    /// Starts a worker for each of these receivers. Changes older than `max_age` are dropped.
    #[must_use]
    pub fn start(
        receivers: Vec<Receiver>,
        max_age: Duration,
        assignments: &SharedAssignments,
        store: &Arc<Store>,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        for receiver in receivers {
            let (store, telemetry) = (Arc::clone(store), Arc::clone(telemetry));
            let assignments = Arc::clone(assignments);
            let worker = ReceiverWorker::new(receiver, max_age, assignments, store, telemetry);
            workers.spawn(worker.run(stop.clone()));
        }
        Self { stop, workers }
    }

    /// Waits until a worker ends, which they only do when stopped. Never returns without receivers.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        match self.workers.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Stops the workers: requests in flight get a short grace period, the other changes wait in the store.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        while self.workers.join_next().await.is_some() {}
    }
}
