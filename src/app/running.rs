//! The running parts, and the changes that a reload or a discovery makes to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::discovery::{self, Discovery, FoundAccounts};
use super::gates::{self, Gates, LoadedWebFiles, Watch};
use super::polling::Polling;
use super::{
    RunningSources, customer_key, losses, note_loaded, notifying, pushing, relaying, settings,
};
use crate::config::{AppConfig, Config};
use crate::domain::{AccountsOfApp, Assignments, WabaId};
use crate::expose::Options;
use crate::ingest::CustomerHasher;
use crate::ingest::graph::Client;
use crate::ingest::poll::{Budgets, PollTrigger};
use crate::notify::Notify;
use crate::otlp::Target;
use crate::relay::{self, Relay, Upstream};
use crate::serve::forget::{ForgetCall, ForgetError};
use crate::serve::{
    BodyBudget, Operator, Public, ReloadRequest, Secrets, SendGate, keep_fresh, operator,
    portfolios, public,
};
use crate::store::{Discovered, Store};
use crate::telemetry::Telemetry;

/// The running parts that a reload changes.
pub(super) struct RunningParts {
    pub sources: RunningSources,
    config: Config,
    discovered: Discovered,
    assignments: Arc<ArcSwap<Assignments>>,
    /// The client of each app, in configuration order.
    clients: Vec<Arc<Client>>,
    pub discovery: Discovery,
    pub core: Core,
    pub gates: Gates,
    pub watch: Watch,
    options: Arc<ArcSwap<Options>>,
    send_gate: SendGate,
    customers: CustomerHasher,
    secrets: Arc<ArcSwap<Secrets>>,
    trigger: Arc<ArcSwap<PollTrigger>>,
    pub polling: Polling,
    pub relay: Relay,
    relay_control: Arc<ArcSwap<relay::Control>>,
    pub notify: Notify,
    /// The OTLP receiver to which the metrics are pushed.
    pub pushing: watch::Sender<Option<Target>>,
}

impl RunningParts {
    /// Opens the store and starts polling.
    ///
    /// # Errors
    /// If the store cannot be opened or does not accept commits, or a client cannot be built.
    pub async fn start(
        sources: RunningSources,
        config: Config,
        gates: &Gates,
        telemetry: &Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        log_signals(telemetry, &config);
        let location = settings::location(&config);
        let kept_for = config.store.history_retention;
        let replica = settings::replica(&config);
        let store = Store::open_as(replica, &location, kept_for, Arc::clone(telemetry)).await?;
        let store = Arc::new(store);
        let running = Self::with_store(sources, config, gates, telemetry, Arc::clone(&store)).await;
        if running.is_err() {
            // Otherwise the next attempt would find the store in use.
            store.close().await;
        }
        running
    }

    async fn with_store(
        sources: RunningSources,
        config: Config,
        gates: &Gates,
        telemetry: &Arc<Telemetry>,
        store: Arc<Store>,
    ) -> anyhow::Result<Self> {
        // Before any account is loaded, because conversations of another key are dropped.
        let customers = customer_key::load(&config, &sources, &store, telemetry).await?;
        let discovered = store.remembered().await?;
        let assignments = Arc::new(discovery::assignments(&config, &discovered));
        // Before any account is loaded, because what is due then counts at once.
        store.track(settings::trackers(&config)).await?;
        store
            .watch(assignments.accounts().cloned().collect())
            .await?;
        store.set_drift_grace(config.poll.drift_grace);
        let budgets = Arc::new(Mutex::new(Budgets::new(settings::budget(&config))));
        let core = Core {
            store,
            drill: Arc::default(),
            telemetry: Arc::clone(telemetry),
            budgets,
            access: Arc::default(),
        };
        let clients = settings::clients(&config, &core.telemetry)?;
        let upstreams = relaying::prepare(&config.relay, &core).await?;
        // Before the first poll, so that its changes are kept for new receivers too.
        let receivers = notifying::prepare(&config.notify, &core).await?;
        // Not earlier, because this replica would drop events of the inbox that it cannot handle yet.
        core.store.join().await;
        let polling = Polling::start(&config, &assignments, &clients, &core);
        let secrets = settings::secrets(&config, &assignments, &customers);
        let mut discovery = Discovery::new();
        discovery.follow(&config, &clients, &core.telemetry, |app| {
            core.store.exports_key(&app.name)
        });
        let relay = start_relay(&config, upstreams, &core);
        let assignments = Arc::new(ArcSwap::new(assignments));
        let notify = notifying::start(&config.notify, receivers, &assignments, &core);
        let options = Arc::new(ArcSwap::from_pointee(settings::options(&config)));
        let running = Self {
            relay_control: Arc::new(ArcSwap::from_pointee(relay.control())),
            relay,
            send_gate: SendGate {
                store: Arc::clone(&core.store),
                telemetry: Arc::clone(&core.telemetry),
                policy: Arc::new(ArcSwap::from_pointee(config.gate.to_policy())),
                access: Arc::clone(&core.access),
                assignments: Arc::clone(&assignments),
                options: Arc::clone(&options),
                unions: Arc::default(),
            },
            options,
            secrets: Arc::new(ArcSwap::from_pointee(secrets)),
            trigger: Arc::new(ArcSwap::from_pointee(polling.trigger())),
            discovery,
            assignments,
            notify,
            pushing: watch::Sender::new(pushing::target(&config)?),
            watch: Watch::new(&config),
            customers,
            gates: gates.clone(),
            clients,
            sources,
            config,
            discovered,
            core,
            polling,
        };
        losses::note(&running.core.store, &running.assignments.load_full()).await;
        running.start_counters();
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
        let operator = Operator {
            store,
            drill,
            access,
            telemetry,
            options: Arc::clone(&self.options),
            assignments: Arc::clone(&self.assignments),
            send_gate: self.send_gate.clone(),
            gate: Arc::clone(&self.gates.web),
            digests: Arc::default(),
            reload,
            stop,
        };
        // It ends with `stop`.
        tokio::spawn(keep_fresh(operator.clone()));
        tokio::spawn(portfolios::keep_read(operator.clone()));
        tokio::spawn(pushing::run(operator.clone(), self.pushing.subscribe()));
        operator::router(operator)
    }

    pub fn public_routes(&self, forget: mpsc::Sender<ForgetCall>) -> Option<Router> {
        let Core {
            store,
            drill,
            telemetry,
            ..
        } = self.core.clone();
        let (secrets, trigger) = (Arc::clone(&self.secrets), Arc::clone(&self.trigger));
        let relay = Arc::clone(&self.relay_control);
        let is_shared = self.config.webhook.listen_address.is_none();
        self.config.webhook.enabled.then(|| {
            let public = Public {
                secrets,
                store,
                drill,
                telemetry,
                trigger,
                send_gate: self.send_gate.clone(),
                forget,
                relay,
                wrong_apps: Arc::default(),
                previous_secrets: Arc::default(),
                body_budget: BodyBudget::default(),
            };
            public::router(public, is_shared)
        })
    }

    /// Applies a newly read configuration. Keeps the old one if the new one is not valid.
    pub async fn reload(&mut self, loaded: Result<Config, String>) -> Result<(), String> {
        let outcome = match loaded {
            Ok(config) => self
                .reload_as(config)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(errors) => Err(errors),
        };
        match &outcome {
            Ok(()) => {
                self.start_counters();
                note_loaded(&self.core.telemetry, &self.config);
                tracing::info!("configuration reloaded");
            }
            Err(errors) => {
                self.core.telemetry.config_last_reload_successful.set(0);
                tracing::error!(%errors, "could not reload the configuration; keeping the current one");
            }
        }
        outcome
    }

    async fn reload_as(&mut self, config: Config) -> anyhow::Result<()> {
        let telemetry = &self.core.telemetry;
        let clients = settings::clients_after(&self.config, &self.clients, &config, telemetry)?;
        for client in &clients {
            client.request_all_fields();
        }
        let assignments = discovery::assignments(&config, &self.discovered);
        self.put_in_force(config, assignments, &clients).await?;
        self.clients = clients;
        self.search_own_apps();
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }

    /// Runs the searches of the apps whose shard this replica owns.
    fn search_own_apps(&mut self) {
        let Core {
            store, telemetry, ..
        } = &self.core;
        self.discovery
            .follow(&self.config, &self.clients, telemetry, |app| {
                store.exports_key(&app.name)
            });
    }

    /// Polls, forwards and notifies for the shards that this replica owns from now on.
    ///
    /// # Errors
    /// If the store does not accept commits.
    pub async fn follow_shards(&mut self) -> anyhow::Result<()> {
        let assignments = self.assignments.load_full();
        let core = &self.core;
        let shards = core.store.shards().borrow().len();
        let polled = assignments.polled();
        let accounts = polled.filter(|(waba_id, _)| core.store.exports_account(waba_id));
        tracing::info!(
            shards,
            accounts = accounts.count(),
            "polling and exporting the owned shards"
        );
        self.polling
            .follow(&self.config, &assignments, &self.clients, core)
            .await;
        for (waba_id, index) in assignments.polled() {
            if !core.store.exports_account(waba_id) {
                let app = &assignments.apps()[index].app;
                core.telemetry.polls.forget(app, waba_id);
                core.telemetry.forget_account(waba_id);
                for client in &self.clients {
                    client.forget_account(waba_id);
                }
            }
        }
        self.search_own_apps();
        // Their queues are those of the owned shards.
        self.read_relay_again().await?;
        let core = &self.core;
        let receivers = notifying::prepare(&self.config.notify, core).await?;
        self.notify.stop().await;
        self.notify = notifying::start(&self.config.notify, receivers, &self.assignments, core);
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }

    /// Starts the relay anew from the stored deliveries of the owned shards, because they are others now, or because an
    /// operator has changed them at another replica.
    ///
    /// # Errors
    /// If the store does not accept commits.
    pub async fn read_relay_again(&mut self) -> anyhow::Result<()> {
        // First, because it would count deliveries as lost that the store no longer has.
        self.relay.stop().await;
        let core = &self.core;
        let upstreams = relaying::prepare(&self.config.relay, core).await?;
        self.relay = start_relay(&self.config, upstreams, core);
        self.relay_control.store(Arc::new(self.relay.control()));
        Ok(())
    }

    /// Watches the accounts that another replica has discovered since.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn follow_discovered(&mut self) -> anyhow::Result<()> {
        let discovered = self.core.store.remembered().await?;
        if discovered == self.discovered {
            return Ok(());
        }
        let assignments = discovery::assignments(&self.config, &discovered);
        let (config, clients) = (self.config.clone(), self.clients.clone());
        self.put_in_force(config, assignments, &clients).await?;
        self.discovered = discovered;
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }

    /// Applies the changed files of the listeners, without reloading the rest of the configuration.
    pub fn take_web_files(&mut self, files: LoadedWebFiles) {
        match self.try_web_files(files) {
            Ok(()) => {
                self.start_counters();
                note_loaded(&self.core.telemetry, &self.config);
                tracing::info!("reloaded the listeners' certificates and passwords");
            }
            Err(error) => {
                self.core.telemetry.config_last_reload_successful.set(0);
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "could not reload the listeners' certificates and passwords; keeping the current ones"
                );
            }
        }
    }

    fn try_web_files(&mut self, files: LoadedWebFiles) -> anyhow::Result<()> {
        let [web, webhook] = files?;
        let mut config = self.config.clone();
        (config.web.config_file, config.webhook.config_file) = (web, webhook);
        self.gates.install(gates::prepare(&config)?);
        self.config = config;
        Ok(())
    }

    /// Watches the discovered accounts, and stores them for the next start.
    pub async fn watch_discovered(&mut self, app: &str, found: &FoundAccounts) {
        let Some(config) = self.config.apps.iter().find(|config| config.name == app) else {
            return;
        };
        let before = self.discovered.get(app).cloned().unwrap_or_default();
        let after = discovery::accounts_after_search(config, &before, found);
        if after != before
            && let Err(error) = self.replace_accounts(app, after).await
        {
            let error = format!("{error:#}");
            tracing::error!(
                app,
                error,
                "could not watch the discovered accounts; retrying at the next discovery"
            );
        }
        // Also after a search without changes, because the previous commit may have failed.
        losses::note(&self.core.store, &self.assignments.load_full()).await;
    }

    /// Removes a lost account. The caller has authorized the request.
    ///
    /// # Errors
    /// If the account is not lost, or the store cannot commit the removal.
    pub async fn forget(&mut self, waba_id: &WabaId) -> Result<(), ForgetError> {
        let assignments = self.assignments.load_full();
        if !assignments.contains(waba_id) {
            return Err(ForgetError::Unknown);
        }
        if settings::accounts(&self.config).any(|listed| listed == *waba_id) {
            return Err(ForgetError::Listed);
        }
        if !assignments.lost().contains(waba_id) {
            return Err(ForgetError::NotLost);
        }
        for (app, mut accounts) in self.discovered.clone() {
            if accounts.remove(waba_id).is_some() {
                let forgotten = self.replace_accounts(&app, accounts).await;
                forgotten.map_err(|error| ForgetError::NotStored(format!("{error:#}")))?;
            }
        }
        tracing::info!(%waba_id, "lost account forgotten");
        Ok(())
    }

    async fn replace_accounts(&mut self, app: &str, accounts: AccountsOfApp) -> anyhow::Result<()> {
        let mut discovered = self.discovered.clone();
        discovered.insert(app.to_owned(), accounts.clone());
        self.core.store.remember(app, accounts).await?;
        let assignments = discovery::assignments(&self.config, &discovered);
        let (config, clients) = (self.config.clone(), self.clients.clone());
        self.put_in_force(config, assignments, &clients).await?;
        self.discovered = discovered;
        Ok(())
    }

    async fn put_in_force(
        &mut self,
        config: Config,
        assignments: Assignments,
        clients: &[Arc<Client>],
    ) -> anyhow::Result<()> {
        let changed = config.listener_changes(&self.config);
        if !changed.is_empty() {
            let keys = changed.join(", ");
            tracing::warn!(keys, "listener settings changed; restart to apply them");
        }
        if !config.stores_as(&self.config) {
            tracing::warn!("store settings or trackers.key_file changed; restart to apply them");
        }
        let prepared = gates::prepare(&config)?;
        let target = pushing::target(&config)?;
        let assignments = Arc::new(assignments);
        // First, because it can fail, and what is due of new accounts counts at once.
        self.core.store.track(settings::trackers(&config)).await?;
        // Accounts that are already watched do not change.
        let watched = assignments.accounts().cloned().collect();
        self.core.store.watch(watched).await?;
        self.core.store.set_drift_grace(config.poll.drift_grace);
        if config.relay != self.config.relay {
            let upstreams = relaying::prepare(&config.relay, &self.core).await?;
            self.relay.stop().await;
            self.relay = start_relay(&config, upstreams, &self.core);
            self.relay_control.store(Arc::new(self.relay.control()));
            relaying::forget_removed(&self.config.relay, &config.relay, &self.core.telemetry);
        }
        if config.notify != self.config.notify {
            let receivers = notifying::prepare(&config.notify, &self.core).await?;
            self.notify.stop().await;
            let (assignments, core) = (&self.assignments, &self.core);
            self.notify = notifying::start(&config.notify, receivers, assignments, core);
            notifying::forget_removed(&self.config.notify, &config.notify, &core.telemetry);
        }
        if config.otlp != self.config.otlp {
            self.pushing.send_replace(target);
        }
        self.core.store.set_replica(settings::replica(&config));
        let core = &self.core;
        self.polling
            .follow(&config, &assignments, clients, core)
            .await;
        self.options.store(Arc::new(settings::options(&config)));
        let policy = &self.send_gate.policy;
        policy.store(Arc::new(config.gate.to_policy()));
        let secrets = settings::secrets(&config, &assignments, &self.customers);
        self.secrets.store(Arc::new(secrets));
        self.gates.install(prepared);
        self.watch = Watch::new(&config);
        log_signals(&self.core.telemetry, &config);
        for app in &self.config.apps {
            if config.apps.iter().all(|now| now.name != app.name) {
                forget_previous_secret(&self.core.telemetry, app);
            }
        }
        self.config = config;
        let before = self.assignments.swap(assignments);
        self.note_assignments(&before, clients);
        Ok(())
    }

    /// Drops the series of accounts that are no longer watched or polled, and logs new accounts.
    fn note_assignments(&self, before: &Assignments, clients: &[Arc<Client>]) {
        let now = self.assignments.load();
        let polled: BTreeMap<&WabaId, usize> = now.polled().collect();
        for (waba_id, index) in before.polled() {
            let app = &before.apps()[index].app;
            let is_polled_by_it = polled
                .get(waba_id)
                .is_some_and(|index| now.apps()[*index].app == *app);
            if !is_polled_by_it {
                self.core.telemetry.polls.forget(app, waba_id);
            }
            if !polled.contains_key(waba_id) {
                self.core.telemetry.forget_quota(waba_id);
            }
        }
        for waba_id in before.accounts().filter(|waba_id| !now.contains(waba_id)) {
            tracing::info!(%waba_id, "stopped watching account");
            self.core.telemetry.forget_account(waba_id);
            for client in clients {
                client.forget_account(waba_id);
            }
        }
        for waba_id in now.accounts().filter(|waba_id| !before.contains(waba_id)) {
            let app = now.app_of(waba_id).map(AsRef::as_ref);
            tracing::info!(%waba_id, app, "watching account");
        }
    }

    /// Logs version, listen addresses, and the number of apps and accounts.
    pub fn log_start(&self, web: SocketAddr, webhook: Option<SocketAddr>) {
        let Config {
            store,
            apps,
            web: own_web,
            webhook: webhooks,
            ..
        } = &self.config;
        let external_url = own_web.external_url.as_ref().map(|url| url.as_str());
        let accounts = self.assignments.load().accounts().count();
        let config_file = self.config.file.as_ref();
        let config_file = config_file.map(|path| path.display().to_string());
        let webhook_address = webhooks.enabled.then(|| webhook.unwrap_or(web).to_string());
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            revision = env!("BUILD_REVISION"),
            store = %store.url,
            config_file,
            apps = apps.len(),
            accounts,
            web_address = %web,
            external_url,
            webhooks = webhooks.enabled,
            webhook_address,
            "starting"
        );
    }

    /// Initializes the apps' counters to 0, so that `increase()` sees the first increment.
    fn start_counters(&self) {
        for app in &self.config.apps {
            let ignored = &self.core.telemetry.webhook_wrong_app;
            ignored.with_label_values(&[app.name.as_str()]);
            note_previous_secret(&self.core.telemetry, app);
        }
    }
}

/// The counter exists while the app has a previous secret, which shows that it is still configured.
fn note_previous_secret(telemetry: &Telemetry, app: &AppConfig) {
    let accepted = &telemetry.webhook_previous_secret;
    if app.app_secret_previous.is_some() {
        accepted.with_label_values(&[app.name.as_str()]);
    } else {
        forget_previous_secret(telemetry, app);
    }
}

fn forget_previous_secret(telemetry: &Telemetry, app: &AppConfig) {
    let accepted = &telemetry.webhook_previous_secret;
    // An error means that the series did not exist.
    drop(accepted.remove_label_values(&[app.name.as_str()]));
}

fn log_signals(telemetry: &Telemetry, config: &Config) {
    let logs_signals = &telemetry.logs_signals;
    logs_signals.store(config.log.signals, Ordering::Relaxed);
}

fn start_relay(config: &Config, upstreams: Vec<Upstream>, core: &Core) -> Relay {
    Relay::start(
        upstreams,
        config.relay.max_age,
        &core.store,
        &core.telemetry,
    )
}
