//! The task of the pollers. It is started once and gets a new plan from each reload and each discovery that changes
//! something.

use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::settings;
use crate::config::Config;
use crate::domain::Assignments;
use crate::ingest::graph::Client;
use crate::ingest::poll::{AccessPlan, AccessPoller, PollPlan, PollPlanner, PollTrigger, Poller};
use crate::store::Store;

/// The running pollers.
pub(super) struct Polling {
    trigger: PollTrigger,
    planner: PollPlanner,
    access: watch::Sender<AccessPlan>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Polling {
    /// Starts polling according to the configuration.
    pub fn start(
        config: &Config,
        assignments: &Assignments,
        clients: &[Arc<Client>],
        core: &Core,
    ) -> Self {
        let (access, plans) = watch::channel(access_plan(config, clients));
        let access_poller = AccessPoller::new(plans, Arc::clone(&core.access));
        let PollPlan { apps, cadences } = poll_plan(config, assignments, clients, &core.store);
        let poller = Poller::new(
            apps,
            cadences,
            Arc::clone(&core.budgets),
            Arc::clone(&core.store),
            Arc::clone(&core.telemetry),
        );
        let stop = CancellationToken::new();
        let (trigger, planner) = (poller.trigger(), poller.planner());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::join!(poller.run(stopped.clone()), access_poller.run(stopped));
        });
        Self {
            trigger,
            planner,
            access,
            stop,
            task,
        }
    }

    /// Applies this configuration. What it does not change keeps its place in the schedule, and earlier calls still
    /// count.
    pub async fn follow(
        &self,
        config: &Config,
        assignments: &Assignments,
        clients: &[Arc<Client>],
        core: &Core,
    ) {
        let (calls, ratio) = (config.poll.calls_per_hour, config.poll.max_usage_ratio);
        let budgets = core.budgets.lock();
        budgets
            .unwrap_or_else(PoisonError::into_inner)
            .limit_to(calls, ratio);
        self.access.send_replace(access_plan(config, clients));
        let plan = poll_plan(config, assignments, clients, &core.store);
        self.planner.follow(plan).await;
    }

    /// Requests to poll earlier than scheduled.
    pub fn trigger(&self) -> PollTrigger {
        self.trigger.clone()
    }

    /// Waits until the pollers end, which they do only when stopped.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task).await.context("the poller failed")
    }

    /// Stops the pollers; requests in flight are dropped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.ended().await
    }
}

fn access_plan(config: &Config, clients: &[Arc<Client>]) -> AccessPlan {
    AccessPlan {
        apps: settings::watched_apps(config, clients),
        every: config.poll.access_interval,
        calls_per_hour: config.poll.calls_per_hour,
        max_usage_ratio: config.poll.max_usage_ratio,
    }
}

fn poll_plan(
    config: &Config,
    assignments: &Assignments,
    clients: &[Arc<Client>],
    store: &Store,
) -> PollPlan {
    PollPlan {
        apps: settings::polling_apps(assignments, clients, store),
        cadences: settings::cadences(config),
    }
}
