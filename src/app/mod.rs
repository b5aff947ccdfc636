//! Wires it all: a configuration becomes a bound [`App`], and a bound app runs until told to stop.
//!
//! Binding and running are apart, so that whoever starts it knows the ports before anything moves.

pub mod backfill;
pub mod command;
pub mod demo;
mod descriptors;
mod discovery;
pub mod doctor;
pub mod drill;
pub mod forget;
mod gates;
pub mod health;
mod losses;
mod own;
mod polling;
mod relaying;
mod running;
mod settings;
pub mod signals;
pub mod subscription;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, ConfigErrors, ConfigWarning, Environment, Flags, ListenAddress};
use crate::serve::gate::Gate;
use crate::serve::operator::ReloadRequest;
use crate::serve::{ClientRules, Limits, Listener, Site, serve, wrong_port};

pub use backfill::backup;
use gates::Gates;
use running::Running;

/// Capacity of the queue of reloads and `forget` requests.
const MAX_RELOADS_WAITING: usize = 4;

/// Interval at which counted refusals are checked for due log lines.
const FLUSH_REFUSALS_EVERY: Duration = Duration::from_secs(5);

/// Where the configuration is read from, again at each reload.
pub struct Source {
    /// The command line.
    pub flags: Flags,
    /// Variables and files.
    pub environment: Box<dyn Environment + Send + Sync>,
}

impl Source {
    /// Reads the configuration, and logs its warnings.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        let config = Config::load(&self.flags, self.environment.as_ref())?;
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

/// Bound, and not yet running.
pub struct App {
    source: Source,
    config: Config,
    operator: Listener,
    public: Option<Listener>,
    reload: mpsc::Sender<ReloadRequest>,
    reloads: mpsc::Receiver<ReloadRequest>,
}

impl App {
    /// Binds what the configuration says.
    ///
    /// # Errors
    /// If a port cannot be bound.
    pub fn bind(config: Config, source: Source) -> anyhow::Result<Self> {
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

    /// Where the operator's side listens.
    #[must_use]
    pub fn operator_address(&self) -> SocketAddr {
        self.operator.address()
    }

    /// Where webhooks are received.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public.as_ref().unwrap_or(&self.operator).address()
    }

    /// What a signal handler asks for a reload with.
    #[must_use]
    pub fn reload_requests(&self) -> mpsc::Sender<ReloadRequest> {
        self.reload.clone()
    }

    /// Could this configuration be served?
    ///
    /// # Errors
    /// If a certificate, its key or an authority is of no use.
    pub fn check(config: &Config) -> anyhow::Result<()> {
        gates::prepare(config).map(drop)
    }

    /// Polls, receives and serves until `stop`.
    ///
    /// # Errors
    /// If something that should run for ever ends by itself.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            source,
            config,
            operator,
            public,
            reload,
            mut reloads,
        } = self;
        descriptors::allow_many();
        let limits = settings::limits(&config);
        let mut running = Running::start(source, config).await?;
        running.log_start(operator.address(), public.as_ref().map(Listener::address));
        let operator_routes = running.operator_routes(reload, stop.clone());
        let (forget, mut forgets) = mpsc::channel(MAX_RELOADS_WAITING);
        let public_routes = running.public_routes(forget);
        let (operator, public) = ((operator, operator_routes), (public, public_routes));
        let mut servers = serve_all(operator, public, &running, &limits, &stop);
        let mut flush = interval(FLUSH_REFUSALS_EVERY);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                ended = servers.join_next() => match ended {
                    // It ends because of the stop, which this loop may see later than it.
                    Some(Ok(())) if stop.is_cancelled() => break,
                    ended => anyhow::bail!("a listener ended by itself: {ended:?}"),
                },
                (app, found) = running.discovery.found() => running.watch_discovered(&app, &found).await,
                files = running.watch.changed(running.source.environment.as_ref()) => running.take_web_files(files),
                ended = running.polling.ended() => anyhow::bail!("the poller ended by itself: {ended:?}"),
                ended = running.relay.ended() => anyhow::bail!("a relay ended by itself: {ended:?}"),
                Some((waba_id, answer)) = forgets.recv() => {
                    let outcome = running.forget(&waba_id).await;
                    // The requester may have disconnected; the outcome is logged anyway.
                    drop(answer.send(outcome));
                }
                _ = flush.tick() => running.core.telemetry.refusals.flush(clock::steady()),
                Some(answer) = reloads.recv() => {
                    let outcome = running.reload().await;
                    // The requester may have disconnected; the outcome is logged anyway.
                    drop(answer.send(outcome));
                }
            }
        }
        tracing::info!("stopping");
        running.polling.stop().await?;
        while let Some(served) = servers.join_next().await {
            served.context("a listener broke down")?;
        }
        running.core.telemetry.refusals.flush_all();
        running.relay.stop().await;
        running.core.store.close().await;
        Ok(())
    }
}

/// Serves both sides, on one port where the public side has none of its own.
fn serve_all(
    (operator, operator_routes): (Listener, Router),
    (public, public_routes): (Option<Listener>, Option<Router>),
    running: &Running,
    [web_limits, webhook_limits]: &[(Limits, ClientRules); 2],
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut servers = JoinSet::new();
    let mut start =
        |listener, gate: &Arc<Gate>, routes, (limits, clients): &(Limits, ClientRules)| {
            let site = Site {
                listener,
                gate: Arc::clone(gate),
                router: gate.site(routes),
                limits: *limits,
                clients: clients.clone(),
            };
            servers.spawn(serve(
                site,
                Arc::clone(&running.core.telemetry),
                stop.clone(),
            ));
        };
    let Gates { web, webhook } = &running.gates;
    tracing::info!(address = %operator.address(), "serving /metrics and the status page");
    let beside = match (public, public_routes) {
        (Some(listener), Some(routes)) => {
            tracing::info!(address = %listener.address(), "receiving webhooks");
            let right = listener.address().port();
            start(listener, webhook, webhook.guard(routes), webhook_limits);
            wrong_port::router(Arc::clone(&running.core.telemetry), right)
        }
        (_, routes) => routes.unwrap_or_default(),
    };
    let routes = web.guard(operator_routes).merge(beside);
    start(operator, web, routes, web_limits);
    servers
}

/// Binds the first of the address' candidates that the machine has.
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
