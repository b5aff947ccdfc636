//! The loop around the schedule: starts due polls, records their outcomes, and sleeps until the next one.

mod outcome;
mod reload;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::reload::{PollPlan, PollPlanner, PollingApp};
use super::insights::{self, WAIT_FOR_LISTINGS};
use super::log_limiter::PollLogLimiter;
use super::once::{self, PollOutcome};
use super::{Budgets, Cadences, Deferral, DeferralReason, Schedule, Task};
use crate::clock;
use crate::domain::{Collector, Timestamp, WabaId, Word as _};
use crate::ingest::graph::{Client, FailureKind};
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Maximum number of concurrent polls. Each uses one connection and one page of a response. At a typical 250 ms per
/// call, ten thousand accounts at the default intervals need some fifteen. Their first polls, of six calls each, take
/// four minutes with this many, which is less than the interval of phone numbers.
const MAX_UNDER_WAY: usize = 64;

/// Capacity of the queue of poll requests. Beyond it, the schedule is about to check anyway.
const MAX_TRIGGERS: usize = 1_024;

/// Wait while the database does not confirm that this replica owns an account: it is down, or another replica polls the
/// account by now.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest sleep, if there is nothing to start or no slot for it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Moves polls forward. Cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub struct PollTrigger(mpsc::Sender<Task>);

impl PollTrigger {
    /// Requests an earlier poll. The request is dropped if there are too many.
    pub fn poll_soon(&self, waba_id: WabaId, collector: Collector) {
        // If the queue is full, the loop is about to check everything that is due.
        drop(self.0.try_send(Task { waba_id, collector }));
    }
}

/// Interval at which late polls are detected.
const CHECK_LATENESS_EVERY: Duration = Duration::from_secs(5);

/// Polls all accounts.
#[derive(Debug)]
pub struct Poller {
    apps: BTreeMap<WabaId, PollingApp>,
    schedule: Schedule,
    budgets: Arc<Mutex<Budgets>>,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    triggers: mpsc::Receiver<Task>,
    trigger: PollTrigger,
    plans: mpsc::Receiver<(PollPlan, oneshot::Sender<()>)>,
    planner: PollPlanner,
    under_way: JoinSet<(Timestamp, PollOutcome)>,
    tasks: HashMap<tokio::task::Id, (Task, AbortHandle)>,
    last_failure: BTreeMap<Task, FailureKind>,
    /// Polls that are shown as failed because they are late.
    late: BTreeSet<Task>,
    too_much: BTreeSet<WabaId>,
    log_limiter: PollLogLimiter,
}

impl Poller {
    /// Creates a poller of these accounts, each with its app.
    #[must_use]
    pub fn new(
        apps: BTreeMap<WabaId, PollingApp>,
        cadences: Cadences,
        budgets: Arc<Mutex<Budgets>>,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let accounts = apps.keys().cloned();
        let schedule = Schedule::new(accounts, cadences, fastrand::Rng::new(), clock::steady());
        let (sender, triggers) = mpsc::channel(MAX_TRIGGERS);
        // The sender of a plan waits until it is applied.
        let (planner, plans) = mpsc::channel(1);
        let poller = Self {
            apps,
            schedule,
            budgets,
            store,
            telemetry,
            triggers,
            trigger: PollTrigger(sender),
            plans,
            planner: PollPlanner(planner),
            under_way: JoinSet::new(),
            tasks: HashMap::new(),
            last_failure: BTreeMap::new(),
            late: BTreeSet::new(),
            too_much: BTreeSet::new(),
            log_limiter: PollLogLimiter::default(),
        };
        poller.restore_budgets(poller.apps.keys());
        poller
    }

    /// Counts what earlier owners of these accounts have spent.
    fn restore_budgets<'a>(&self, accounts: impl Iterator<Item = &'a WabaId>) {
        let (steady, now) = (clock::steady(), clock::now());
        let ahead = steady.as_millis() - now.as_millis();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        for waba_id in accounts {
            let account = self.store.account(waba_id);
            if let Some(spent) = account.as_ref().and_then(|account| account.spent_calls()) {
                let spent = spent.on_clock_ahead_by(ahead);
                budgets.for_account(waba_id).restore(&spent, steady);
            }
        }
    }

    /// Requests to poll earlier than scheduled.
    #[must_use]
    pub fn trigger(&self) -> PollTrigger {
        self.trigger.clone()
    }

    /// Channel for new plans.
    #[must_use]
    pub fn planner(&self) -> PollPlanner {
        self.planner.clone()
    }

    /// Polls until `stop`; requests in flight are then dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut lateness = interval(CHECK_LATENESS_EVERY);
        lateness.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_what_is_due();
            let wake = self.until_next_wake();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(ended) = self.under_way.join_next_with_id() => self.note(ended),
                Some(task) = self.triggers.recv() => self.schedule.poll_soon(&task, clock::steady()),
                Some((plan, done)) = self.plans.recv() => {
                    self.follow(plan, clock::steady());
                    // The sender of the plan may have stopped waiting.
                    let _ = done.send(());
                }
                _ = lateness.tick() => self.report_lateness(clock::steady()),
                () = tokio::time::sleep(wake) => {}
            }
        }
    }

    fn until_next_wake(&self) -> Duration {
        if self.under_way.len() >= MAX_UNDER_WAY {
            return LONGEST_SLEEP;
        }
        let wake = self.schedule.next_wake();
        wake.map_or(LONGEST_SLEEP, |wake| wake.since(clock::steady()))
            .min(LONGEST_SLEEP)
    }

    fn start_what_is_due(&mut self) {
        while self.under_way.len() < MAX_UNDER_WAY {
            let now = clock::steady();
            let Some(task) = self.schedule.take_due(now) else {
                return;
            };
            let Some(app) = self.apps.get(&task.waba_id) else {
                continue;
            };
            let client = Arc::clone(&app.client);
            match self.begin_in_budget(&task, now) {
                Ok(()) => self.start(task, client, now),
                Err(deferral) => self.put_off(&task, deferral),
            }
        }
    }

    fn start(&mut self, task: Task, client: Arc<Client>, now: Timestamp) {
        self.schedule.started(&task, now);
        let (store, budgets) = (Arc::clone(&self.store), Arc::clone(&self.budgets));
        let polled = task.clone();
        let before = self.last_failure.get(&task).copied();
        let insights = self.schedule.cadences().insights;
        let poll = async move {
            let outcome = once::poll(&polled, &client, &store, budgets, before, insights).await;
            (now, outcome)
        };
        let handle = self.under_way.spawn(poll);
        self.tasks.insert(handle.id(), (task, handle));
    }

    fn put_off(&mut self, task: &Task, Deferral { until, reason }: Deferral) {
        if !self.schedule.put_off(task, until, reason) {
            return;
        }
        let collector = task.collector.as_str();
        self.telemetry
            .polls_deferred
            .with_label_values(&[collector])
            .inc();
        let reason = reason.as_str();
        tracing::debug!(waba_id = %task.waba_id, collector, reason, "poll deferred");
    }

    fn begin_in_budget(&self, task: &Task, now: Timestamp) -> Result<(), Deferral> {
        if !self.store.exports_account(&task.waba_id) {
            return Err(Deferral {
                until: now.plus(ASK_AGAIN_AFTER),
                reason: DeferralReason::NotOwned,
            });
        }
        if task.collector == Collector::Insights && !self.is_listed(&task.waba_id) {
            let interval = self.schedule.cadences().insights.map(|one| one.interval);
            let wait = interval.map_or(WAIT_FOR_LISTINGS, |one| one.min(WAIT_FOR_LISTINGS));
            return Err(Deferral {
                until: now.plus(wait),
                reason: DeferralReason::NotListed,
            });
        }
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets
            .for_account(&task.waba_id)
            .begin(task.collector, now)
    }

    /// Whether the other collectors have read the account.
    fn is_listed(&self, waba_id: &WabaId) -> bool {
        let account = self.store.account(waba_id);
        account.is_some_and(|account| insights::can_be_planned(&account))
    }
}
