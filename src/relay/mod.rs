//! Passes verified deliveries on, byte for byte with their signature, to applications behind this one.
//!
//! The store keeps each delivery until every upstream has taken it, so it arrives at least once, and
//! each account's in the order they came, over restarts too. What cannot be delivered is bounded by age
//! here and by size in the store. Nothing waits for an upstream: not the answer to Meta, not a signal.
//!
//! Bodies are customers' data. They are read for sending alone and never logged.

mod figures;
mod queue;
mod send;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use send::Upstream;

use crate::store::Store;
use crate::telemetry::Telemetry;
use worker::Worker;

/// The relays under way, one for each upstream.
#[derive(Debug)]
pub struct Relay {
    stop: CancellationToken,
    workers: JoinSet<()>,
}

impl Relay {
    /// Passes on to each of these what the store keeps for it. A delivery older than `max_age` is dropped.
    #[must_use]
    pub fn start(
        upstreams: Vec<Upstream>,
        max_age: Duration,
        store: &Arc<Store>,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        for upstream in upstreams {
            let worker = Worker::new(upstream, max_age, Arc::clone(store), Arc::clone(telemetry));
            workers.spawn(worker.run(stop.clone()));
        }
        Self { stop, workers }
    }

    /// Waits for one to end, which they do only when stopped; for ever if there is none.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        match self.workers.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Stops: what is being sent has a moment to arrive, the rest waits in the store.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        while self.workers.join_next().await.is_some() {}
    }
}
