//! Removes a lost account from a running exporter.

use super::command::CommandClient;
use crate::clock;
use crate::serve::command;
use crate::serve::forget::ForgetRequest;

pub use crate::domain::WabaId;

/// Asks the exporter to remove the account.
///
/// # Errors
/// If the exporter cannot be reached or rejects the request.
pub async fn forget(client: &CommandClient, waba_id: &WabaId) -> anyhow::Result<()> {
    let request = ForgetRequest::new(waba_id, clock::now());
    client.send(command::body(&request)).await.map(drop)
}
