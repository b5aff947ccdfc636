//! What runs, and what a reload or a search for accounts changes of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::discovery::{self, Discovery, Found};
use super::gates::{self, Gates, Watch, WebFiles};
use super::polling::Polling;
use super::{Source, relaying, settings};
use crate::clock;
use crate::config::Config;
use crate::domain::WabaId;
use crate::expose::Options;
use crate::ingest::graph::Client;
use crate::ingest::poll::{AccessBoard, Budgets, Nudge};
use crate::relay::{Relay, Upstream};
use crate::serve::Room;
use crate::serve::drill::Drill;
use crate::serve::operator::{self, Operator, ReloadRequest};
use crate::serve::public::{self, Public, Secrets};
use crate::store::{Discovered, Store};
use crate::telemetry::Telemetry;

/// What everything that runs shares.
#[derive(Clone)]
pub(super) struct Core {
    pub store: Arc<Store>,
    pub drill: Arc<Drill>,
    pub telemetry: Arc<Telemetry>,
    pub budgets: Arc<Mutex<Budgets>>,
    pub access: Arc<AccessBoard>,
}

/// Running, and what a reload changes of it.
pub(super) struct Running {
    pub source: Source,
    /// As it was loaded.
    written: Config,
    /// With the accounts that were found: this is in force.
    config: Config,
    found: Discovered,
    /// One for each app, in the configuration's order.
    clients: Vec<Arc<Client>>,
    pub discovery: Discovery,
    pub core: Core,
    pub gates: Gates,
    pub watch: Watch,
    options: Arc<ArcSwap<Options>>,
    secrets: Arc<ArcSwap<Secrets>>,
    nudge: Arc<ArcSwap<Nudge>>,
    pub polling: Polling,
    pub relay: Relay,
}

impl Running {
    /// Opens the store and begins to poll.
    ///
    /// # Errors
    /// If the store cannot be opened, or a client cannot be made.
    pub async fn start(source: Source, config: Config) -> anyhow::Result<Self> {
        let telemetry = Arc::new(Telemetry::new());
        log_signals(&telemetry, &config);
        let gates = Gates::new(&config, &telemetry)?;
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
        let clients = settings::clients(&written, &core.telemetry)?;
        let upstreams = relaying::prepare(&config.relay, &core).await?;
        core.store.track(settings::trackers(&config)).await?;
        let polling = Polling::start(&config, &clients, &core);
        let running = Self {
            relay: relay(&config, upstreams, &core),
            options: Arc::new(ArcSwap::from_pointee(settings::options(&config))),
            secrets: Arc::new(ArcSwap::from_pointee(settings::secrets(&config))),
            nudge: Arc::new(ArcSwap::from_pointee(polling.nudge())),
            discovery: Discovery::start(&written, &clients),
            watch: Watch::new(&config),
            gates,
            clients,
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

    pub fn operator_routes(
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

    pub fn public_routes(&self) -> Option<Router> {
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
                room: Room::default(),
            })
        })
    }

    /// Reads the configuration again; keeps the old one if the new one is not valid.
    pub async fn reload(&mut self) -> Result<(), String> {
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
        let clients = settings::clients(&written, &self.core.telemetry)?;
        let config = discovery::with_found(&written, &self.found);
        self.put_in_force(config, &clients).await?;
        self.discovery = Discovery::start(&written, &clients);
        (self.written, self.clients) = (written, clients);
        Ok(())
    }

    /// Puts the changed files of the listeners in force, and nothing else of the configuration.
    pub fn take_web_files(&mut self, files: WebFiles) {
        match self.try_web_files(files) {
            Ok(()) => {
                self.note_loaded();
                tracing::info!("certificates and passwords of the listeners read again");
            }
            Err(error) => {
                self.core.telemetry.config_last_reload_successful.set(0);
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "the listeners' files are not in force, the old ones stay"
                );
            }
        }
    }

    fn try_web_files(&mut self, files: WebFiles) -> anyhow::Result<()> {
        let [web, webhook] = files?;
        let mut config = self.config.clone();
        (config.web.file, config.webhook.file) = (web, webhook);
        self.gates.install(gates::prepare(&config)?);
        self.config = config;
        Ok(())
    }

    /// Watches what was found, and no longer what was not; remembers it for the next start.
    pub async fn take_over(&mut self, Found { app, accounts }: Found) {
        if self.found.get(&app) == Some(&accounts) {
            return;
        }
        let mut found = self.found.clone();
        found.insert(app.clone(), accounts.clone());
        let config = discovery::with_found(&self.written, &found);
        let outcome = match self.core.store.remember(&app, accounts).await {
            Ok(()) => {
                let clients = self.clients.clone();
                self.put_in_force(config, &clients).await
            }
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

    async fn put_in_force(
        &mut self,
        config: Config,
        clients: &[Arc<Client>],
    ) -> anyhow::Result<()> {
        if !config.listens_as(&self.config) {
            tracing::warn!(
                "listen addresses, most connections and webhook.enabled change with the next restart only"
            );
        }
        if !config.stores_as(&self.config) {
            tracing::warn!("the store's settings change with the next restart only");
        }
        let prepared = gates::prepare(&config)?;
        // First, because it can fail; accounts that are watched already stay as they are.
        self.core
            .store
            .watch(settings::accounts(&config).collect())
            .await?;
        self.core.store.track(settings::trackers(&config)).await?;
        if config.relay != self.config.relay {
            let upstreams = relaying::prepare(&config.relay, &self.core).await?;
            self.relay.stop().await;
            self.relay = relay(&config, upstreams, &self.core);
        }
        let polling = Polling::start(&config, clients, &self.core);
        std::mem::replace(&mut self.polling, polling).stop().await?;
        self.nudge.store(Arc::new(self.polling.nudge()));
        self.options.store(Arc::new(settings::options(&config)));
        self.secrets.store(Arc::new(settings::secrets(&config)));
        self.gates.install(prepared);
        self.watch = Watch::new(&config);
        log_signals(&self.core.telemetry, &config);
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

    /// Logs what runs, where it listens, and what it watches.
    pub fn log_start(&self, web: SocketAddr, webhook: Option<SocketAddr>) {
        let Config {
            store,
            apps,
            webhook: webhooks,
            ..
        } = &self.config;
        let accounts: BTreeSet<WabaId> = settings::accounts(&self.config).collect();
        let config_file = self.source.flags.config_file();
        let config_file = config_file.map(|path| path.display().to_string());
        let webhook_address = webhooks.enabled.then(|| webhook.unwrap_or(web).to_string());
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            revision = env!("BUILD_REVISION"),
            store = %store.url,
            config_file,
            apps = apps.len(),
            accounts = accounts.len(),
            web_address = %web,
            webhooks = webhooks.enabled,
            webhook_address,
            "starting"
        );
    }

    fn note_loaded(&self) {
        self.core.telemetry.config_last_reload_successful.set(1);
        self.core
            .telemetry
            .config_last_reload_success
            .set(clock::now().as_seconds_f64());
    }
}

fn log_signals(telemetry: &Telemetry, config: &Config) {
    let logs_signals = &telemetry.logs_signals;
    logs_signals.store(config.log.signals, Ordering::Relaxed);
}

fn relay(config: &Config, upstreams: Vec<Upstream>, core: &Core) -> Relay {
    Relay::start(
        upstreams,
        config.relay.max_age,
        &core.store,
        &core.telemetry,
    )
}
