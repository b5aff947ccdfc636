//! A bound exporter: its ports are open, and it runs until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::event_loop::run_until_stopped;
use super::gates::{self, Gates};
use super::listeners::{ServedListeners, bind};
use super::running::RunningParts;
use super::sources::{ConfigSources, RunningSources};
use super::starting::{RouterSwitch, StoreRetries};
use super::{customer_key, descriptors, settings};
use crate::config::Config;
use crate::serve::{Listener, ReloadRequest};
use crate::telemetry::Telemetry;

/// Capacity of the queue of reloads and `forget` requests.
const MAX_RELOADS_WAITING: usize = 4;

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

    /// Why an exporter with this configuration would not start: a certificate, its key, an authority or the customers'
    /// key cannot be used. Empty if it would. Changes no file.
    #[must_use]
    pub fn problems(config: &Config) -> Vec<String> {
        let checks = [
            gates::prepare(config).map(drop),
            customer_key::check(config),
        ];
        let problems = checks.into_iter().filter_map(Result::err);
        problems.map(|error| format!("{error:#}")).collect()
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
        sources.note_loaded(&telemetry, &config);
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
                    // A requester of a reload gets the response that the exporter stops.
                    drop(reloads);
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
