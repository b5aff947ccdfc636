//! The running parts, and the changes that a reload or a discovery makes to them.

mod accounts;
mod counters;
mod reload;
mod shards;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::discovery::{self, Discovery};
use super::gates::{Gates, Watch};
use super::polling::Polling;
use super::{RunningSources, customer_key, losses, notifying, pushing, relaying, settings};
use crate::config::Config;
use crate::domain::Assignments;
use crate::expose::Options;
use crate::ingest::CustomerHasher;
use crate::ingest::graph::Client;
use crate::ingest::poll::{Budgets, PollTrigger};
use crate::notify::Notify;
use crate::otlp::Target;
use crate::relay::{self, Relay, Upstream};
use crate::serve::forget::ForgetCall;
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
        // Before any account is loaded: sessions that ended meanwhile are counted as soon as their account is loaded.
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
