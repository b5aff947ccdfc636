//! The polled accounts and their intervals, and a new plan for a running poller.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Poller;
use crate::domain::{Collector, Timestamp, WabaId, Word as _};
use crate::ingest::graph::Client;
use crate::ingest::poll::Cadences;

/// The app that polls an account.
#[derive(Clone, Debug)]
pub struct PollingApp {
    /// The app's configured name.
    pub name: Arc<str>,
    /// The app's client for the Graph API.
    pub client: Arc<Client>,
}

/// The polled accounts and their intervals.
#[derive(Clone, Debug)]
pub struct PollPlan {
    /// Each account with the app that polls it.
    pub apps: BTreeMap<WabaId, PollingApp>,
    /// Intervals of the collectors.
    pub cadences: Cadences,
}

/// Sends new plans to a running poller.
#[derive(Clone, Debug)]
pub struct PollPlanner(pub(super) mpsc::Sender<(PollPlan, oneshot::Sender<()>)>);

impl PollPlanner {
    /// Applies this plan from now on. Unchanged polls keep their places in the schedule, their backoff and their last
    /// failures. Returns once no poll of a removed account or collector can end any more.
    pub async fn follow(&self, plan: PollPlan) {
        let (done, is_done) = oneshot::channel();
        if self.0.send((plan, done)).await.is_ok() {
            // An error means that the poller has ended, and with it every poll.
            drop(is_done.await);
        }
    }
}

impl Poller {
    pub(super) fn follow(&mut self, plan: PollPlan, now: Timestamp) {
        let before = std::mem::replace(&mut self.apps, plan.apps);
        let mut restarted = Vec::new();
        for (waba_id, old) in &before {
            match self.apps.get(waba_id) {
                Some(new) if Arc::ptr_eq(&new.client, &old.client) && new.name == old.name => {}
                Some(_) => restarted.push(waba_id),
                None => self.schedule.remove(waba_id),
            }
        }
        let is_as_before = |waba_id: &WabaId| {
            let apps = (before.get(waba_id), self.apps.get(waba_id));
            matches!(apps, (Some(old), Some(new)) if Arc::ptr_eq(&new.client, &old.client) && new.name == old.name)
        };
        let joined = self.apps.keys();
        self.restore_budgets(joined.filter(|waba_id| !before.contains_key(waba_id)));
        self.tasks.retain(|_, (task, handle)| {
            // A poll that ended later would bring back the series of a collector that is off.
            let stays = is_as_before(&task.waba_id) && plan.cadences.polls(task.collector);
            if !stays {
                handle.abort();
            }
            stays
        });
        self.last_failure
            .retain(|task, _| is_as_before(&task.waba_id));
        self.late.retain(|task| is_as_before(&task.waba_id));
        self.too_much
            .retain(|waba_id| self.apps.contains_key(waba_id));
        self.schedule.restart(restarted, now);
        self.schedule.add(self.apps.keys().cloned(), now);
        self.schedule.set_cadences(plan.cadences, now);
        self.forget_ended_collectors();
    }

    /// Drops the state and the series of collectors that no longer poll.
    fn forget_ended_collectors(&mut self) {
        let cadences = *self.schedule.cadences();
        self.last_failure
            .retain(|task, _| cadences.polls(task.collector));
        self.late.retain(|task| cadences.polls(task.collector));
        let ended = Collector::ALL.iter().filter(|one| !cadences.polls(**one));
        for collector in ended {
            for (waba_id, app) in &self.apps {
                let polls = &self.telemetry.polls;
                polls.forget_collector(&app.name, waba_id, *collector);
            }
        }
    }
}
