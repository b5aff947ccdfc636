//! Connects the parts: a configuration becomes a bound [`BoundExporter`], which runs until it is stopped.
//!
//! Binding and running are separate, so that the caller knows the ports before the app runs.

pub mod backfill;
pub mod command;
mod core;
mod customer_key;
pub mod demo;
mod descriptors;
mod discovery;
pub mod doctor;
pub mod drill;
pub mod forget;
mod gates;
pub mod health;
mod losses;
pub mod notify;
mod notifying;
mod own;
mod polling;
mod pushing;
mod reading;
pub mod relay;
mod relaying;
mod running;
pub mod send_gate;
mod settings;
pub mod signals;
mod starting;
mod store_copy;
pub mod subscription;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, ConfigErrors, ConfigWarning, Environment, Flags, ListenAddress};
use crate::serve::forget::{ForgetCall, ForgetError};
use crate::serve::{ClientRules, Limits, Listener, ReloadRequest, Site, serve, wrong_port};
use crate::telemetry::Telemetry;

pub use backfill::backup;
use gates::Gates;
use reading::{FileReader, SharedEnvironment};
use running::RunningParts;
use starting::{RouterSwitch, StoreRetries};
pub use store_copy::{CopiedTable, copy_store};

/// Capacity of the queue of reloads and `forget` requests.
const MAX_RELOADS_WAITING: usize = 4;

/// Time limit for requests and deliveries in flight after a stop. Each has its own grace period of 5 s; this limit
/// covers those that exceed it.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);

/// Time limit for closing the store. A commit that hangs is not acknowledged, so nothing is lost.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long shards are waited for that are acquired or released together.
const SHARDS_SETTLE_WITHIN: Duration = Duration::from_millis(200);

/// Wait before a failed change of the owned shards is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Interval at which counted refusals are checked for due log lines.
const FLUSH_REFUSALS_EVERY: Duration = Duration::from_secs(5);

/// The sources of the configuration, which each reload reads again.
pub struct ConfigSources {
    /// Flags of the command line.
    pub flags: Flags,
    /// Variables and files.
    pub environment: Box<dyn Environment + Send + Sync>,
}

impl ConfigSources {
    /// Reads the configuration, and logs its warnings.
    ///
    /// # Errors
    /// All errors of the configuration.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        let config = Config::load(&self.flags, self.environment.as_ref())?;
        log_warnings(&config);
        Ok(config)
    }
}

/// The sources of a running exporter, with the readers of its files.
#[derive(Clone)]
struct RunningSources {
    flags: Flags,
    environment: SharedEnvironment,
    configuration: FileReader,
    /// A separate reader, so that a blocked secret file does not prevent the reading of a renewed certificate.
    web_files: FileReader,
}

impl RunningSources {
    fn new(source: ConfigSources) -> Self {
        let environment: Box<dyn Environment + Send + Sync> = source.environment;
        Self {
            flags: source.flags,
            environment: environment.into(),
            configuration: FileReader::new(),
            web_files: FileReader::new(),
        }
    }

    /// Reads the configuration, and logs its warnings.
    ///
    /// # Errors
    /// All errors of the configuration, or the file that does not respond.
    async fn load(&self) -> Result<Config, String> {
        let flags = self.flags.clone();
        let load = move |environment: &dyn Environment| Config::load(&flags, environment);
        let loaded = self
            .configuration
            .read(Arc::clone(&self.environment), load)
            .await;
        let config = loaded
            .map_err(|blocked| blocked.to_string())?
            .map_err(|errors| errors.to_string())?;
        log_warnings(&config);
        Ok(config)
    }
}

/// Logs the warnings of the configuration.
pub fn log_warnings(config: &Config) {
    for ConfigWarning { place, message } in &config.warnings {
        tracing::warn!(
            place,
            problem = message,
            "unusual value in the configuration"
        );
    }
}

/// Records that a configuration was loaded, at the start or by a reload.
fn note_loaded(telemetry: &Telemetry, config: &Config) {
    telemetry.note_config(&config.shared_hash());
    telemetry.config_last_reload_successful.set(1);
    let now = clock::now().as_seconds_f64();
    telemetry.config_last_reload_success.set(now);
}

/// A bound exporter that does not run yet.
pub struct BoundExporter {
    source: ConfigSources,
    config: Config,
    operator: Listener,
    public: Option<Listener>,
    reload: mpsc::Sender<ReloadRequest>,
    reloads: mpsc::Receiver<ReloadRequest>,
}

impl BoundExporter {
    /// Binds the configured listeners.
    ///
    /// # Errors
    /// If a port cannot be bound.
    pub fn bind(config: Config, source: ConfigSources) -> anyhow::Result<Self> {
        let operator = bind(&config.web.listen_address)?;
        let public = match config
            .webhook
            .listen_address
            .as_ref()
            .filter(|_| config.webhook.enabled)
        {
            Some(address) => Some(bind(address)?),
            None => None,
        };
        let (reload, reloads) = mpsc::channel(MAX_RELOADS_WAITING);
        Ok(Self {
            source,
            config,
            operator,
            public,
            reload,
            reloads,
        })
    }

    /// Address of the operator listener.
    #[must_use]
    pub fn operator_address(&self) -> SocketAddr {
        self.operator.address()
    }

    /// Address at which webhooks are received.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public.as_ref().unwrap_or(&self.operator).address()
    }

    /// Channel for reload requests, for signal handlers.
    #[must_use]
    pub fn reload_requests(&self) -> mpsc::Sender<ReloadRequest> {
        self.reload.clone()
    }

    /// Checks that this configuration can be served.
    ///
    /// # Errors
    /// If a certificate, its key or an authority cannot be used.
    pub fn check(config: &Config) -> anyhow::Result<()> {
        gates::prepare(config).map(drop)
    }

    /// Polls, receives and serves until `stop`.
    ///
    /// # Errors
    /// If a part that should run until `stop` ends by itself.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            source,
            mut config,
            operator,
            public,
            reload,
            mut reloads,
        } = self;
        descriptors::allow_many();
        let limits = settings::limits(&config);
        let (sources, telemetry) = (RunningSources::new(source), Arc::new(Telemetry::new()));
        let gates = Gates::new(&config, &telemetry)?;
        note_loaded(&telemetry, &config);
        let addresses = (operator.address(), public.as_ref().map(Listener::address));
        let mut site = ServedListeners {
            listeners: Some((operator, public)),
            own_address: addresses.1,
            routes: <[RouterSwitch; 2]>::default(),
            gates: gates.clone(),
            limits,
            telemetry: Arc::clone(&telemetry),
            servers: JoinSet::new(),
            stop: stop.clone(),
        };
        let starting = RunningParts::start(sources.clone(), config.clone(), &gates, &telemetry);
        let Some(started) = stop.run_until_cancelled(starting).await else {
            tracing::info!("stopping");
            return Ok(());
        };
        let running = match started {
            Ok(running) => running,
            Err(error) => {
                let mut waiting = StoreRetries::new(error, &config, &telemetry)?;
                let (operator, public) =
                    waiting.routes(&gates.web, reload.clone(), addresses.1.is_none());
                site.serve(operator, Some(public).filter(|_| config.webhook.enabled));
                let started = waiting
                    .wait_until_started(&mut config, &sources, &gates, &mut reloads, &stop)
                    .await?;
                let Some(running) = started else {
                    tracing::info!("stopping");
                    return site.ended().await;
                };
                running
            }
        };
        running.log_start(addresses.0, addresses.1);
        let (forget, forgets) = mpsc::channel(MAX_RELOADS_WAITING);
        let operator = running.operator_routes(reload, stop.clone());
        let public = running.public_routes(forget);
        let receives = public.is_some();
        site.serve(operator, public);
        if let Some(address) = addresses.1.filter(|_| receives) {
            tracing::info!(%address, "receiving webhooks");
        }
        run_until_stopped(running, site, reloads, forgets, &stop).await
    }
}

/// Handles all events until `stop`.
async fn run_until_stopped(
    mut running: RunningParts,
    mut site: ServedListeners,
    mut reloads: mpsc::Receiver<ReloadRequest>,
    mut forgets: mpsc::Receiver<ForgetCall>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut flush = interval(FLUSH_REFUSALS_EVERY);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let store = Arc::clone(&running.core.store);
    let (mut shards, mut discovered) = (store.shards(), store.discovered_version());
    let mut commanded = store.relay_version();
    if store.is_shared() {
        // Some may have been acquired before the polls were planned.
        shards.mark_changed();
    }
    // A reload whose files are being read.
    let mut loading: Option<Loading> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            ended = site.servers.join_next() => match ended {
                // It ended because of the stop, which this loop may notice later.
                Some(Ok(())) if stop.is_cancelled() => break,
                ended => anyhow::bail!("a listener ended by itself: {ended:?}"),
            },
            (app, found) = running.discovery.found() => {
                let watched = running.watch_discovered(&app, &found);
                stop.run_until_cancelled(watched).await;
            }
            files = running.watch.changed(&running.sources) => running.take_web_files(files),
            ended = running.polling.ended() => anyhow::bail!("the poller ended by itself: {ended:?}"),
            ended = running.notify.ended() => anyhow::bail!("a notification worker ended by itself: {ended:?}"),
            ended = running.relay.ended() => anyhow::bail!("a relay ended by itself: {ended:?}"),
            Some((waba_id, answer)) = forgets.recv() => {
                let forgotten = stop.run_until_cancelled(running.forget(&waba_id)).await;
                let outcome = forgotten.unwrap_or(Err(ForgetError::Stopping));
                // The requester may have disconnected; the outcome is logged anyway.
                drop(answer.send(outcome));
            }
            Ok(()) = shards.changed() => {
                // A rebalance moves several, one after the other.
                sleep(SHARDS_SETTLE_WITHIN).await;
                shards.mark_unchanged();
                let followed = stop.run_until_cancelled(running.follow_shards()).await;
                if let Some(Err(error)) = followed {
                    tracing::error!(error = format!("{error:#}"), "could not follow the owned shards; trying again");
                    sleep(RETRY_EVERY).await;
                    shards.mark_changed();
                }
            }
            Ok(()) = discovered.changed() => {
                let followed = stop.run_until_cancelled(running.follow_discovered()).await;
                if let Some(Err(error)) = followed {
                    tracing::error!(error = format!("{error:#}"), "could not read the discovered accounts; trying again");
                    sleep(RETRY_EVERY).await;
                    discovered.mark_changed();
                }
            }
            Ok(()) = commanded.changed() => {
                let read = stop.run_until_cancelled(running.read_relay_again()).await;
                if let Some(Err(error)) = read {
                    tracing::error!(error = format!("{error:#}"), "could not read the changed deliveries of the relay; trying again");
                    sleep(RETRY_EVERY).await;
                    commanded.mark_changed();
                }
            }
            _ = flush.tick() => running.core.telemetry.refusals.flush(clock::steady()),
            Some(answer) = reloads.recv(), if loading.is_none() => {
                let sources = running.sources.clone();
                loading = Some((Box::pin(async move { sources.load().await }), answer));
            }
            loaded = loaded(&mut loading) => if let Some((_, answer)) = loading.take() {
                let Some(outcome) = stop.run_until_cancelled(running.reload(loaded)).await else {
                    break;
                };
                // The requester may have disconnected; the outcome is logged anyway.
                drop(answer.send(outcome));
            }
        }
    }
    tracing::info!("stopping");
    running.polling.stop().await?;
    let stopped_sending = async {
        // Concurrently, so that none delays another.
        let (relayed, notified) = tokio::join!(
            timeout(STOP_TIMEOUT, running.relay.stop()),
            timeout(STOP_TIMEOUT, running.notify.stop()),
        );
        if relayed.is_err() || notified.is_err() {
            tracing::warn!(
                "shutdown grace period ended with deliveries in flight; they stay in the store"
            );
        }
        // Other replicas go on while this one still answers requests in flight.
        store.leave().await;
    };
    let (ended, ()) = tokio::join!(site.ended(), stopped_sending);
    running.core.telemetry.refusals.flush_all();
    if timeout(CLOSE_TIMEOUT, running.core.store.close())
        .await
        .is_err()
    {
        tracing::warn!("store did not close in time; acknowledged data is on disk");
    }
    ended
}

/// A configuration that is being read, with the channel of the reload's requester.
type Loading = (
    Pin<Box<dyn Future<Output = Result<Config, String>> + Send>>,
    ReloadRequest,
);

/// The configuration that was read. Never resolves if none is being read.
async fn loaded(loading: &mut Option<Loading>) -> Result<Config, String> {
    match loading {
        Some((reading, _)) => reading.await,
        None => pending().await,
    }
}

/// The listeners with their routes.
struct ServedListeners {
    /// `None` after serving has started.
    listeners: Option<(Listener, Option<Listener>)>,
    /// Address of the public listener, if it has its own port.
    own_address: Option<SocketAddr>,
    /// The routes of the operator listener and of the public listener.
    routes: [RouterSwitch; 2],
    gates: Gates,
    limits: [(Limits, ClientRules); 2],
    telemetry: Arc<Telemetry>,
    servers: JoinSet<()>,
    stop: CancellationToken,
}

impl ServedListeners {
    /// Serves these routes from the next request on. Both share a port if there is no public listener. Starts the
    /// listeners at the first call.
    fn serve(&mut self, operator: Router, public: Option<Router>) {
        let Gates { web, webhook } = &self.gates;
        let [operator_routes, public_routes] = &self.routes;
        let beside = match (self.own_address, public) {
            (Some(address), Some(routes)) => {
                public_routes.set(webhook.guard(routes));
                wrong_port::router(Arc::clone(&self.telemetry), address.port())
            }
            (_, routes) => routes.unwrap_or_default(),
        };
        operator_routes.set(web.guard(operator).merge(beside));
        let Some((operator, public)) = self.listeners.take() else {
            return;
        };
        tracing::info!(address = %operator.address(), "serving /metrics and the status page");
        let gates = [Arc::clone(web), Arc::clone(webhook)];
        let listeners = [Some(operator), public];
        for (index, (listener, gate)) in listeners.into_iter().zip(gates).enumerate() {
            let Some(listener) = listener else { continue };
            let (limits, clients) = self.limits[index].clone();
            let site = Site {
                listener,
                router: gate.site(self.routes[index].router()),
                gate,
                limits,
                clients,
            };
            let (telemetry, stop) = (Arc::clone(&self.telemetry), self.stop.clone());
            self.servers.spawn(serve(site, telemetry, stop));
        }
    }

    /// Waits until requests in flight are completed, up to a time limit.
    async fn ended(&mut self) -> anyhow::Result<()> {
        let all_ended = async {
            while let Some(served) = self.servers.join_next().await {
                served.context("a listener failed")?;
            }
            Ok(())
        };
        // The listeners usually close their connections earlier.
        timeout(STOP_TIMEOUT, all_ended).await.unwrap_or(Ok(()))
    }
}

/// Binds the first candidate address that is available on this machine.
fn bind(address: &ListenAddress) -> anyhow::Result<Listener> {
    let mut refused = None;
    for candidate in address.candidates() {
        match Listener::bind(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| anyhow::anyhow!("no address to listen on"), Into::into))
}
