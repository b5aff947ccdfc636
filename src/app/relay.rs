//! Sends relay commands to a running exporter.

use anyhow::Context;

use super::command::CommandClient;
use crate::clock;
use crate::serve::command;
use crate::serve::relay::RelayRequest;

pub use crate::domain::WabaId;
pub use crate::relay::Action;
pub use crate::serve::relay::RelayReport;

/// Sends the command, and returns the resulting state of each upstream.
///
/// # Errors
/// If the exporter cannot be reached or rejects the request.
pub async fn relay(
    client: &CommandClient,
    action: Action,
    upstream: Option<String>,
    waba_id: Option<&WabaId>,
) -> anyhow::Result<Vec<RelayReport>> {
    let request = RelayRequest::new(action, upstream, waba_id, clock::now());
    let answer = client.send(command::body(&request)).await?;
    serde_json::from_str(&answer).context("the exporter's response is not the expected JSON")
}
