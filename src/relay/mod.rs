//! Forwards verified deliveries to upstream applications, byte for byte with their signature.
//!
//! The store keeps each delivery until every upstream has accepted it, so it arrives at least once. Order is kept
//! within a lane, across restarts: each conversation is a lane, and so is each management field of an account.
//! Deliveries of different lanes are in flight concurrently. A delivery that an upstream refuses repeatedly is parked
//! for an operator, and its lanes continue. Undeliverable deliveries are bounded by age here and by size in the
//! store. Neither the response to Meta nor any metric waits for an upstream.
//!
//! Bodies contain customers' data. They are read only for sending and never logged.

mod circuit;
mod control;
mod deadline;
mod figures;
mod lanes;
mod ledger;
mod notices;
mod others;
mod queue;
mod send;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use control::{Action, CommandError, Control, ParkedCommand, UpstreamReport};
pub use figures::forget_upstream;
pub use send::Upstream;

use crate::store::Store;
use crate::telemetry::Telemetry;
use worker::UpstreamWorker;

/// The running relays, one per upstream.
#[derive(Debug)]
pub struct Relay {
    stop: CancellationToken,
    workers: JoinSet<()>,
    control: Control,
}

impl Relay {
    /// Starts a worker for each of these upstreams. Deliveries older than `max_age` are dropped.
    #[must_use]
    pub fn start(
        upstreams: Vec<Upstream>,
        max_age: Duration,
        store: &Arc<Store>,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        let mut control = Control::default();
        for upstream in upstreams {
            let calls = control.add(&upstream.name);
            let (store, telemetry) = (Arc::clone(store), Arc::clone(telemetry));
            let worker = UpstreamWorker::new(upstream, max_age, store, telemetry, calls);
            workers.spawn(worker.run(stop.clone()));
        }
        Self {
            stop,
            workers,
            control,
        }
    }

    /// Channels to the running workers.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits until a worker ends, which they only do when stopped. Never returns without upstreams.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        match self.workers.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Stops the workers: deliveries in flight get a short grace period, the others wait in the store.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        while self.workers.join_next().await.is_some() {}
    }
}
