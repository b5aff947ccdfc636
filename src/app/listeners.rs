//! The listeners of a running exporter, with the routes that they serve.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::STOP_TIMEOUT;
use super::gates::Gates;
use super::starting::RouterSwitch;
use crate::config::ListenAddress;
use crate::serve::{ClientRules, Limits, Listener, Site, serve, wrong_port};
use crate::telemetry::Telemetry;

/// The listeners with their routes.
pub(super) struct ServedListeners {
    /// `None` after serving has started.
    pub listeners: Option<(Listener, Option<Listener>)>,
    /// Address of the public listener, if it has its own port.
    pub own_address: Option<SocketAddr>,
    /// The routes of the operator listener and of the public listener.
    pub routes: [RouterSwitch; 2],
    pub gates: Gates,
    pub limits: [(Limits, ClientRules); 2],
    pub telemetry: Arc<Telemetry>,
    pub servers: JoinSet<()>,
    pub stop: CancellationToken,
}

impl ServedListeners {
    /// Serves these routes from the next request on. Both share a port if there is no public listener. Starts the
    /// listeners at the first call.
    pub fn serve(&mut self, operator: Router, public: Option<Router>) {
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
    pub async fn ended(&mut self) -> anyhow::Result<()> {
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
pub(super) fn bind(address: &ListenAddress) -> anyhow::Result<Listener> {
    let mut refused = None;
    for candidate in address.candidates() {
        match Listener::bind(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| anyhow::anyhow!("no address to listen on"), Into::into))
}
