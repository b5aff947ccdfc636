//! The poller's task: started, and at a reload replaced.

use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Core, settings};
use crate::config::Config;
use crate::ingest::poll::{Nudge, Poller};

/// A poller under way.
pub(super) struct Polling {
    nudge: Nudge,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Polling {
    /// Polls what the configuration says. Needs no more of an old poller than that it has stopped.
    pub fn start(config: &Config, core: &Core) -> anyhow::Result<Self> {
        let clients = settings::clients(config, &core.telemetry)?;
        let mut budgets = core.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.limit_to(config.poll.calls_per_hour, config.poll.max_usage_ratio);
        drop(budgets);
        let poller = Poller::new(
            clients,
            settings::cadences(config),
            Arc::clone(&core.budgets),
            Arc::clone(&core.store),
            Arc::clone(&core.telemetry),
        );
        let stop = CancellationToken::new();
        let nudge = poller.nudge();
        let task = tokio::spawn(poller.run(stop.clone()));
        Ok(Self { nudge, stop, task })
    }

    /// What moves these polls forward.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Waits for the poller to end, which it does only when stopped.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task).await.context("the poller broke down")
    }

    /// Stops it; requests under way are dropped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.ended().await
    }
}
