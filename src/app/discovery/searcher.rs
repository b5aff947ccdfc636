//! Repeats the search of one app at its interval.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::search::{FoundAccounts, search};
use crate::clock;
use crate::config::AppConfig;
use crate::domain::Timestamp;
use crate::ingest::graph::Client;
use crate::ingest::poll::AppCalls;
use crate::telemetry::Telemetry;

/// A search result, its app, and the searcher that found it.
pub(super) type SearchResult = (String, u64, FoundAccounts);

/// The searches for one app.
pub(super) struct Searcher {
    pub number: u64,
    pub app: AppConfig,
    pub client: Arc<Client>,
    pub calls: Arc<AppCalls>,
    pub every: watch::Receiver<Duration>,
    pub results: mpsc::Sender<SearchResult>,
    pub telemetry: Arc<Telemetry>,
}

impl Searcher {
    pub async fn run(mut self, stop: CancellationToken) {
        let app = self.app.name.clone();
        let mut failure: Option<String> = None;
        loop {
            let (began, started) = (clock::now(), Instant::now());
            let searched = tokio::select! {
                () = stop.cancelled() => return,
                searched = search(&self.app, &self.client, self.calls.as_ref()) => searched,
            };
            self.note(began, searched.is_ok());
            match searched {
                Ok(found) => {
                    if failure.take().is_some() {
                        tracing::info!(app, "account discovery recovered");
                    }
                    let result = (app.clone(), self.number, found);
                    if self.results.send(result).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let cure = error.to_string();
                    if failure.as_ref() != Some(&cure) {
                        tracing::warn!(
                            app,
                            cure,
                            "account discovery failed; watching the known accounts"
                        );
                    }
                    failure = Some(cure);
                }
            }
            if !self.wait(started, failure.is_some(), &stop).await {
                return;
            }
        }
    }

    /// Waits for the next search, even if a reload changes the interval meanwhile. Returns
    /// `false` after a stop.
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
