//! Parses the account node and its subscribed apps.

use serde_json::Value;

use super::callback::callback_at;
use super::read::node_reader;
use crate::domain::account::{Snapshot, account_attributes};
use crate::domain::{AppId, CallbackOverride};
use crate::ingest::{MetaObject, ParseWarnings};

const NOUN: &str = "business_account";

account_attributes!(node_reader);

/// Parses the node, without the subscription of this exporter's app.
pub fn snapshot(node: &Value, warnings: &mut ParseWarnings) -> Snapshot {
    let mut snapshot = Snapshot::default();
    if let Some(node) = MetaObject::node(NOUN, node, warnings) {
        read_attributes(&mut snapshot, &node, warnings);
    }
    snapshot
}

/// The subscription of the exporter's own app, from the list of subscribed apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSubscription {
    /// Whether the app is subscribed.
    pub is_subscribed: bool,
    /// Where Meta delivers messages of the account instead of to the app's callback URL.
    pub callback: CallbackOverride,
}

impl OwnSubscription {
    /// Adds the subscription to a snapshot.
    pub fn write_to(self, snapshot: &mut Snapshot) {
        snapshot.webhook_subscribed = Some(self.is_subscribed);
        snapshot.callback_override = Some(self.callback);
    }
}

/// The subscription of `own_app`, according to the edge in the node. `None` without the edge, which Meta may omit if
/// no app is subscribed.
pub fn expanded(
    node: &Value,
    own_app: &AppId,
    warnings: &mut ParseWarnings,
) -> Option<OwnSubscription> {
    subscribed(node.get("subscribed_apps")?, own_app, warnings)
}

/// The subscription of `own_app` in this list. `None` if it is not among those shown and there are more.
pub fn subscribed(
    apps: &Value,
    own_app: &AppId,
    warnings: &mut ParseWarnings,
) -> Option<OwnSubscription> {
    let has_more = apps.pointer("/paging/next").is_some();
    let apps = MetaObject::new("subscribed_apps", apps)?;
    apps.get("data")?;
    let apps = apps.objects("data", "subscribed_apps", warnings);
    let is_own = |app: &&MetaObject<'_>| {
        let data = app.object(
            "whatsapp_business_api_data",
            "subscribed_apps",
            &mut ParseWarnings::new(),
        );
        let id = data.and_then(|data| data.parsed("id", AppId::parse, &mut ParseWarnings::new()));
        id.as_ref() == Some(own_app)
    };
    let found = apps.iter().find(is_own);
    let callback = found.and_then(|app| callback_at(app, "override_callback_uri", warnings));
    (found.is_some() || !has_more).then_some(OwnSubscription {
        is_subscribed: found.is_some(),
        callback: CallbackOverride(callback),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::account::{BusinessVerificationStatus, ReviewStatus, Status};
    use crate::domain::{BusinessId, CallbackUrl, MessagingLimit};

    fn app() -> AppId {
        AppId::parse("600100").expect("digits")
    }

    fn own(is_subscribed: bool, callback: Option<&str>) -> Option<OwnSubscription> {
        Some(OwnSubscription {
            is_subscribed,
            callback: CallbackOverride(callback.and_then(CallbackUrl::new)),
        })
    }

    #[test]
    fn only_the_override_of_the_own_app_counts() {
        let list = |url: &Value| {
            json!({"data": [
                {"whatsapp_business_api_data": {"id": "1"}, "override_callback_uri": "https://other.example/"},
                {"whatsapp_business_api_data": {"id": 600_100}, "override_callback_uri": url}]})
        };
        for (url, expected) in [
            (
                json!("https://crm.example/in?token=s3cret"),
                Some("https://crm.example/in"),
            ),
            (json!(""), None),
            (json!(null), None),
        ] {
            let mut warnings = ParseWarnings::new();
            let read = subscribed(&list(&url), &app(), &mut warnings);
            assert_eq!(read, own(true, expected), "{url}");
            assert_eq!(warnings, []);
        }
    }

    #[test]
    fn the_node_is_read_whatever_the_case_and_kind_of_its_values() {
        let node = json!({"id": "800100", "name": "Fern & Moss", "currency": "EUR", "timezone_id": 138,
            "owner_business_info": {"id": 700_100, "name": "Fern"}, "account_review_status": "LIMIT_REACHED",
            "business_verification_status": "PENDING_NEED_MORE_INFO", "status": "ACTIVE",
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
            "subscribed_apps": {"data": [{"whatsapp_business_api_data": {"id": "600100", "name": "x"}}]}});
        let mut warnings = ParseWarnings::new();
        let read = snapshot(&node, &mut warnings);
        assert_eq!(warnings, []);
        assert_eq!(read.timezone_id.as_deref(), Some("138"));
        assert_eq!(read.business_id, BusinessId::parse("700100"));
        assert_eq!(read.review_status, Some(ReviewStatus::LimitReached));
        assert_eq!(
            read.business_verification_status,
            Some(BusinessVerificationStatus::PendingNeedMoreInfo)
        );
        assert_eq!(
            (read.status, read.messaging_limit),
            (
                Some(Status::Active),
                Some(MessagingLimit::Customers(10_000))
            )
        );
        assert_eq!(expanded(&node, &app(), &mut warnings), own(true, None));
    }

    #[test]
    fn subscription_is_unknown_without_a_list_or_its_end() {
        let mut warnings = ParseWarnings::new();
        let others = json!({"data": [{"whatsapp_business_api_data": {"id": "1"}}]});
        let not = own(false, None);
        assert_eq!(subscribed(&others, &app(), &mut warnings), not);
        let none = json!({"data": []});
        assert_eq!(subscribed(&none, &app(), &mut warnings), not);
        let mut more = others;
        more["paging"] = json!({"next": "https://elsewhere.example/"});
        assert_eq!(subscribed(&more, &app(), &mut warnings), None);
        assert_eq!(
            expanded(&json!({"id": "800100"}), &app(), &mut warnings),
            None
        );
    }
}
