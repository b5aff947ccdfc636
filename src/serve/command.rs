//! Operator commands: sent to the webhook endpoint, and signed with an app secret like a webhook.
//!
//! They need no listener or password of their own: the owner of an app secret can send webhooks anyway.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::clock;
use crate::domain::Timestamp;

/// Maximum age of a command, which limits replays.
const VALID_FOR: Duration = Duration::from_secs(60);

/// The `object` of a command that starts or ends a drill. Meta's webhooks never use it.
pub const DRILL: &str = "whatsapp_business_exporter_drill";
/// The `object` of a command that removes a lost account.
pub const FORGET: &str = "whatsapp_business_exporter_forget";

/// The `object` of a command about the relay's deliveries.
pub const RELAY: &str = "whatsapp_business_exporter_relay";

/// Kind of an operator command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Start or end a drill.
    Drill,
    /// Remove a lost account.
    Forget,
    /// Count, retry or drop the relay's parked deliveries.
    Relay,
}

/// The command is too old, or the clocks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the request was not created within the last minute; check that the clocks of both machines agree"
)]
pub struct Stale;

impl OperatorCommand {
    /// The command in a signed body. `None` for webhooks.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let is = |object: &str| {
            let rest = body.strip_prefix(br#"{"object":""#);
            let rest = rest.and_then(|rest| rest.strip_prefix(object.as_bytes()));
            rest.is_some_and(|rest| rest.starts_with(b"\","))
        };
        let commands = [
            (DRILL, Self::Drill),
            (FORGET, Self::Forget),
            (RELAY, Self::Relay),
        ];
        let found = commands.into_iter().find(|(object, _)| is(object));
        found.map(|(_, command)| command)
    }
}

/// The body to sign and send.
#[must_use]
pub fn body(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("text and numbers can be written")
}

/// Checks that the command was created recently.
///
/// # Errors
/// If it is too old or from the future.
pub fn check_age(written_ms: i64, now: Timestamp) -> Result<(), Stale> {
    let written = Timestamp::from_millis(written_ms);
    let is_recent = |now: Timestamp| now.since(written).max(written.since(now)) <= VALID_FOR;
    // The command line uses its machine's clock. If this is the same machine, that clock may be wrong.
    if is_recent(now) || is_recent(clock::machine_time()) {
        Ok(())
    } else {
        Err(Stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_distinguished_from_webhooks() {
        for (body, command) in [
            (
                r#"{"object":"whatsapp_business_exporter_drill","written_ms":1}"#,
                Some(OperatorCommand::Drill),
            ),
            (
                r#"{"object":"whatsapp_business_exporter_forget","written_ms":1}"#,
                Some(OperatorCommand::Forget),
            ),
            (
                r#"{"object":"whatsapp_business_exporter_relay","written_ms":1}"#,
                Some(OperatorCommand::Relay),
            ),
            (
                r#"{"object":"whatsapp_business_exporter_forgotten","a":1}"#,
                None,
            ),
            (r#"{"object":"whatsapp_business_account","entry":[]}"#, None),
            ("", None),
        ] {
            assert_eq!(
                OperatorCommand::from_body(body.as_bytes()),
                command,
                "{body}"
            );
        }
    }
}
