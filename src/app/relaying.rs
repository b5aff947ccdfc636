//! Starts the relay of a configuration.

use super::core::Core;
use crate::config::RelayConfig;
use crate::ingest::graph::http_client;
use crate::relay::{Upstream, forget_upstream};
use crate::store::RelayQueueConfig;
use crate::telemetry::Telemetry;

/// Makes the store keep deliveries for these upstreams from now on, and prepares the relay.
///
/// # Errors
/// If the store does not accept commits, or a client cannot be built.
pub(super) async fn prepare(config: &RelayConfig, core: &Core) -> anyhow::Result<Vec<Upstream>> {
    let mut upstreams = Vec::new();
    for upstream in &config.upstreams {
        upstreams.push(Upstream {
            name: upstream.name.clone(),
            http: http_client(&upstream.url, config.request_timeout)?,
            url: upstream.url.clone(),
            max_in_flight: config.max_in_flight,
            park_after: config.park_after,
        });
    }
    let names = upstreams.iter().map(|upstream| upstream.name.clone());
    let relay_config = RelayQueueConfig {
        upstreams: names.collect(),
        max_bytes: config.max_bytes as u64,
    };
    core.store.configure_relay(relay_config).await?;
    Ok(upstreams)
}

/// Removes the series of the upstreams that the new configuration no longer has.
pub(super) fn forget_removed(before: &RelayConfig, after: &RelayConfig, telemetry: &Telemetry) {
    let is_kept = |name: &str| after.upstreams.iter().any(|one| one.name == name);
    let removed = before.upstreams.iter().filter(|one| !is_kept(&one.name));
    removed.for_each(|one| forget_upstream(telemetry, &one.name));
}
