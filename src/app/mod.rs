//! Wires it all: a configuration becomes a bound [`App`], and a bound app runs until told to stop.
//!
//! Binding and running are apart, so that whoever starts it knows the ports before anything moves.

pub mod backfill;
pub mod demo;
pub mod discovery;
pub mod doctor;
pub mod drill;
mod polling;
mod settings;
pub mod signals;
pub mod subscription;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, ConfigErrors, Environment, Flags, ListenAddress};
use crate::domain::WabaId;
use crate::expose::Options;
use crate::ingest::poll::{AccessBoard, Budgets, Nudge};
use crate::serve::drill::Drill;
use crate::serve::operator::{self, Operator, ReloadRequest};
use crate::serve::public::{self, Public, Secrets};
use crate::serve::{Listener, serve};
use crate::store::{Discovered, Store};
use crate::telemetry::Telemetry;

pub use backfill::backup;
use discovery::{Discovery, Found};
use polling::Polling;

/// Reloads that may wait for the one under way.
const MAX_RELOADS_WAITING: usize = 4;

/// Where the configuration is read from, again at each reload.
pub struct Source {
    /// The command line.
    pub flags: Flags,
    /// Variables and files.
    pub environment: Box<dyn Environment + Send + Sync>,
}

impl Source {
    /// Reads it all.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&self.flags, self.environment.as_ref())
    }
}

/// What everything that runs shares.
#[derive(Clone)]
struct Core {
    store: Arc<Store>,
    drill: Arc<Drill>,
    telemetry: Arc<Telemetry>,
    budgets: Arc<Mutex<Budgets>>,
    access: Arc<AccessBoard>,
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
    pub async fn bind(config: Config, source: Source) -> anyhow::Result<Self> {
        let operator = bind(&config.web.listen_address).await?;
        let public = match config
            .webhook
            .listen_address
            .as_ref()
            .filter(|_| config.webhook.enabled)
        {
            Some(address) => Some(bind(address).await?),
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
        let mut running = Running::start(source, config).await?;
        let operator_routes = running.operator_routes(reload, stop.clone());
        let public_routes = running.public_routes();
        let mut servers = serve_all((operator, operator_routes), (public, public_routes), &stop);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                ended = servers.join_next() => match ended {
                    // It ends because of the stop, which this loop may see later than it.
                    Some(Ok(Ok(()))) if stop.is_cancelled() => break,
                    ended => anyhow::bail!("a listener ended by itself: {ended:?}"),
                },
                found = running.discovery.found() => running.take_over(found).await,
                ended = running.polling.ended() => anyhow::bail!("the poller ended by itself: {ended:?}"),
                Some(answer) = reloads.recv() => {
                    let outcome = running.reload().await;
                    // Whoever asked may have gone away; the outcome is logged.
                    drop(answer.send(outcome));
                }
            }
        }
        tracing::info!("stopping");
        running.polling.stop().await?;
        while let Some(served) = servers.join_next().await {
            served.context("a listener broke down")??;
        }
        running.core.store.close().await;
        Ok(())
    }
}

type Servers = JoinSet<io::Result<()>>;

/// Serves both sides, on one port where the public side has none of its own.
fn serve_all(
    (operator, operator_routes): (Listener, Router),
    (public, public_routes): (Option<Listener>, Option<Router>),
    stop: &CancellationToken,
) -> Servers {
    let mut servers = Servers::new();
    tracing::info!(address = %operator.address(), "serving /metrics and the status page");
    let beside = match (public, public_routes) {
        (Some(listener), Some(routes)) => {
            tracing::info!(address = %listener.address(), "receiving webhooks");
            servers.spawn(serve(listener, routes, stop.clone()));
            Router::new()
        }
        (_, routes) => routes.unwrap_or_default(),
    };
    servers.spawn(serve(operator, operator_routes.merge(beside), stop.clone()));
    servers
}

/// Running, and what a reload changes of it.
struct Running {
    source: Source,
    /// As it was loaded.
    written: Config,
    /// With the accounts that were found: this is in force.
    config: Config,
    found: Discovered,
    discovery: Discovery,
    core: Core,
    options: Arc<ArcSwap<Options>>,
    secrets: Arc<ArcSwap<Secrets>>,
    nudge: Arc<ArcSwap<Nudge>>,
    polling: Polling,
}

impl Running {
    async fn start(source: Source, config: Config) -> anyhow::Result<Self> {
        let telemetry = Arc::new(Telemetry::new());
        let location = settings::location(&config);
        let kept_for = config.store.history_retention;
        let store = Store::open(&location, kept_for, Arc::clone(&telemetry)).await?;
        let store = Arc::new(store);
        let found = store.remembered().await?;
        let (written, config) = (config.clone(), discovery::with_found(&config, &found));
        store.watch(settings::accounts(&config).collect()).await?;
        let budgets = Arc::new(Mutex::new(Budgets::new(settings::budget(&config))));
        let core = Core {
            store,
            drill: Arc::default(),
            telemetry,
            budgets,
            access: Arc::default(),
        };
        let polling = Polling::start(&config, &core)?;
        let running = Self {
            options: Arc::new(ArcSwap::from_pointee(settings::options(&config))),
            secrets: Arc::new(ArcSwap::from_pointee(settings::secrets(&config))),
            nudge: Arc::new(ArcSwap::from_pointee(polling.nudge())),
            discovery: Discovery::start(&written, &core.telemetry)?,
            source,
            written,
            config,
            found,
            core,
            polling,
        };
        running.note_loaded();
        Ok(running)
    }

    fn operator_routes(
        &self,
        reload: mpsc::Sender<ReloadRequest>,
        stop: CancellationToken,
    ) -> Router {
        let Core {
            store,
            drill,
            telemetry,
            access,
            ..
        } = self.core.clone();
        operator::router(Operator {
            store,
            drill,
            access,
            telemetry,
            options: Arc::clone(&self.options),
            reload,
            stop,
        })
    }

    fn public_routes(&self) -> Option<Router> {
        let Core {
            store,
            drill,
            telemetry,
            ..
        } = self.core.clone();
        let (secrets, nudge) = (Arc::clone(&self.secrets), Arc::clone(&self.nudge));
        self.config.webhook.enabled.then(|| {
            public::router(Public {
                secrets,
                store,
                drill,
                telemetry,
                nudge,
            })
        })
    }

    /// Reads the configuration again; keeps the old one if the new one is not valid.
    async fn reload(&mut self) -> Result<(), String> {
        let outcome = match self.source.load() {
            Ok(written) => self
                .reload_as(written)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(errors) => Err(errors.to_string()),
        };
        match &outcome {
            Ok(()) => {
                self.note_loaded();
                tracing::info!("configuration reloaded");
            }
            Err(errors) => {
                self.core.telemetry.config_last_reload_successful.set(0);
                tracing::error!(%errors, "configuration not reloaded, the old one stays in force");
            }
        }
        outcome
    }

    async fn reload_as(&mut self, written: Config) -> anyhow::Result<()> {
        let discovery = Discovery::start(&written, &self.core.telemetry)?;
        let config = discovery::with_found(&written, &self.found);
        self.put_in_force(config).await?;
        (self.written, self.discovery) = (written, discovery);
        Ok(())
    }

    /// Watches what was found, and no longer what was not; remembers it for the next start.
    async fn take_over(&mut self, Found { app, accounts }: Found) {
        if self.found.get(&app) == Some(&accounts) {
            return;
        }
        let mut found = self.found.clone();
        found.insert(app.clone(), accounts.clone());
        let config = discovery::with_found(&self.written, &found);
        let outcome = match self.core.store.remember(&app, accounts).await {
            Ok(()) => self.put_in_force(config).await,
            Err(unavailable) => Err(unavailable.into()),
        };
        match outcome {
            Ok(()) => self.found = found,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    app,
                    error,
                    "the accounts found are not taken over, it will be tried again"
                );
            }
        }
    }

    async fn put_in_force(&mut self, config: Config) -> anyhow::Result<()> {
        if !config.listens_as(&self.config) {
            tracing::warn!(
                "listen addresses and webhook.enabled change with the next restart only"
            );
        }
        if !config.stores_as(&self.config) {
            tracing::warn!("the store's settings change with the next restart only");
        }
        // First, because it can fail; accounts that are watched already stay as they are.
        self.core
            .store
            .watch(settings::accounts(&config).collect())
            .await?;
        // Two pollers for a moment, rather than none if the new one cannot be made.
        let polling = Polling::start(&config, &self.core)?;
        std::mem::replace(&mut self.polling, polling).stop().await?;
        self.nudge.store(Arc::new(self.polling.nudge()));
        self.options.store(Arc::new(settings::options(&config)));
        self.secrets.store(Arc::new(settings::secrets(&config)));
        for waba_id in
            settings::accounts(&self.config).filter(|waba_id| !self.core.store.is_watched(waba_id))
        {
            tracing::info!(%waba_id, "account is no longer watched");
            self.core.telemetry.forget_account(&waba_id);
        }
        let before: BTreeSet<WabaId> = settings::accounts(&self.config).collect();
        for waba_id in settings::accounts(&config).filter(|waba_id| !before.contains(waba_id)) {
            tracing::info!(%waba_id, "account is watched from now on");
        }
        self.config = config;
        Ok(())
    }

    fn note_loaded(&self) {
        self.core.telemetry.config_last_reload_successful.set(1);
        self.core
            .telemetry
            .config_last_reload_success
            .set(clock::now().as_seconds_f64());
    }
}

/// Binds the first of the address' candidates that the machine has.
async fn bind(address: &ListenAddress) -> anyhow::Result<Listener> {
    let mut refused = None;
    for candidate in address.candidates() {
        match Listener::bind(candidate).await {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| anyhow::anyhow!("no address to listen on"), Into::into))
}
