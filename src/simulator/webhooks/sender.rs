//! Sends due webhooks in order, one POST at a time. A slow callback delays the following ones, as in a real queue.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use tokio::time::Instant;

use super::outbox::{Attempt, OutgoingDelivery};
use crate::simulator::shared::SharedSimulator;

/// Timeout of a delivery. Meta documents none; 20 s is what third parties report.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Sleep while nothing is queued; new deliveries wake the sender.
const IDLE: Duration = Duration::from_secs(3_600);

/// Sends webhooks until the simulation ends.
pub(crate) async fn run(shared: &SharedSimulator) {
    while let Some(delivery) = next(shared).await {
        let number = delivery.number;
        let callback_url = shared.lock().world.app.callback_url.clone();
        let attempt = match callback_url {
            Some(url) => tokio::select! {
                () = shared.stopping.cancelled() => return,
                attempt = post(&shared.client, &url, delivery) => attempt,
            },
            None => Attempt::Failed("there is no callback URL".into()),
        };
        shared.lock().outbox.record(number, attempt, Instant::now());
        shared.announce();
    }
}

/// Waits for the next delivery; `None` when the simulation ends.
async fn next(shared: &SharedSimulator) -> Option<OutgoingDelivery> {
    loop {
        let now = Instant::now();
        let due = {
            let mut state = shared.lock();
            if let Some(delivery) = state.outbox.take_due(now) {
                return Some(delivery);
            }
            state.outbox.next_due().unwrap_or(now + IDLE)
        };
        tokio::select! {
            () = shared.stopping.cancelled() => return None,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }
}

async fn post(client: &reqwest::Client, url: &str, delivery: OutgoingDelivery) -> Attempt {
    let request = client
        .post(url)
        .timeout(TIMEOUT)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "facebookexternalua")
        .header("x-hub-signature-256", delivery.signature)
        .body(delivery.body);
    match request.send().await {
        Ok(response) => Attempt::Answered(response.status().as_u16()),
        Err(error) => Attempt::Failed(super::reason(error)),
    }
}
