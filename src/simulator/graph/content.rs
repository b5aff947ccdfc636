//! The content of a response.

use serde_json::Value;

use super::error::GraphError;

/// The content of a response.
#[derive(Debug)]
pub enum Answer {
    /// HTTP 200 with this content.
    Found(Value),
    /// An error.
    Failed(GraphError),
    /// A callback must be verified first.
    Subscribe(RequestedSubscription),
}

/// A subscription of the app, whose callback must be verified first.
#[derive(Debug, Clone)]
pub struct RequestedSubscription {
    pub(super) callback_url: String,
    pub(super) verify_token: String,
    pub(super) fields: Vec<String>,
}
