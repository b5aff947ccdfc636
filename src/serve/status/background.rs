//! Keeps the digests of accounts fresh between responses.

use tokio::time::{MissedTickBehavior, interval};

use super::digest::LOOK_EVERY;
use crate::clock;
use crate::serve::context::Operator;

/// Makes the digests of changed accounts until the exporter stops.
pub async fn keep_fresh(operator: Operator) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = operator.stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let operator = operator.clone();
        // The first look of a large fleet takes up to a second of CPU time.
        let look = tokio::task::spawn_blocking(move || {
            let callback = operator.options.load().callback.clone();
            let (accounts, now) = (operator.accounts(), clock::now());
            drop(
                operator
                    .digests
                    .of_accounts(&accounts, callback.as_ref(), now),
            );
        });
        if let Err(error) = look.await {
            tracing::error!(%error, "could not prepare the status page; it takes longer");
        }
    }
}
