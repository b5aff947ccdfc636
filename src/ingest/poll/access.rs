//! Polls each app's token and webhook subscription at their own interval.
//!
//! The result is not stored: it has no history, and is polled immediately after a start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Budget;
use crate::clock;
use crate::domain::access::{Access, AccessStates, Subscription, Token};
use crate::domain::{Collector, Word};
use crate::ingest::graph::{Calls, Client, Failure, FailureKind, Usage, callback_url, is_callback};

/// The access states of all apps, shared with their readers.
#[derive(Debug, Default)]
pub struct AccessRegistry(Mutex<AccessStates>);

impl AccessRegistry {
    /// The current access states.
    #[must_use]
    pub fn read(&self) -> AccessStates {
        self.lock().clone()
    }

    fn note(&self, name: &str, access: Access) {
        self.lock().insert(name.to_owned(), access);
    }

    fn get(&self, name: &str) -> Access {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    /// Forgets the apps that are no longer configured.
    fn keep(&self, apps: &[WatchedApp]) {
        self.lock()
            .retain(|name, _| apps.iter().any(|app| app.name == *name));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, AccessStates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One app whose access is polled.
#[derive(Clone, Debug)]
pub struct WatchedApp {
    /// The configured name.
    pub name: String,
    /// The client with the app's token.
    pub client: Arc<Client>,
    /// Whether the app's webhooks are expected at this exporter.
    pub wants_webhooks: bool,
    /// The expected callback URL.
    pub callback_url: Option<Url>,
}

impl WatchedApp {
    /// Whether results for `other` are valid for this app too.
    fn is_equivalent_to(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.client, &other.client)
            && self.wants_webhooks == other.wants_webhooks
            && self.callback_url == other.callback_url
    }
}

/// The polled apps, the interval, and the budget.
#[derive(Clone, Debug)]
pub struct AccessPlan {
    /// The apps, by name.
    pub apps: Vec<WatchedApp>,
    /// Interval of the polls of each app.
    pub every: Duration,
    /// Maximum number of calls per hour for each app.
    pub calls_per_hour: u32,
    /// Share of Meta's quota above which these calls wait.
    pub max_usage_ratio: f64,
}

/// Polls every app's access.
#[derive(Debug)]
pub struct AccessPoller {
    plan: AccessPlan,
    plans: watch::Receiver<AccessPlan>,
    board: Arc<AccessRegistry>,
    /// The calls of each app, because Meta limits each app alone.
    calls: BTreeMap<String, AppCalls>,
    failing: BTreeMap<String, FailureKind>,
    /// Time of the next and of the last poll of each app.
    due: BTreeMap<String, Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    next: Instant,
    last: Option<Instant>,
}

impl AccessPoller {
    /// A poller that follows the plans it receives, starting immediately, within an hourly budget for each app.
    #[must_use]
    pub fn new(mut plans: watch::Receiver<AccessPlan>, board: Arc<AccessRegistry>) -> Self {
        let plan = plans.borrow_and_update().clone();
        let mut poller = Self {
            plan: AccessPlan {
                apps: Vec::new(),
                ..plan.clone()
            },
            plans,
            board,
            calls: BTreeMap::new(),
            failing: BTreeMap::new(),
            due: BTreeMap::new(),
        };
        poller.follow(plan);
        poller
    }

    /// Polls until `stop`; requests in flight are then dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let next = self.due.values().map(|due| due.next).min();
            let next = next.unwrap_or_else(|| Instant::now() + self.plan.every);
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = self.plans.changed() => {
                    let plan = self.plans.borrow_and_update().clone();
                    self.follow(plan);
                }
                () = sleep_until(next) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.read_what_is_due() => {}
                    }
                }
            }
        }
    }

    /// Applies a plan. Unchanged apps keep their place in the schedule; new and changed ones are polled at once.
    fn follow(&mut self, plan: AccessPlan) {
        self.board.keep(&plan.apps);
        let (per_hour, ratio) = (plan.calls_per_hour, plan.max_usage_ratio);
        self.calls
            .retain(|name, _| plan.apps.iter().any(|app| app.name == *name));
        for app in &plan.apps {
            let calls = self.calls.entry(app.name.clone());
            let calls = calls.or_insert_with(|| AppCalls::new(Budget::new(per_hour, ratio)));
            calls.limit_to(per_hour, ratio);
        }
        let now = Instant::now();
        let mut due = BTreeMap::new();
        for app in &plan.apps {
            let mut before = self.plan.apps.iter();
            let before = before.find(|before| before.name == app.name);
            let is_as_before = before.is_some_and(|before| app.is_equivalent_to(before));
            let kept = self.due.get(&app.name).filter(|_| is_as_before);
            let own = match kept.copied() {
                None => Due {
                    next: now,
                    last: None,
                },
                Some(kept) if plan.every == self.plan.every => kept,
                Some(kept) => Due {
                    next: kept.last.map_or(kept.next, |last| last + plan.every),
                    ..kept
                },
            };
            due.insert(app.name.clone(), own);
        }
        self.failing.retain(|app, _| due.contains_key(app));
        self.due = due;
        self.plan = plan;
    }

    /// Polls the one app that has been due longest: that takes two calls, and a new plan waits for them.
    async fn read_what_is_due(&mut self) {
        let now = Instant::now();
        let due = self.due.iter().filter(|(_, due)| due.next <= now);
        let Some(name) = due
            .min_by_key(|(_, due)| due.next)
            .map(|(name, _)| name.clone())
        else {
            return;
        };
        let next = now + self.plan.every;
        self.due.insert(
            name.clone(),
            Due {
                next,
                last: Some(now),
            },
        );
        let Some(app) = self.plan.apps.iter().find(|app| app.name == name) else {
            return;
        };
        let before = self.board.get(&app.name);
        let Some(calls) = self.calls.get(&name) else {
            return;
        };
        let (access, failure) = read(app, &before, calls).await;
        log_changes(&app.name, &before, &access);
        self.board.note(&app.name, access);
        let kind = failure.as_ref().map(Failure::kind);
        if let Some(failure) = &failure
            && self.failing.get(&app.name) != kind.as_ref()
        {
            let (app, reason) = (&app.name, failure.kind().as_str());
            tracing::warn!(%app, reason, cure = %failure, "could not read the app's token and subscription; serving last known data");
        }
        match kind {
            Some(kind) => self.failing.insert(name, kind),
            None => self.failing.remove(&name),
        };
    }
}

/// Polls the app. Keeps the previous result of what cannot be read now.
async fn read(app: &WatchedApp, before: &Access, calls: &AppCalls) -> (Access, Option<Failure>) {
    let mut access = before.clone();
    let mut failure = None;
    match app.client.read_token(calls).await {
        Ok(token) => access.token = Some(token),
        Err(error) => failure = Some(error),
    }
    if app.wants_webhooks {
        match app.client.read_subscription(calls).await {
            Ok(subscription) => access.subscription = subscription,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    access.app_id = app.client.app_id();
    let subscribed = access.subscription.as_ref();
    let there = subscribed.and_then(|subscription| subscription.callback_url.as_deref());
    access.callback = there.and_then(callback_url);
    access.callback_matches = app.callback_url.as_ref().and_then(|expected| {
        let there = subscribed?.callback_url.as_deref();
        Some(there.is_some_and(|there| is_callback(there, expected)))
    });
    (access, failure)
}

/// Logs changes that need an operator.
fn log_changes(app: &str, before: &Access, after: &Access) {
    let is_valid = |access: &Access| access.token.as_ref().map(|token| token.is_valid);
    match (is_valid(before), is_valid(after)) {
        (Some(false), Some(false)) => {}
        (_, Some(false)) => tracing::error!(app, "meta no longer accepts the access token"),
        (Some(false), Some(true)) => tracing::info!(app, "meta accepts the access token again"),
        _ => {}
    }
    let scopes = newly(&missing_scopes(before), missing_scopes(after));
    if !scopes.is_empty() {
        let scopes = scopes.join(", ");
        tracing::warn!(app, scopes, "the access token lacks permissions");
    }
    let fields = newly(&missing_fields(before), missing_fields(after));
    if !fields.is_empty() {
        let fields = fields.join(", ");
        tracing::warn!(
            app,
            fields,
            "app is not subscribed to webhook fields; run `subscribe`"
        );
    }
    if after.callback_matches == Some(false) && before.callback_matches != Some(false) {
        tracing::warn!(
            app,
            "the app's callback URL differs from webhook.callback_url"
        );
    }
}

fn missing_scopes(access: &Access) -> Vec<&'static str> {
    let token = access.token.as_ref();
    token.map_or(vec![], Token::missing_scopes)
}

fn missing_fields(access: &Access) -> Vec<&'static str> {
    let subscription = access.subscription.as_ref();
    subscription.map_or(vec![], Subscription::missing_fields)
}

fn newly(before: &[&'static str], mut after: Vec<&'static str>) -> Vec<&'static str> {
    after.retain(|one| !before.contains(one));
    after
}

/// The budget of calls about apps, with the hourly limit of one account.
#[derive(Debug)]
pub struct AppCalls(Mutex<Budget>);

impl AppCalls {
    /// Calls within this budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self(Mutex::new(budget))
    }

    /// Changes the limits; earlier calls still count.
    pub fn limit_to(&self, calls_per_hour: u32, max_usage_ratio: f64) {
        self.budget().limit_to(calls_per_hour, max_usage_ratio);
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls for AppCalls {
    fn may_call(&self) -> bool {
        let taken = self.budget().take(Collector::Account, clock::steady());
        taken.is_ok()
    }

    fn used(&self, usage: &Usage) {
        self.budget()
            .note_usage(usage.ratio, usage.regain_after, clock::steady());
    }
}
