//! The loop around the schedule: starts due polls, records their outcomes, and sleeps until the next one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::insights::{self, WAIT_FOR_LISTINGS};
use super::log_limiter::{LogLine, PollLogLimiter};
use super::once::{self, PollOutcome};
use super::{Budgets, Cadences, Deferral, DeferralReason, NextPoll, Schedule, Task, planned_calls};
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
pub struct PollPlanner(mpsc::Sender<(PollPlan, oneshot::Sender<()>)>);

impl PollPlanner {
    /// Applies this plan from now on. What it does not change keeps its place in the schedule, its backoff and its
    /// last failure. Returns once no poll of a removed account can end any more.
    pub async fn follow(&self, plan: PollPlan) {
        let (done, is_done) = oneshot::channel();
        if self.0.send((plan, done)).await.is_ok() {
            // An error means that the poller has ended, and with it every poll.
            drop(is_done.await);
        }
    }
}

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

    fn follow(&mut self, plan: PollPlan, now: Timestamp) {
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
            let stays = is_as_before(&task.waba_id);
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

    /// Drops what is shown and remembered of collectors that no longer poll.
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

    /// Marks polls that have not started in time as failed, whatever their last outcome.
    fn report_lateness(&mut self, now: Timestamp) {
        for (task, reason) in self.schedule.take_late(now) {
            let Some(app) = self.apps.get(&task.waba_id) else {
                continue;
            };
            let polls = &self.telemetry.polls;
            polls.record(
                &app.name,
                &task.waba_id,
                task.collector,
                Some(reason.as_str()),
            );
            self.say(now, || log_late(&task, reason));
            self.late.insert(task);
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

    fn note(&mut self, ended: Result<(tokio::task::Id, (Timestamp, PollOutcome)), JoinError>) {
        let now = clock::steady();
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        // A poll whose account left, or is polled by another app, has been dropped.
        let Some((task, _)) = self.tasks.remove(&id) else {
            return;
        };
        match ended {
            Ok((_, (began, outcome))) => {
                self.record(&task, began, now, &outcome);
                self.log_change(&task, &outcome);
                self.note_plan(&task.waba_id);
                if outcome.next == NextPoll::HoldApp && !self.schedule.is_held(&task.waba_id, now) {
                    let reason = outcome.reason().unwrap_or_default();
                    self.hold_app(&task.waba_id, reason, now);
                }
                match outcome.next {
                    NextPoll::PutOff(until) => {
                        let reason = DeferralReason::BudgetSpent;
                        self.put_off(&task, Deferral { until, reason });
                    }
                    next => self.schedule.finished(&task, now, next),
                }
                if let NextPoll::LimitApp(_) = outcome.next {
                    let accounts = self.accounts_of_app(&task.waba_id);
                    self.schedule.limit_app(&accounts, &task.waba_id);
                }
            }
            Err(error) => {
                tracing::error!(%error, "poll panicked; retrying (this is a bug)");
                self.schedule.finished(&task, now, NextPoll::Retry);
            }
        }
    }

    /// Updates the metric of planned calls, now that more is known about the account. Warns of a plan that exceeds
    /// the budget, because its polls would fall ever further behind.
    fn note_plan(&mut self, waba_id: &WabaId) {
        let Some(account) = self.store.account(waba_id) else {
            return;
        };
        let (numbers, templates) = (account.numbers().count(), account.templates().count());
        let planned = planned_calls(self.schedule.cadences(), numbers, Some(templates));
        self.telemetry.quotas.note_planned(waba_id, planned);
        let gauge = &self.telemetry.graph_planned_calls;
        let shown = i64::try_from(planned).unwrap_or(i64::MAX);
        gauge.with_label_values(&[waba_id.as_str()]).set(shown);
        let budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = budgets.calls_per_hour();
        drop(budgets);
        if planned <= u64::from(allowed) {
            self.too_much.remove(waba_id);
        } else if self.too_much.insert(waba_id.clone()) {
            tracing::warn!(
                %waba_id, planned, allowed,
                "planned polls exceed poll.calls_per_hour and are delayed; lengthen poll.numbers_interval, poll.account_interval or poll.templates_interval"
            );
        }
    }

    /// Holds all polls of the app, because a rejection of its credentials applies to all its accounts. They are
    /// marked as failed without a call for each.
    fn hold_app(&mut self, waba_id: &WabaId, reason: &'static str, now: Timestamp) {
        let Some(app) = self.apps.get(waba_id) else {
            return;
        };
        let accounts = self.accounts_of_app(waba_id);
        for waba_id in &accounts {
            let cadences = self.schedule.cadences();
            for collector in Collector::ALL.iter().filter(|one| cadences.polls(**one)) {
                let polls = &self.telemetry.polls;
                polls.record(&app.name, waba_id, *collector, Some(reason));
            }
        }
        self.schedule.hold_app(&accounts, now);
    }

    /// The accounts that are polled with the same token.
    fn accounts_of_app(&self, waba_id: &WabaId) -> Vec<WabaId> {
        let Some(app) = self.apps.get(waba_id) else {
            return vec![];
        };
        let of_the_app = |(waba_id, other): (&WabaId, &PollingApp)| {
            Arc::ptr_eq(&app.client, &other.client).then(|| waba_id.clone())
        };
        self.apps.iter().filter_map(of_the_app).collect()
    }

    fn record(&self, task: &Task, began: Timestamp, now: Timestamp, outcome: &PollOutcome) {
        if let Some(app) = self.apps.get(&task.waba_id) {
            let polls = &self.telemetry.polls;
            polls.record(&app.name, &task.waba_id, task.collector, outcome.reason());
        }
        let collector = task.collector.as_str();
        let duration = self.telemetry.poll_duration.with_label_values(&[collector]);
        duration.observe(now.since(began).as_secs_f64());
    }

    /// Logs one line when a poll starts to fail, fails for another reason, or recovers, and none in between.
    fn log_change(&mut self, task: &Task, outcome: &PollOutcome) {
        let kind = outcome.failure.as_ref().map(|failure| failure.kind());
        let before = match kind {
            Some(kind) => self.last_failure.insert(task.clone(), kind),
            None => self.last_failure.remove(task),
        };
        let was_late = self.late.remove(task);
        if before == kind && !was_late {
            return;
        }
        self.say(clock::steady(), || log(task, outcome));
    }

    fn say(&mut self, now: Timestamp, log: impl FnOnce()) {
        match self.log_limiter.next_line(now) {
            LogLine::ThisPoll => log(),
            LogLine::FurtherSuppressed => tracing::warn!(
                "more polls started or stopped failing than are logged; see whatsapp_exporter_poll_up"
            ),
            LogLine::None => {}
        }
    }
}

fn log_late(task: &Task, reason: DeferralReason) {
    let (waba_id, collector) = (&task.waba_id, task.collector.as_str());
    let (reason, cure) = (reason.as_str(), reason.cure());
    tracing::warn!(%waba_id, collector, reason, cure, "poll is late; serving last known data");
}

fn log(task: &Task, outcome: &PollOutcome) {
    let (waba_id, collector) = (&task.waba_id, task.collector.as_str());
    match &outcome.failure {
        Some(failure) => {
            tracing::warn!(%waba_id, collector, reason = failure.kind().as_str(), cure = %failure, "poll failed; serving last known data");
        }
        None => tracing::info!(%waba_id, collector, "poll recovered"),
    }
}
