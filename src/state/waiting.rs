//! Webhooks about numbers that no poll has listed yet.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::dated;
use super::saved::SavedWebhook;
use crate::domain::number::WebhookUpdate;

/// Facts about a number that are kept until a listing shows which number has these digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// The fact.
    #[serde(with = "SavedWebhook", rename = "told")]
    pub webhook: WebhookUpdate,
    /// When it was observed.
    pub stamp: Stamp,
}

dated! { Waiting: stamp }

impl Waiting {
    pub fn new(webhook: &WebhookUpdate, stamp: Stamp) -> Self {
        let webhook = webhook.clone();
        Self { webhook, stamp }
    }
}
