//! Alerts, reviews and capabilities.

use crate::domain::account::{
    AlertSeverity, AlertType, FlowAlertState, FlowEventKind, ReviewStatus, Update,
};
use crate::domain::{Fact, FlowId, MessagingLimit};
use crate::ingest::webhook::tests::{Expected, one_event, unwatched_event};

fn alert(severity: AlertSeverity, alert: AlertType) -> Fact {
    Fact::Account(Update::Alert { severity, alert })
}

fn capability(limit: MessagingLimit, phone_numbers_limit: Option<u64>) -> Fact {
    Fact::Account(Update::Capability {
        messaging_limit: Some(limit),
        phone_numbers_limit,
    })
}

pub(super) fn flow_alerts() -> Vec<Expected> {
    let flow = |event, state| {
        Fact::Account(Update::Flow {
            flow_id: FlowId::parse("500100200300400").expect("digits"),
            event,
            state,
        })
    };
    vec![
        one_event(
            "flows_endpoint_availability",
            flow(
                FlowEventKind::EndpointAvailability,
                FlowAlertState::Activated,
            ),
        ),
        one_event(
            "flows_error_rate",
            flow(FlowEventKind::ClientErrorRate, FlowAlertState::Deactivated),
        ),
        one_event(
            "flows_latency_lower_case",
            flow(FlowEventKind::EndpointLatency, FlowAlertState::Activated),
        ),
        one_event(
            "flows_unknown_words",
            flow(FlowEventKind::Other, FlowAlertState::Other),
        )
        .warnings(&["flows.event=ENDPOINT_MOOD", "flows.alert_state=SIMMERING"]),
        unwatched_event("flows_no_id").warnings(&["flows.flow_id!"]),
    ]
}

pub(super) fn alerts_and_reviews() -> Vec<Expected> {
    let review = |status| Fact::Account(Update::Review(status));
    let critical = alert(AlertSeverity::Critical, AlertType::ObaRejected);
    let deferred = AlertType::IncreasedCapabilitiesEligibilityDeferred;
    vec![
        one_event("account_alerts_nested", critical.clone()),
        one_event("account_alerts_flat", critical),
        one_event(
            "account_alerts_informational",
            alert(AlertSeverity::Informational, deferred),
        ),
        one_event(
            "account_alerts_unknown_words",
            alert(AlertSeverity::Other, AlertType::Other),
        )
        .warnings(&[
            "alert_info.alert_type=LOST_HAT",
            "alert_info.alert_severity=PURPLE",
        ]),
        one_event(
            "account_alerts_no_severity",
            alert(AlertSeverity::Other, AlertType::ProfilePictureLost),
        )
        .warnings(&["alert_info.alert_severity!"]),
        one_event(
            "account_review_update_approved",
            review(ReviewStatus::Approved),
        ),
        one_event(
            "account_review_update_rejected",
            review(ReviewStatus::Rejected),
        ),
        one_event(
            "account_review_update_pending",
            review(ReviewStatus::Pending),
        ),
        one_event(
            "account_review_update_deferred",
            review(ReviewStatus::Deferred),
        ),
    ]
}

pub(super) fn capabilities() -> Vec<Expected> {
    let two_thousand = MessagingLimit::Customers(2_000);
    vec![
        one_event(
            "business_capability_update_numbers",
            capability(two_thousand, Some(25)),
        ),
        one_event(
            "business_capability_update_tier_words",
            capability(two_thousand, Some(25)),
        ),
        one_event(
            "business_capability_update_before_v24",
            capability(MessagingLimit::Unlimited, Some(2)),
        ),
        one_event(
            "business_capability_update_unlimited",
            capability(MessagingLimit::Unlimited, None),
        ),
        unwatched_event("business_capability_update_nothing_known"),
    ]
}
