//! The content of a response.

use serde_json::Value;

use super::error::GraphError;

/// The content of an answer.
#[derive(Debug)]
pub enum Answer {
    /// HTTP 200 with this.
    Found(Value),
    /// An error.
    Failed(GraphError),
    /// A callback must be verified first.
    Subscribe(Subscription),
}

/// A subscription of the app that waits for its callback to be verified.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub(super) callback_url: String,
    pub(super) verify_token: String,
    pub(super) fields: Vec<String>,
}
