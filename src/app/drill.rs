//! Starts and ends a drill on a running exporter.

use std::time::Duration;

use super::command::CommandClient;
use crate::clock;
use crate::serve::drill::DrillRequest;

pub use crate::serve::drill::{DrillSignal, LONGEST, WABA_ID};

/// Asks the exporter to show the signal for this long.
///
/// # Errors
/// If the exporter cannot be reached or rejects the request.
pub async fn begin(
    client: &CommandClient,
    signal: DrillSignal,
    length: Duration,
) -> anyhow::Result<()> {
    client
        .send(DrillRequest::begin(signal, length, clock::now()).body())
        .await
        .map(drop)
}

/// Asks the exporter to end the drill.
///
/// # Errors
/// If the exporter cannot be reached or rejects the request.
pub async fn end(client: &CommandClient) -> anyhow::Result<()> {
    client
        .send(DrillRequest::end(clock::now()).body())
        .await
        .map(drop)
}
