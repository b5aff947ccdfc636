//! Discovers the accounts that an app watches, at an interval.
//!
//! Only a complete search counts, in which every request succeeded. An account that it no longer finds is lost: Meta
//! sends no notification when a system user loses an assignment, so the account stays on the status page until it
//! returns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::settings;
use crate::clock;
use crate::config::{AppConfig, Config, DiscoveryConfig};
use crate::domain::{
    AccountSource, AccountsOfApp, AppAccounts, Assigned, Assignments, Timestamp, WabaId,
};
use crate::ingest::graph::{Calls, Client, Failure, FoundAccount};
use crate::ingest::poll::AppCalls;
use crate::store::Discovered;
use crate::telemetry::Telemetry;

/// Capacity of the queue of search results.
const MAX_WAITING: usize = 16;

/// Why a search has no result.
#[derive(Debug, Error)]
pub(super) enum SearchError {
    /// A request failed.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// The token's permissions list no accounts.
    #[error(
        "the token lists no accounts: it is granted for all accounts, or Meta rejects it; list the accounts, or set apps[].businesses"
    )]
    NotNamed,
}

/// The result of a complete search for an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FoundAccounts {
    /// The accounts to watch in addition to the configured ones.
    pub taken: BTreeMap<WabaId, AccountSource>,
    /// The accounts that `include` and `exclude` filter out.
    pub left_out: BTreeSet<WabaId>,
    /// The accounts that `include` filters out only because Meta did not send their names. Those that are already
    /// watched stay watched.
    pub unnamed: BTreeMap<WabaId, AccountSource>,
}

/// Searches for every account that this app can read.
///
/// # Errors
/// If any request failed.
pub(super) async fn search(
    app: &AppConfig,
    client: &Client,
    calls: &dyn Calls,
) -> Result<FoundAccounts, SearchError> {
    let mut accounts: Vec<(FoundAccount, AccountSource)> = Vec::new();
    if app.discovery.by_token {
        let named = client.accounts_of_token(calls).await?;
        let named = named.ok_or(SearchError::NotNamed)?.into_iter();
        accounts.extend(named.map(|account| (account, AccountSource::Token)));
    }
    for business in &app.discovery.businesses {
        let source = AccountSource::Business(business.clone());
        let owned = client.accounts_of_business(business, calls).await?;
        accounts.extend(owned.into_iter().map(|account| (account, source.clone())));
    }
    Ok(select_accounts(app, accounts))
}

/// The token's permissions list accounts without names; if a portfolio lists the same account, its name is
/// matched as well.
fn select_accounts(app: &AppConfig, accounts: Vec<(FoundAccount, AccountSource)>) -> FoundAccounts {
    let mut found = FoundAccounts::default();
    for (account, source) in accounts {
        if app.discovery.includes(&account.waba_id, &account.name) {
            found.taken.entry(account.waba_id).or_insert(source);
        } else if account.name.is_empty() && matches!(source, AccountSource::Business(_)) {
            found.unnamed.insert(account.waba_id, source);
        } else {
            found.left_out.insert(account.waba_id);
        }
    }
    let taken = &found.taken;
    found.left_out.retain(|id| !taken.contains_key(id));
    found.unnamed.retain(|id, _| !taken.contains_key(id));
    found
}

/// An app's accounts after a search. A lost account stays until it returns or is forgotten. An account that the
/// configuration filters out is not lost; it is removed.
pub(super) fn accounts_after_search(
    app: &AppConfig,
    before: &AccountsOfApp,
    found: &FoundAccounts,
) -> AccountsOfApp {
    let is_lost = |waba_id: &WabaId, assigned: &Assigned| {
        let is_found = found.taken.contains_key(waba_id)
            || found.left_out.contains(waba_id)
            || found.unnamed.contains_key(waba_id);
        !is_found && searches(app, &assigned.source) && !app.discovery.excludes(waba_id)
    };
    let mut accounts: AccountsOfApp = before
        .iter()
        .filter(|(waba_id, assigned)| is_lost(waba_id, assigned))
        .map(|(waba_id, before)| {
            let (source, is_lost) = (before.source.clone(), true);
            (waba_id.clone(), Assigned { source, is_lost })
        })
        .collect();
    let unnamed = found.unnamed.iter();
    let unnamed = unnamed.filter(|(waba_id, _)| before.contains_key(*waba_id));
    let taken = found.taken.iter().chain(unnamed);
    accounts.extend(taken.map(|(id, source)| (id.clone(), Assigned::from_source(source.clone()))));
    accounts
}

/// Whether the app's configuration still includes this source.
fn searches(app: &AppConfig, source: &AccountSource) -> bool {
    match source {
        AccountSource::Configured => false,
        AccountSource::Token => app.discovery.by_token,
        AccountSource::Business(business) => app.discovery.businesses.contains(business),
    }
}

/// The accounts of every app: configured, discovered and lost.
pub(super) fn assignments(config: &Config, discovered: &Discovered) -> Assignments {
    let apps = config.apps.iter().map(|app| {
        let found = discovered.get(&app.name).into_iter().flatten();
        // A lost account is removed together with the search that found it, or when `exclude` matches its id. All
        // others stay until the next search.
        let stays = |waba_id: &WabaId, one: &Assigned| {
            !one.is_lost || searches(app, &one.source) && !app.discovery.excludes(waba_id)
        };
        let found = found.filter(|(waba_id, one)| stays(waba_id, one));
        let found = found.filter(|_| app.discovery.is_on());
        let mut accounts: AccountsOfApp =
            found.map(|(id, one)| (id.clone(), one.clone())).collect();
        let listed = app.accounts.iter().cloned();
        let configured = || Assigned::from_source(AccountSource::Configured);
        accounts.extend(listed.map(|waba_id| (waba_id, configured())));
        AppAccounts {
            app: app.name.as_str().into(),
            accounts,
        }
    });
    Assignments::new(apps.collect())
}

/// A search result, its app, and the searcher that found it.
type SearchResult = (String, u64, FoundAccounts);

/// The running searches; dropping this ends them.
pub(super) struct Discovery {
    searchers: BTreeMap<String, AppSearch>,
    /// The budget of each app's searches. Earlier calls still count after a reload.
    calls: BTreeMap<String, Arc<AppCalls>>,
    sender: mpsc::Sender<SearchResult>,
    results: mpsc::Receiver<SearchResult>,
    number: u64,
}

/// The searcher of one app; dropping this ends it.
struct AppSearch {
    number: u64,
    discovery: DiscoveryConfig,
    client: Arc<Client>,
    every: watch::Sender<Duration>,
    _stop: DropGuard,
}

impl Discovery {
    /// Creates an empty set of searches.
    pub fn new() -> Self {
        let (sender, results) = mpsc::channel(MAX_WAITING);
        Self {
            searchers: BTreeMap::new(),
            calls: BTreeMap::new(),
            sender,
            results,
            number: 0,
        }
    }

    /// Runs the searches of every app that uses discovery and that this replica searches for. New and changed searches
    /// start at once; all others keep their place.
    pub fn follow(
        &mut self,
        config: &Config,
        clients: &[Arc<Client>],
        telemetry: &Arc<Telemetry>,
        searches: impl Fn(&AppConfig) -> bool,
    ) {
        let mut before = std::mem::take(&mut self.searchers);
        let every = config.poll.discovery_interval;
        for (app, client) in config.apps.iter().zip(clients) {
            if !(app.discovery.is_on() && searches(app)) {
                continue;
            }
            let kept = before.remove(&app.name).filter(|search| {
                Arc::ptr_eq(&search.client, client)
                    && search.discovery.is_same_search(&app.discovery)
            });
            let search = match kept {
                Some(search) => {
                    search
                        .every
                        .send_if_modified(|known| std::mem::replace(known, every) != every);
                    search
                }
                None => self.search(app, client, every, config, telemetry),
            };
            self.searchers.insert(app.name.clone(), search);
        }
        for app in before
            .keys()
            .filter(|app| !self.searchers.contains_key(*app))
        {
            // An error means that no search was complete, so there is nothing to remove.
            drop(telemetry.discovery_up.remove_label_values(&[app]));
            drop(telemetry.discovery_last_success.remove_label_values(&[app]));
        }
        for (app, calls) in &self.calls {
            if self.searchers.contains_key(app) {
                calls.limit_to(config.poll.calls_per_hour, config.poll.max_usage_ratio);
            }
        }
    }

    fn search(
        &mut self,
        app: &AppConfig,
        client: &Arc<Client>,
        every: Duration,
        config: &Config,
        telemetry: &Arc<Telemetry>,
    ) -> AppSearch {
        self.number += 1;
        let calls = self.calls.entry(app.name.clone());
        let calls = calls.or_insert_with(|| Arc::new(AppCalls::new(settings::budget(config))));
        let (every, interval) = watch::channel(every);
        let stop = CancellationToken::new();
        let searcher = Searcher {
            number: self.number,
            app: app.clone(),
            client: Arc::clone(client),
            calls: Arc::clone(calls),
            every: interval,
            results: self.sender.clone(),
            telemetry: Arc::clone(telemetry),
        };
        tokio::spawn(searcher.run(stop.clone()));
        AppSearch {
            number: self.number,
            discovery: app.discovery.clone(),
            client: Arc::clone(client),
            every,
            _stop: stop.drop_guard(),
        }
    }

    /// The next search result with its app. Never resolves if no app uses discovery.
    pub async fn found(&mut self) -> (String, FoundAccounts) {
        loop {
            match self.results.recv().await {
                Some((app, number, found)) => {
                    // A result of a searcher that was replaced meanwhile is outdated.
                    let search = self.searchers.get(&app);
                    if search.is_some_and(|search| search.number == number) {
                        return (app, found);
                    }
                }
                None => std::future::pending().await,
            }
        }
    }
}

/// The searches for one app.
struct Searcher {
    number: u64,
    app: AppConfig,
    client: Arc<Client>,
    calls: Arc<AppCalls>,
    every: watch::Receiver<Duration>,
    results: mpsc::Sender<SearchResult>,
    telemetry: Arc<Telemetry>,
}

impl Searcher {
    async fn run(mut self, stop: CancellationToken) {
        let app = self.app.name.clone();
        let mut failed = false;
        loop {
            let (began, started) = (clock::now(), Instant::now());
            let searched = tokio::select! {
                () = stop.cancelled() => return,
                searched = search(&self.app, &self.client, self.calls.as_ref()) => searched,
            };
            self.note(began, searched.is_ok());
            match searched {
                Ok(found) => {
                    if failed {
                        tracing::info!(app, "account discovery recovered");
                    }
                    failed = false;
                    let result = (app.clone(), self.number, found);
                    if self.results.send(result).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if !failed {
                        tracing::warn!(app, cure = %error, "account discovery failed; watching the known accounts");
                    }
                    failed = true;
                }
            }
            if !self.wait(started, failed, &stop).await {
                return;
            }
        }
    }

    /// Waits for the next search, even if a reload changes the interval meanwhile. Returns whether there is one.
    async fn wait(&mut self, started: Instant, failed: bool, stop: &CancellationToken) -> bool {
        loop {
            let every = *self.every.borrow_and_update();
            let next = started + interval(every, failed);
            tokio::select! {
                () = stop.cancelled() => return false,
                changed = self.every.changed() => {
                    // The sender is dropped together with the searches.
                    if changed.is_err() {
                        return false;
                    }
                }
                () = tokio::time::sleep_until(next) => return true,
            }
        }
    }

    fn note(&self, began: Timestamp, is_complete: bool) {
        let app = [self.app.name.as_str()];
        let up = self.telemetry.discovery_up.with_label_values(&app);
        up.set(is_complete.into());
        if is_complete {
            let last = self
                .telemetry
                .discovery_last_success
                .with_label_values(&app);
            last.set(began.as_seconds_f64());
        }
    }
}

/// The interval is shorter after a failure, because at the start nothing may be known yet.
fn interval(every: Duration, failed: bool) -> Duration {
    const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
    if failed {
        every.min(AFTER_A_FAILURE)
    } else {
        every
    }
}
