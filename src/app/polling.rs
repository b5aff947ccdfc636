//! The pollers' task: started, and at a reload replaced.

use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::running::Core;
use super::settings;
use crate::config::Config;
use crate::domain::Assignments;
use crate::ingest::graph::Client;
use crate::ingest::poll::{AccessPoller, Nudge, Poller};

/// The pollers under way.
pub(super) struct Polling {
    nudge: Nudge,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Polling {
    /// Polls what the configuration says. Needs no more of old pollers than that they have stopped.
    pub fn start(
        config: &Config,
        assignments: &Assignments,
        clients: &[Arc<Client>],
        core: &Core,
    ) -> Self {
        let mut budgets = core.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.limit_to(config.poll.calls_per_hour, config.poll.max_usage_ratio);
        drop(budgets);
        let access = AccessPoller::new(
            settings::watched_apps(config, clients),
            config.poll.access_interval,
            settings::budget(config),
            Arc::clone(&core.access),
        );
        let poller = Poller::new(
            settings::polling_apps(assignments, clients),
            settings::cadences(config),
            Arc::clone(&core.budgets),
            Arc::clone(&core.store),
            Arc::clone(&core.telemetry),
        );
        let stop = CancellationToken::new();
        let nudge = poller.nudge();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::join!(poller.run(stopped.clone()), access.run(stopped));
        });
        Self { nudge, stop, task }
    }

    /// What moves these polls forward.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Waits for the pollers to end, which they do only when stopped.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task).await.context("the poller broke down")
    }

    /// Stops it; requests under way are dropped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.ended().await
    }
}
