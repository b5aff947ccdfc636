//! The loop of a running exporter: reloads, discoveries, shards and the stop, one at a time.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::listeners::ServedListeners;
use super::running::RunningParts;
use super::{FLUSH_REFUSALS_EVERY, RunningSources, STOP_TIMEOUT};
use crate::clock;
use crate::config::Config;
use crate::serve::ReloadRequest;
use crate::serve::forget::{ForgetCall, ForgetError};

/// Time limit for closing the store. A commit that hangs is not acknowledged, so nothing is lost.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit for everything that happens before the store is closed. Releasing the shards has at least the last second
/// of it.
const LEAVE_TIMEOUT: Duration = STOP_TIMEOUT.saturating_add(Duration::from_secs(1));

/// Wait after a change of the owned shards, so that shards that move together are followed once.
const SHARDS_SETTLE: Duration = Duration::from_millis(200);

/// Wait before a failed change of the owned shards is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Handles all events until `stop`.
pub(super) async fn run_until_stopped(
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
        // Shards may have been acquired before the polls were planned.
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
            files = running.watch.changed(&running.sources) => running.apply_web_files(files),
            ended = running.polling.ended() => anyhow::bail!("the poller ended by itself: {ended:?}"),
            ended = running.notify.ended() => anyhow::bail!("a notification worker ended by itself: {ended:?}"),
            ended = running.relay.ended() => anyhow::bail!("a relay ended by itself: {ended:?}"),
            Some((waba_id, answer)) = forgets.recv() => {
                let forgotten = stop.run_until_cancelled(running.forget(&waba_id)).await;
                // The requester may have disconnected; the outcome is logged anyway.
                drop(answer.send(forgotten.unwrap_or(Err(ForgetError::Stopping))));
            }
            Ok(()) = shards.changed() => {
                // A rebalance moves several shards, one after the other.
                sleep(SHARDS_SETTLE).await;
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
                let read = stop.run_until_cancelled(running.restart_relay()).await;
                if let Some(Err(error)) = read {
                    tracing::error!(error = format!("{error:#}"), "could not read the changed deliveries of the relay; trying again");
                    sleep(RETRY_EVERY).await;
                    commanded.mark_changed();
                }
            }
            _ = flush.tick() => running.core.telemetry.refusals.flush(clock::steady()),
            Some(answer) = reloads.recv(), if loading.is_none() => {
                loading = Some((start_loading(running.sources.clone()), answer));
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
    // Their requesters get the response that the exporter stops. `stop_parts` waits for requests in flight.
    drop((loading, reloads, forgets));
    stop_parts(running, site).await
}

/// Ends polls, deliveries and requests in flight, each within its time limit, then closes the store.
async fn stop_parts(mut running: RunningParts, mut site: ServedListeners) -> anyhow::Result<()> {
    let store = Arc::clone(&running.core.store);
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
        // Other replicas take over while this one still responds to requests in flight.
        store.leave().await;
    };
    // The store does not respond while its disk or its database host does not.
    let stopped_sending = timeout(LEAVE_TIMEOUT, stopped_sending);
    let (ended, stopped_sending) = tokio::join!(site.ended(), stopped_sending);
    if stopped_sending.is_err() && store.is_shared() {
        tracing::warn!(
            "shards were not released in time; other replicas acquire them when this one's database session ends"
        );
    }
    running.core.telemetry.refusals.flush_all();
    if timeout(CLOSE_TIMEOUT, store.close()).await.is_err() {
        tracing::warn!("store did not close in time; acknowledged data is on disk");
    }
    ended
}

/// A configuration that is being read, with the channel of the reload's requester.
type Loading = (LoadingConfig, ReloadRequest);

type LoadingConfig = Pin<Box<dyn Future<Output = Result<Config, String>> + Send>>;

fn start_loading(sources: RunningSources) -> LoadingConfig {
    Box::pin(async move { sources.load().await })
}

/// The configuration that was read. Never resolves if none is being read.
async fn loaded(loading: &mut Option<Loading>) -> Result<Config, String> {
    match loading {
        Some((reading, _)) => reading.await,
        None => pending().await,
    }
}
