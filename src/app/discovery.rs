//! Finds the accounts that an app is to watch, again and again.
//!
//! Only a search in which every question was answered counts: an account is let go because Meta no longer
//! lists it, never because a call failed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::settings;
use crate::config::{AppConfig, Config};
use crate::domain::WabaId;
use crate::ingest::graph::{Calls, Client, Failure, FoundAccount};
use crate::ingest::poll::AppCalls;
use crate::store::Discovered;

/// Results that may wait to be taken over.
const MAX_WAITING: usize = 16;

/// Why a search brought nothing.
#[derive(Debug, Error)]
pub(super) enum SearchError {
    /// A question was not answered.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// The token's permissions name no accounts.
    #[error(
        "the token names no accounts: it is for all of them, or Meta refuses it; list the accounts, or set apps[].businesses"
    )]
    NotNamed,
}

/// Every account that this app is to watch beside those that are listed.
///
/// # Errors
/// If any question was left open.
pub(super) async fn search(
    app: &AppConfig,
    client: &Client,
    calls: &dyn Calls,
) -> Result<BTreeSet<WabaId>, SearchError> {
    let mut found: Vec<FoundAccount> = Vec::new();
    if app.discovery.by_token {
        let named = client.accounts_of_token(calls).await?;
        found.extend(named.ok_or(SearchError::NotNamed)?);
    }
    for business in &app.discovery.businesses {
        found.extend(client.accounts_of_business(business, calls).await?);
    }
    let taken = found
        .into_iter()
        .filter(|account| app.discovery.takes(&account.waba_id, &account.name));
    Ok(taken.map(|account| account.waba_id).collect())
}

/// What a search found for an app.
pub(super) struct Found {
    pub app: String,
    pub accounts: BTreeSet<WabaId>,
}

/// Searches under way; they end with this.
pub(super) struct Discovery {
    results: mpsc::Receiver<Found>,
    _stop: DropGuard,
}

impl Discovery {
    /// Searches for every app that wants it, the first time at once.
    pub fn start(config: &Config, clients: &[Arc<Client>]) -> Self {
        let (sender, results) = mpsc::channel(MAX_WAITING);
        let stop = CancellationToken::new();
        for (app, client) in config.apps.iter().zip(clients) {
            if app.discovery.is_on() {
                let searcher = Searcher {
                    app: app.clone(),
                    client: Arc::clone(client),
                    calls: AppCalls::new(settings::budget(config)),
                    every: config.poll.discovery_interval,
                    results: sender.clone(),
                };
                tokio::spawn(searcher.run(stop.clone()));
            }
        }
        Self {
            results,
            _stop: stop.drop_guard(),
        }
    }

    /// The next result; waits for ever where nothing is searched.
    pub async fn found(&mut self) -> Found {
        match self.results.recv().await {
            Some(found) => found,
            None => std::future::pending().await,
        }
    }
}

/// The searches for one app.
struct Searcher {
    app: AppConfig,
    client: Arc<Client>,
    calls: AppCalls,
    every: Duration,
    results: mpsc::Sender<Found>,
}

impl Searcher {
    async fn run(self, stop: CancellationToken) {
        let app = self.app.name.clone();
        let mut failed = false;
        loop {
            let searched = tokio::select! {
                () = stop.cancelled() => return,
                searched = search(&self.app, &self.client, &self.calls) => searched,
            };
            match searched {
                Ok(accounts) => {
                    if failed {
                        tracing::info!(app, "accounts are found again");
                    }
                    failed = false;
                    let app = app.clone();
                    if self.results.send(Found { app, accounts }).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if !failed {
                        tracing::warn!(app, cure = %error, "accounts cannot be looked for, those that are known stay");
                    }
                    failed = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.wait(failed)) => {}
            }
        }
    }

    /// After a failure sooner than usual: at the start nothing may be known yet.
    fn wait(&self, failed: bool) -> Duration {
        const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
        if failed {
            self.every.min(AFTER_A_FAILURE)
        } else {
            self.every
        }
    }
}

/// The configuration with what was found: to be watched like what is listed. An account that two apps find
/// is the first one's.
pub(super) fn with_found(config: &Config, found: &Discovered) -> Config {
    let mut config = config.clone();
    let mut taken: BTreeSet<WabaId> = settings::accounts(&config).collect();
    for app in config.apps.iter_mut().filter(|app| app.discovery.is_on()) {
        for waba_id in found.get(&app.name).into_iter().flatten() {
            if taken.insert(waba_id.clone()) {
                app.accounts.push(waba_id.clone());
            }
        }
    }
    config
}
