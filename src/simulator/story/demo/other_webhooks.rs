//! Act five: all other webhooks of an account.

use serde_json::json;

use super::cast::*;
use super::other_fields;
use super::shorthand::*;
use crate::simulator::change::WorldChange;
use crate::simulator::story::Beat;

/// One list, however long, so that the story can be read in its order.
#[expect(
    clippy::too_many_lines,
    reason = "the beats of this part of the story, in their order"
)]
pub(super) fn beats(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(
            60,
            "Calls to Fern & Moss Service are blocked: its overall health is BLOCKED, although messages can be sent",
            [calling_blocked(true)],
        ),
        beat(
            61,
            "Meta reports a policy violation of Fern & Moss",
            [WorldChange::AccountViolation {
                waba_id: GARDEN.into(),
                violation_type: "GAMBLING".into(),
            }],
        ),
        beat(
            62,
            "The bakery's review and its verification are PENDING",
            [
                WorldChange::AccountReviewed {
                    waba_id: BAKERY.into(),
                    decision: "PENDING".into(),
                },
                WorldChange::BusinessVerificationChanged {
                    waba_id: BAKERY.into(),
                    status: "pending".into(),
                },
            ],
        ),
        beat(
            63,
            "The PIN of Fern & Moss Orders is changed",
            [WorldChange::SecurityEvent {
                phone_number_id: GARDEN_ORDERS.into(),
                event: "PIN_CHANGED".into(),
            }],
        ),
        beat(
            64,
            "The code of the bakery's catering number is no longer verified",
            [code_verification("EXPIRED")],
        ),
        beat(
            66,
            format!("Template {} is archived", cast.cafe_archive.name),
            [event(&cast.cafe_archive.id, "ARCHIVED")],
        ),
        beat(
            68,
            "Updates of several accounts arrive in one POST",
            account_events(),
        ),
        beat(
            69,
            "The bakery gets an alert about its eligibility",
            [alert(
                BAKERY,
                BAKERY,
                "WARNING",
                "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
            )],
        ),
        beat(
            70,
            "Template winter_offer exceeds the limit of its category",
            [event(NEW_TEMPLATE, "LIMIT_EXCEEDED")],
        ),
        beat(
            71,
            "Template winter_offer is locked",
            [event(NEW_TEMPLATE, "LOCKED")],
        ),
        beat(
            74,
            format!(
                "Meta detects another category for template {}",
                cast.doomed.name
            ),
            [category_detected(&cast.doomed)],
        ),
        beat(
            75,
            format!("The text of template {} is edited", cast.doomed.name),
            [components(&cast.doomed, "Hello {{1}}, a little sooner.")],
        ),
        beat(
            77,
            "Webhooks that are not about quality, one of them with an unknown field",
            other_fields::update(),
        ),
        beat(
            80,
            "The deletion of template winter_offer is pending",
            [event(NEW_TEMPLATE, "PENDING_DELETION")],
        ),
        beat(
            81,
            "Template winter_offer is deleted",
            [event(NEW_TEMPLATE, "DELETED")],
        ),
    ]
}

/// `account_update` events that change no metric except their own counter.
fn account_events() -> Vec<WorldChange> {
    let mut changes = vec![account_event(CAFE, "ACCOUNT_OFFBOARDED", json!({}))];
    let marketing_events = ["MM_LITE_TERMS_SIGNED", "AD_ACCOUNT_LINKED"];
    changes.extend(marketing_events.map(|event| {
        account_event(
            CAFE,
            event,
            json!({"waba_info": {"waba_id": CAFE, "owner_business_id": "700100200300500"}}),
        )
    }));
    changes.push(account_event(
        GARDEN,
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        json!({"country": "NL"}),
    ));
    changes.push(account_event(GARDEN, "VOLUME_BASED_PRICING_TIER_UPDATE", json!({"volume_tier_info": {
        "tier_update_time": 1_775_000_000, "pricing_category": "UTILITY", "tier": "1000001:5000000",
        "effective_month": "2026-04", "region": "INDIA",
    }})));
    changes.push(account_event(GARDEN, "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE", json!({"auth_international_rate_eligibility": {
        "start_time": 1_775_000_000, "exception_countries": [{"country_code": "ID", "start_time": 1_776_000_000}],
    }})));
    let partner_events = ["PARTNER_REMOVED", "PARTNER_APP_UNINSTALLED"];
    changes.extend(partner_events.map(|event| {
        account_event(
            BAKERY,
            event,
            json!({"waba_info": {"waba_id": BAKERY, "owner_business_id": "700100200300400"}}),
        )
    }));
    let certification = json!({"client_business_id": "700100200300500", "status": "APPROVED", "rejection_reasons": ["NONE"]});
    let partner_checks = [
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
        "PARTNER_CLIENT_CERTIFICATION_NEEDED",
    ];
    changes.extend(partner_checks.map(|event| {
        account_event(
            BAKERY,
            event,
            json!({"partner_client_certification_info": certification}),
        )
    }));
    changes
}
