//! Reports events to the exporter's event API, as docs/conversations.md describes.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval_at};

use super::event_queue::batch_body;
use super::schedule::SessionSchedule;
use super::shared::SharedApplication;
use crate::simulator::clock::Clock;
use crate::simulator::webhooks::reason;

/// Time until the first report. The exporter refuses events of phone numbers until it has read all numbers.
const FIRST_REPORT: Duration = Duration::from_secs(2);
/// Interval of reports. Most of the cost of a report is the commit of the exporter's store.
const REPORT_PERIOD: Duration = Duration::from_secs(5);
/// Timeout of a report.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The exporter's event API.
#[derive(Clone)]
pub struct EventApi {
    /// URL of `/v1/events`.
    pub url: String,
    /// The token of the event API.
    pub token: String,
}

impl std::fmt::Debug for EventApi {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "EventApi({})", self.url)
    }
}

/// Reports events until the application ends.
pub(super) async fn run(
    shared: &SharedApplication,
    client: &reqwest::Client,
    api: &EventApi,
    clock: &dyn Clock,
    mut schedule: SessionSchedule,
) {
    let mut turns = interval_at(shared.start + FIRST_REPORT, REPORT_PERIOD);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = turns.tick() => {}
        }
        shared.events().extend(schedule.due(clock.now()));
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = report_all(shared, client, api) => {}
        }
    }
}

/// Sends all queued events. After a failure, the next turn sends them again.
async fn report_all(shared: &SharedApplication, client: &reqwest::Client, api: &EventApi) {
    loop {
        let batch = shared.events().take_batch();
        if batch.is_empty() {
            return;
        }
        match report(client, api, &batch).await {
            Ok(()) => {}
            Err(reason) => {
                tracing::debug!(reason, "event batch not accepted");
                shared.events().put_back(batch);
                return;
            }
        }
    }
}

/// Sends one batch.
///
/// # Errors
/// Why the exporter did not accept the batch.
async fn report(client: &reqwest::Client, api: &EventApi, batch: &[Value]) -> Result<(), String> {
    let request = client
        .post(&api.url)
        .timeout(TIMEOUT)
        .bearer_auth(&api.token)
        .body(batch_body(batch));
    let response = request.send().await.map_err(reason)?;
    let status = response.status();
    let body = response.bytes().await.map_err(reason)?;
    if !status.is_success() {
        return Err(format!("status {}", status.as_u16()));
    }
    let body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let results = body["results"].as_array();
    let rejected = results
        .into_iter()
        .flatten()
        .filter(|result| result["result"] == "rejected");
    let errors: Vec<&Value> = rejected.map(|result| &result["error"]).collect();
    if let Some(error) = errors.first() {
        tracing::warn!(count = errors.len(), %error, "events rejected");
    }
    Ok(())
}
