//! A business account's node, the apps subscribed to it, and the app a token belongs to.

use serde_json::Value;

use super::health;
use crate::domain::account::Reading;
use crate::domain::{AppId, BusinessId};
use crate::ingest::{Object, Oddities, Oddity};

const NOUN: &str = "business_account";

/// What the node says. `own_app` is looked for among the subscribed apps, where those came along.
pub(crate) fn reading(node: &Value, own_app: Option<&AppId>, odd: &mut Oddities) -> Reading {
    let Some(object) = Object::of(NOUN, node) else {
        odd.push(Oddity::Malformed {
            noun: NOUN,
            key: "id",
        });
        return Reading::default();
    };
    let owner = object.object("owner_business_info", "owner_business_info", odd);
    Reading {
        name: object.text("name", odd),
        currency: object.text("currency", odd),
        timezone_id: object.text("timezone_id", odd),
        business_id: owner.and_then(|owner| owner.parsed("id", BusinessId::parse, odd)),
        review_status: object.word("account_review_status", odd),
        business_verification_status: object.word("business_verification_status", odd),
        status: object.word("status", odd),
        messaging_limit: object.limit("whatsapp_business_manager_messaging_limit", odd),
        health: health::reading(&object, odd),
        webhook_subscribed: expanded_apps(&object).and_then(|apps| subscribed(apps, own_app, odd)),
    }
}

/// The edge as it comes with the node. An account without a subscribed app may come without it, and so
/// may one whose apps the token must not see: absent is unknown.
fn expanded_apps<'a>(node: &Object<'a>) -> Option<&'a Value> {
    node.get("subscribed_apps")
}

/// Is `own_app` in this list of subscribed apps?
pub(crate) fn subscribed(
    apps: &Value,
    own_app: Option<&AppId>,
    odd: &mut Oddities,
) -> Option<bool> {
    let own_app = own_app?;
    let apps = Object::of("subscribed_apps", apps)?;
    apps.get("data")?;
    let apps = apps.objects("data", "subscribed_apps", odd);
    let is_own = |app: &Object<'_>| {
        let data = app.object(
            "whatsapp_business_api_data",
            "subscribed_apps",
            &mut Oddities::new(),
        );
        let id = data.and_then(|data| data.parsed("id", AppId::parse, &mut Oddities::new()));
        id.as_ref() == Some(own_app)
    };
    Some(apps.iter().any(is_own))
}

/// `data.app_id` of `debug_token`.
pub(crate) fn app_of_token(answer: &Value) -> Option<AppId> {
    let mut odd = Oddities::new();
    let data = Object::of("debug_token", answer)?.object("data", "debug_token", &mut odd)?;
    data.parsed("app_id", AppId::parse, &mut odd)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::MessagingLimit;
    use crate::domain::account::{BusinessVerificationStatus, ReviewStatus, Status};

    fn app() -> AppId {
        AppId::parse("600100").expect("digits")
    }

    #[test]
    fn the_node_is_read_whatever_the_case_and_kind_of_its_values() {
        let node = json!({"id": "800100", "name": "Fern & Moss", "currency": "EUR", "timezone_id": 138,
            "owner_business_info": {"id": 700_100, "name": "Fern"}, "account_review_status": "LIMIT_REACHED",
            "business_verification_status": "PENDING_NEED_MORE_INFO", "status": "ACTIVE",
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
            "subscribed_apps": {"data": [{"whatsapp_business_api_data": {"id": "600100", "name": "x"}}]}});
        let mut odd = Oddities::new();
        let read = reading(&node, Some(&app()), &mut odd);
        assert_eq!(odd, []);
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
        assert_eq!(read.webhook_subscribed, Some(true));
    }

    #[test]
    fn subscription_is_unknown_without_an_app_or_a_list() {
        let mut odd = Oddities::new();
        let others = json!({"data": [{"whatsapp_business_api_data": {"id": "1"}}]});
        assert_eq!(subscribed(&others, Some(&app()), &mut odd), Some(false));
        assert_eq!(
            subscribed(&json!({"data": []}), Some(&app()), &mut odd),
            Some(false)
        );
        assert_eq!(subscribed(&others, None, &mut odd), None);
        assert_eq!(
            reading(&json!({"id": "800100"}), Some(&app()), &mut odd).webhook_subscribed,
            None
        );
    }

    #[test]
    fn a_token_tells_its_app() {
        assert_eq!(
            app_of_token(&json!({"data": {"app_id": "600100", "is_valid": true}})),
            Some(app())
        );
        assert_eq!(app_of_token(&json!({"data": {}})), None);
    }
}
