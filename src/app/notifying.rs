//! Starts the notifications of a configuration.

use super::core::Core;
use crate::config::{NotifyConfig, NotifyFormat, NotifyWebhook};
use crate::ingest::graph::http_client;
use crate::notify::{Filter, Format, Notify, Receiver, SharedAssignments, forget_receiver};
use crate::telemetry::Telemetry;

/// Makes the store keep changes for these receivers from now on, and prepares the notifications.
///
/// # Errors
/// If the store does not accept commits, or a client cannot be built.
pub(super) async fn prepare(config: &NotifyConfig, core: &Core) -> anyhow::Result<Vec<Receiver>> {
    let receivers = receivers(config)?;
    let names = receivers.iter().map(|receiver| receiver.name.clone());
    core.store.notify(names.collect()).await?;
    Ok(receivers)
}

/// Starts a worker for each receiver.
pub(super) fn start(
    config: &NotifyConfig,
    receivers: Vec<Receiver>,
    assignments: &SharedAssignments,
    core: &Core,
) -> Notify {
    let Core {
        store, telemetry, ..
    } = core;
    Notify::start(receivers, config.max_age, assignments, store, telemetry)
}

/// Removes the series of the receivers that the new configuration no longer has.
pub(super) fn forget_removed(before: &NotifyConfig, after: &NotifyConfig, telemetry: &Telemetry) {
    let is_kept = |name: &str| after.webhooks.iter().any(|one| one.name == name);
    let removed = before.webhooks.iter().filter(|one| !is_kept(&one.name));
    removed.for_each(|one| forget_receiver(telemetry, &one.name));
}

/// The receivers of a configuration.
///
/// # Errors
/// If a client cannot be built.
pub(super) fn receivers(config: &NotifyConfig) -> anyhow::Result<Vec<Receiver>> {
    let webhooks = config.webhooks.iter();
    webhooks.map(|webhook| receiver(config, webhook)).collect()
}

fn receiver(config: &NotifyConfig, webhook: &NotifyWebhook) -> anyhow::Result<Receiver> {
    Ok(Receiver {
        name: webhook.name.clone(),
        http: http_client(&webhook.url, config.request_timeout)?,
        url: webhook.url.clone(),
        format: match webhook.format {
            NotifyFormat::CloudEvents => Format::CloudEvents,
            NotifyFormat::Slack => Format::Slack,
        },
        secret: webhook.secret.clone(),
        filter: Filter {
            severity: webhook.severity,
            kinds: webhook.kinds.clone(),
            waba_ids: webhook.waba_ids.clone(),
        },
        digest: webhook.digest,
        runbooks: config.runbooks_url.clone(),
    })
}
