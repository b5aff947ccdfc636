//! Starts the parts that need the store. If the store cannot be opened now, for example on a full disk, the listeners
//! serve without it and opening is retried. A crash loop would hide the reason, because `/metrics` would be down.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::customer_key::KeyFileUnavailable;
use super::gates::{self, Gates};
use super::running::RunningParts;
use super::sources::warn_of_log_changes;
use super::{FLUSH_REFUSALS_EVERY, RunningSources, settings};
use crate::clock;
use crate::config::Config;
use crate::serve::ReloadRequest;
use crate::serve::gate::Gate;
use crate::serve::outage::{self, Outage};
use crate::store::{self, OpenError, StoreErrorReason, StoreUnavailable};
use crate::telemetry::Telemetry;

/// Wait before the first retry; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Longest wait between attempts, and so the longest delay after space is available again.
const LONGEST_RETRY: Duration = Duration::from_secs(15);

/// Why the store could not be opened, if that can pass without intervention.
fn passing_reason(error: &anyhow::Error) -> Option<StoreErrorReason> {
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return error.passing_reason();
    }
    if let Some(error) = error.downcast_ref::<KeyFileUnavailable>() {
        return Some(error.reason);
    }
    // The store was opened, but then did not accept a commit.
    error.downcast_ref::<StoreUnavailable>()?.passing_reason()
}

/// Retries opening the store until it succeeds.
pub(super) struct StoreRetries {
    outage: Outage,
    last_error: String,
}

impl StoreRetries {
    /// Starts waiting after a failed start.
    ///
    /// # Errors
    /// The given error, if it does not pass without intervention.
    pub fn new(
        error: anyhow::Error,
        config: &Config,
        telemetry: &Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        store::start_at_zero(telemetry);
        let mut waiting = Self {
            outage: Outage {
                telemetry: Arc::clone(telemetry),
                options: settings::options(config),
                reason: Arc::default(),
            },
            last_error: String::new(),
        };
        waiting.note(error)?;
        Ok(waiting)
    }

    /// The operator's routes and the public routes while the store is not open.
    pub fn routes(
        &self,
        gate: &Arc<Gate>,
        reload: mpsc::Sender<ReloadRequest>,
        is_shared: bool,
    ) -> (Router, Router) {
        let operator = outage::operator_router(self.outage.clone(), gate, reload);
        let public = outage::public_router(self.outage.clone(), is_shared);
        (operator, public)
    }

    /// Counts and shows why the store cannot be opened, and logs it if the reason is new.
    fn note(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        let Some(reason) = passing_reason(&error) else {
            return Err(error);
        };
        let (error, reason) = (format!("{error:#}"), reason.as_str());
        let telemetry = &self.outage.telemetry;
        let failures = &telemetry.store_commit_failures;
        failures.with_label_values(&[reason]).inc();
        telemetry.store_up.set(0);
        if self.last_error != error {
            tracing::error!(
                reason,
                error,
                "could not open the store; refusing webhooks and pausing polls until it opens"
            );
            let text = format!(
                "The store cannot be opened ({reason}). Webhooks are refused, and Meta retries them; polls are \
                 paused. The exporter keeps retrying.\n{error}"
            );
            self.outage.reason.store(Arc::new(text));
            self.last_error = error;
        }
        Ok(())
    }

    /// Starts with this configuration, or with one that replaces it meanwhile. `None` if `stop` came first.
    ///
    /// # Errors
    /// If the start fails for a reason that does not pass without intervention.
    pub async fn wait_until_started(
        &mut self,
        config: &mut Config,
        sources: &RunningSources,
        gates: &Gates,
        reloads: &mut mpsc::Receiver<ReloadRequest>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<RunningParts>> {
        let mut flush = interval(FLUSH_REFUSALS_EVERY);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wait = FIRST_RETRY;
        let mut retry = Box::pin(sleep(wait));
        let telemetry = Arc::clone(&self.outage.telemetry);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                _ = flush.tick() => {
                    telemetry.refusals.flush(clock::steady());
                    continue;
                }
                Some(answer) = reloads.recv() => {
                    let Some(loaded) = stop.run_until_cancelled(sources.load()).await else {
                        return Ok(None);
                    };
                    let outcome = loaded.and_then(|loaded| replace(config, gates, loaded));
                    self.note_reload(config, sources, outcome.as_ref());
                    // The requester may have disconnected; the outcome is logged anyway.
                    drop(answer.send(outcome));
                }
                () = &mut retry => {}
            }
            let starting = RunningParts::start(sources.clone(), config.clone(), gates, &telemetry);
            match stop.run_until_cancelled(starting).await {
                None => return Ok(None),
                Some(Ok(running)) => {
                    tracing::info!("store opened");
                    return Ok(Some(running));
                }
                Some(Err(error)) => self.note(error)?,
            }
            wait = (wait * 2).min(LONGEST_RETRY);
            retry = Box::pin(sleep(wait));
        }
    }

    fn note_reload(
        &self,
        config: &Config,
        sources: &RunningSources,
        outcome: Result<&(), &String>,
    ) {
        let telemetry = &self.outage.telemetry;
        match outcome {
            Ok(()) => {
                sources.note_loaded(telemetry, config);
                tracing::info!("configuration reloaded");
            }
            Err(errors) => {
                sources.note_failed(telemetry);
                tracing::error!(%errors, "could not reload the configuration; keeping the current one");
            }
        }
    }
}

/// Replaces the configuration while only the listeners use the old one.
fn replace(config: &mut Config, gates: &Gates, new: Config) -> Result<(), String> {
    let changed = new.listener_changes(config);
    if !changed.is_empty() {
        let keys = changed.join(", ");
        return Err(format!("{keys}: restart to apply this change"));
    }
    let prepared = gates::prepare(&new).map_err(|error| format!("{error:#}"))?;
    gates.install(prepared);
    warn_of_log_changes(&new, config);
    *config = new;
    Ok(())
}

/// Routes that can be replaced while they are served.
#[derive(Clone, Default)]
pub(super) struct RouterSwitch(Arc<ArcSwap<Router>>);

impl RouterSwitch {
    /// Serves these routes from the next request on.
    pub fn set(&self, routes: Router) {
        self.0.store(Arc::new(routes));
    }

    /// A router that uses the routes current at the time of each request.
    pub fn router(&self) -> Router {
        let routes = Arc::clone(&self.0);
        Router::new().fallback(move |request: Request| {
            let routes = Router::clone(&routes.load());
            async move { routes.oneshot(request).await }
        })
    }
}
