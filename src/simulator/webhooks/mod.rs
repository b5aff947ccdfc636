//! The webhook sender: envelope, signature, delivery with retries, and injected faults. Knows the app's subscription
//! and callback URL, but not the meaning of webhooks.

mod envelope;
pub(super) mod handshake;
mod outbox;
mod sender;
mod traffic;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(super) use outbox::is_wanted;
pub use outbox::{Attempt, Delivery, DeliveryState, Outbox, Retries, Switch};
pub(super) use sender::run;
pub use traffic::Traffic;

/// How a webhook travels from Meta to the callback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Travel {
    /// At once, and again while the answer is not 200.
    #[default]
    Sent,
    /// Never: only a poll can find the change.
    Lost,
    /// Twice, the same bytes.
    Repeated,
    /// After so many seconds of the story, behind what happens in between.
    Late {
        /// Delay in seconds at speed 1.
        seconds: u32,
    },
    /// Once, signed with a secret that is not the app's.
    WrongSignature,
}

/// What went wrong at the bottom of an error: "Connection refused", not "error sending request".
/// Never tells the URL, whose query may hold the verify token.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests;
