//! Asks the exporter's send gate before campaigns, as docs/send-gate.md describes.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval_at};

use super::shared::SharedApplication;
use crate::simulator::webhooks::reason;

/// Time until the first request. Before the first polls, the gate has no data.
const FIRST_REQUEST: Duration = Duration::from_secs(4);
/// Interval of requests.
const PERIOD: Duration = Duration::from_secs(5);
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A campaign that the business plans.
#[derive(Debug, Clone)]
pub struct PlannedCampaign {
    /// Id of the sending phone number.
    pub phone_number_id: String,
    /// Name of the template.
    pub template: String,
    /// Language of the template.
    pub language: String,
    /// Number of customers.
    pub recipients: u64,
}

/// The exporter's send gate.
#[derive(Debug, Clone)]
pub struct GateApi {
    /// URL of `/api/v1/gate`.
    pub url: String,
    /// The campaigns, one after the other.
    pub campaigns: Vec<PlannedCampaign>,
}

/// Requests decisions until the application ends.
pub(super) async fn run(shared: &SharedApplication, client: &reqwest::Client, api: &GateApi) {
    let mut turns = interval_at(shared.start + FIRST_REQUEST, PERIOD);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for campaign in api.campaigns.iter().cycle() {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = turns.tick() => {}
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            answer = request_verdict(client, &api.url, campaign) => match answer {
                Ok(verdict) => tracing::debug!(template = campaign.template, verdict, "received the verdict of the send gate"),
                Err(reason) => tracing::debug!(reason, "could not read the verdict of the send gate"),
            }
        }
    }
}

/// The verdict about a campaign.
///
/// # Errors
/// Why there is none.
async fn request_verdict(
    client: &reqwest::Client,
    url: &str,
    campaign: &PlannedCampaign,
) -> Result<String, String> {
    let recipients = campaign.recipients.to_string();
    let request = client.get(url).timeout(TIMEOUT).query(&[
        ("phone_number_id", campaign.phone_number_id.as_str()),
        ("template", &campaign.template),
        ("language", &campaign.language),
        ("recipients", &recipients),
    ]);
    let response = request.send().await.map_err(reason)?;
    let body = response.bytes().await.map_err(reason)?;
    let body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let verdict = body["verdict"].as_str();
    verdict.map_or_else(|| Err(body.to_string()), |verdict| Ok(verdict.to_owned()))
}
