//! What Meta says of each app's token and subscription, read at a cadence of its own.
//!
//! It is not stored: it has no history, and is asked anew within a moment after a start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::Budget;
use crate::clock;
use crate::domain::access::{Access, Accesses, Subscription, Token};
use crate::domain::{Collector, Word};
use crate::ingest::graph::{Calls, Client, Failure, FailureKind, Usage, is_callback};

/// What is known of every app, shared with whoever shows it.
#[derive(Debug, Default)]
pub struct AccessBoard(Mutex<Accesses>);

impl AccessBoard {
    /// What is known now.
    #[must_use]
    pub fn read(&self) -> Accesses {
        self.lock().clone()
    }

    fn note(&self, name: &str, access: Access) {
        self.lock().insert(name.to_owned(), access);
    }

    fn of(&self, name: &str) -> Access {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    /// Forgets the apps that are no longer configured.
    fn keep(&self, apps: &[WatchedApp]) {
        self.lock()
            .retain(|name, _| apps.iter().any(|app| app.name == *name));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Accesses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One app to be asked about.
#[derive(Debug)]
pub struct WatchedApp {
    /// What the operator calls it.
    pub name: String,
    /// The way to ask.
    pub client: Arc<Client>,
    /// Are its webhooks to come here?
    pub wants_webhooks: bool,
    /// Where they are to go, as Meta was told.
    pub callback_url: Option<Url>,
}

/// Reads every app's access again and again.
#[derive(Debug)]
pub struct AccessPoller {
    apps: Vec<WatchedApp>,
    every: Duration,
    board: Arc<AccessBoard>,
    calls: AppCalls,
    failing: BTreeMap<String, FailureKind>,
}

impl AccessPoller {
    /// A poller of these apps, within an hourly budget of its own; what is known of others is forgotten.
    #[must_use]
    pub fn new(
        apps: Vec<WatchedApp>,
        every: Duration,
        budget: Budget,
        board: Arc<AccessBoard>,
    ) -> Self {
        board.keep(&apps);
        Self {
            apps,
            every,
            board,
            calls: AppCalls::new(budget),
            failing: BTreeMap::new(),
        }
    }

    /// Reads until `stop`; a request under way is then dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_all() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// One after the other: an app takes two calls, and there are few apps.
    async fn read_all(&mut self) {
        for app in &self.apps {
            let before = self.board.of(&app.name);
            let (access, failure) = read(app, &before, &self.calls).await;
            tell(&app.name, &before, &access);
            self.board.note(&app.name, access);
            let kind = failure.as_ref().map(Failure::kind);
            if let Some(failure) = &failure
                && self.failing.get(&app.name) != kind.as_ref()
            {
                let (app, reason) = (&app.name, failure.kind().as_str());
                tracing::warn!(%app, reason, cure = %failure, "cannot ask about the app's access, what is known stays");
            }
            match kind {
                Some(kind) => self.failing.insert(app.name.clone(), kind),
                None => self.failing.remove(&app.name),
            };
        }
    }
}

/// Asks; what cannot be had now stays as it was.
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
    access.callback_matches = app.callback_url.as_ref().and_then(|expected| {
        let there = subscribed?.callback_url.as_deref();
        Some(there.is_some_and(|there| is_callback(there, expected)))
    });
    (access, failure)
}

/// Says what has changed: each of these is for an operator to act on.
fn tell(app: &str, before: &Access, after: &Access) {
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
            "the app is not subscribed to webhook fields, `subscribe` does it"
        );
    }
    if after.callback_matches == Some(false) && before.callback_matches != Some(false) {
        tracing::warn!(
            app,
            "the app's webhooks go to another address than webhook.callback_url"
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

/// The budget of calls about apps: as many an hour as an account has.
#[derive(Debug)]
pub struct AppCalls(Mutex<Budget>);

impl AppCalls {
    /// Within this budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self(Mutex::new(budget))
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
