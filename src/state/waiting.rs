//! Webhooks about numbers that no poll has listed yet.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::dated;
use super::saved::SavedWebhook;
use crate::domain::number::WebhookUpdate;

/// Facts about a number that are kept until a listing shows which number has these digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WaitingWebhook {
    /// The update to apply.
    #[serde(with = "SavedWebhook", rename = "told")]
    pub webhook: WebhookUpdate,
    /// Time of the observation.
    pub stamp: Stamp,
}

dated! { WaitingWebhook: stamp }

impl WaitingWebhook {
    pub fn new(webhook: &WebhookUpdate, stamp: Stamp) -> Self {
        let webhook = webhook.clone();
        Self { webhook, stamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the stored text are those of the first version, even if a field has been renamed since.
    #[test]
    fn stored_values_of_older_versions_are_read() {
        let stored = concat!(
            r#"{"told":{"digits":"15550100101","news":{"Quality":{"event":"FLAGGED","old_limit":null,"#,
            r#""current_limit":null}}},"stamp":[1775000000000,true]}"#,
        );
        let waiting: WaitingWebhook =
            serde_json::from_str(stored).expect("an older version's text");
        let written = serde_json::to_string(&waiting).expect("plain data");
        assert_eq!(written, stored);
    }

    /// Older versions stored the decision without a reason.
    #[test]
    fn a_name_is_stored_as_before_unless_it_has_a_reason() {
        for name in [r#""PENDING""#, r#"["REJECTED","NAME_NOT_CONSISTENT"]"#] {
            let stored = format!(
                r#"{{"told":{{"digits":"15550100101","news":{{"Name":{name}}}}},"stamp":[1775000000000,true]}}"#
            );
            let waiting: WaitingWebhook = serde_json::from_str(&stored).expect("stored text");
            let written = serde_json::to_string(&waiting).expect("plain data");
            assert_eq!(written, stored);
        }
    }
}
