//! Keeps the digests of accounts fresh between responses.

use tokio::time::{MissedTickBehavior, interval};

use super::digest::REFRESH_EVERY;
use crate::clock;
use crate::serve::context::Operator;

/// Refreshes the digests of changed accounts until the exporter stops.
pub async fn keep_fresh(operator: Operator) {
    let mut ticks = interval(REFRESH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = operator.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let operator = operator.clone();
        // The first refresh of a large fleet takes up to a second of CPU time.
        let refresh = tokio::task::spawn_blocking(move || {
            let callback = operator.options.load().callback.clone();
            let (accounts, now) = (operator.accounts(), clock::now());
            drop(
                operator
                    .digests
                    .of_accounts(&accounts, callback.as_ref(), now),
            );
        });
        if let Err(error) = refresh.await {
            tracing::error!(%error, "could not refresh the digests of accounts; the next status page takes longer");
        }
    }
}
