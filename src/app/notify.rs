//! Posts a test to the configured receivers of notifications.

use anyhow::bail;

use super::notifying;
use crate::config::NotifyConfig;

/// The response of a receiver: its status, or why it did not accept the test.
pub type TestOutcome = Result<u16, String>;

/// Posts a test to each receiver, or to the one with this name. The running exporter is not involved.
///
/// # Errors
/// If no such receiver is configured, or a client cannot be built.
pub async fn test(
    config: &NotifyConfig,
    name: Option<&str>,
) -> anyhow::Result<Vec<(String, TestOutcome)>> {
    let mut receivers = notifying::receivers(config)?;
    if receivers.is_empty() {
        bail!(
            "notify.webhooks: the configuration has no receivers; add one, then run the test again"
        );
    }
    receivers.retain(|receiver| name.is_none_or(|name| receiver.name == name));
    if receivers.is_empty() {
        bail!("--receiver: the configuration has no receiver with this name");
    }
    let mut outcomes = Vec::new();
    for receiver in receivers {
        let outcome = receiver.test().await;
        outcomes.push((receiver.name, outcome));
    }
    Ok(outcomes)
}
