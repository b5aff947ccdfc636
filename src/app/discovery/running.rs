//! The running searches of all apps, and their results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::search::FoundAccounts;
use super::searcher::{SearchResult, Searcher};
use crate::app::settings;
use crate::config::{AppConfig, Config, DiscoveryConfig};
use crate::ingest::graph::Client;
use crate::ingest::poll::AppCalls;
use crate::telemetry::Telemetry;

/// Capacity of the queue of search results.
const MAX_WAITING: usize = 16;

/// The running searches; dropping this ends them.
pub(in crate::app) struct Discovery {
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
    /// start at once; all others keep their schedule.
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
