//! The webhook sender: envelope, signature, delivery with retries, and injected faults. Depends on the app's
//! subscription and callback URL, but not on the meaning of webhooks.

mod envelope;
pub(super) mod handshake;
mod outbox;
mod quirks;
mod sender;
mod traffic;

use serde::{Deserialize, Serialize};

use super::change::Webhook;
#[cfg(test)]
pub(super) use outbox::is_wanted;
pub use outbox::{Attempt, DeliveryState, Outbox, Retries, SimulatedDelivery, WebhookSwitch};
pub use quirks::{DEFAULT_QUIRKS, Quirks};
pub(super) use sender::run;
pub use traffic::TrafficGenerator;

/// How a webhook is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Travel {
    /// Sent immediately, and retried until the response is 200.
    #[default]
    Sent,
    /// Never sent: only a poll can find the change.
    Lost,
    /// Sent twice with the same bytes.
    Repeated,
    /// Sent after a delay, behind webhooks of later changes.
    Late {
        /// Delay in seconds at speed 1.
        seconds: u32,
    },
    /// Sent once, with a signature by another secret.
    WrongSignature,
}

/// The body of one POST with these webhooks at `time` (Unix seconds), in the usual form.
#[must_use]
pub fn body(webhooks: &[Webhook], time: i64) -> String {
    envelope::body(webhooks, time, 0, quirks::EnvelopeForm::Usual)
}

/// The innermost cause of an error: "Connection refused", not "error sending request". Never contains the URL, whose
/// query may contain the verify token.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests;
