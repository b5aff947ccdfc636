//! What only webhooks report: restricted numbers, warnings, security events, suspended groups and Flow alerts.

use serde_json::json;

use super::{NOW, days, facts, number, numbers, webhook};
use crate::domain::account::{
    Disconnection, DisconnectionReason, EventKind, FlowAlertState, FlowEventKind, Initiator,
    Restriction, RestrictionType, Update, Violation, ViolationType,
};
use crate::domain::number::{
    GroupStatus, NameDecision, NameRejectionReason, NameReview, SecurityEventKind, WebhookUpdate,
};
use crate::domain::{
    DeliveryKey, DisplayDigits, Event, Fact, FlowId, QualityRating, Timestamp, number as domain,
};

/// Text from outside that must not become markup.
const REMEDIATION: &str = "Answer <b>more</b> calls.";

fn digits(which: usize) -> Option<DisplayDigits> {
    DisplayDigits::parse(&format!("1555010{which:04}"))
}

fn update(event: EventKind, number: Option<usize>) -> Update {
    Update::AccountUpdate {
        event,
        digits: number.and_then(digits),
        ban: None,
        restrictions: Vec::new(),
        violation: None,
        disconnection: None,
    }
}

fn restricted(number: Option<usize>) -> Fact {
    let mut update = update(EventKind::AccountRestriction, number);
    if let Update::AccountUpdate { restrictions, .. } = &mut update {
        restrictions.push(Restriction {
            kind: RestrictionType::UserInitiatedCalling,
            expires_at: Some(days(1)),
        });
    }
    Fact::Account(update)
}

fn warned() -> Fact {
    let mut update = update(EventKind::AccountRestriction, None);
    if let Update::AccountUpdate { violation, .. } = &mut update {
        *violation = Some(Violation {
            kind: ViolationType::DirectSendWarn,
            remediation: Some(REMEDIATION.to_owned()),
        });
    }
    Fact::Account(update)
}

fn disconnected() -> Fact {
    let mut update = update(EventKind::PartnerRemoved, Some(1));
    if let Update::AccountUpdate { disconnection, .. } = &mut update {
        *disconnection = Some(Disconnection {
            reason: Some(DisconnectionReason::PrimaryInactivity),
            initiated_by: Some(Initiator::System),
        });
    }
    Fact::Account(update)
}

fn of_number(update: domain::Update) -> Fact {
    let digits = digits(1).expect("digits");
    Fact::Number(WebhookUpdate { digits, update })
}

/// One report of each kind.
pub(super) fn events() -> Vec<Event> {
    let flow = Update::Flow {
        flow_id: FlowId::parse("500100").expect("digits"),
        event: FlowEventKind::EndpointAvailability,
        state: FlowAlertState::Activated,
    };
    let groups = vec![GroupStatus {
        group: DeliveryKey(1),
        is_suspended: true,
    }];
    let rejected = NameReview {
        decision: NameDecision::Rejected,
        rejection_reason: Some(NameRejectionReason::NotConsistent),
    };
    vec![
        webhook(20, restricted(Some(1))),
        webhook(21, restricted(Some(777))),
        webhook(22, warned()),
        webhook(23, disconnected()),
        webhook(24, Fact::Account(flow)),
        webhook(25, of_number(domain::Update::Groups(groups))),
        webhook(26, of_number(domain::Update::Name(rejected))),
        webhook(
            27,
            of_number(domain::Update::Security(SecurityEventKind::PinChanged)),
        ),
    ]
}

fn shown(now: Timestamp) -> (serde_json::Value, String) {
    let mut all = vec![numbers(vec![number(1, QualityRating::Green, "Fern")])];
    all.extend(events());
    let mut facts = facts(&all);
    facts.now = now;
    (super::json(&facts), super::drawn(&facts))
}

#[test]
fn each_report_is_an_issue_of_its_account_or_number() {
    let (status, page) = shown(NOW);
    let account = &status["accounts"][0];
    let texts = |of: &serde_json::Value| {
        let issues = of["troubles"].as_array().expect("a list").iter();
        let texts = issues.map(|issue| issue["text"].as_str().expect("text").to_owned());
        texts.collect::<Vec<_>>()
    };
    let of_account = texts(account).join("\n");
    for expected in [
        "RESTRICTED_USER_INITIATED_CALLING for phone number 15550100001, ends in",
        "RESTRICTED_USER_INITIATED_CALLING for phone number 15550100777, ends in",
        "PARTNER_REMOVED for phone number 15550100001 (PRIMARY_INACTIVITY) ",
        "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_WARN ",
        REMEDIATION,
        "ENDPOINT_AVAILABILITY of Flow 500100 ",
    ] {
        assert!(of_account.contains(expected), "{expected}: {of_account}");
    }
    let of_number = texts(&account["phone_numbers"][0]).join("\n");
    for expected in [
        "security event PIN_CHANGED ",
        "display name rejected (NAME_NOT_CONSISTENT)",
        "groups suspended: 1",
    ] {
        assert!(of_number.contains(expected), "{expected}: {of_number}");
    }
    assert_eq!(
        account["restrictions"][0]["phone_number_id"],
        json!("90010001")
    );
    assert_eq!(account["restrictions"][1]["phone_number_id"], json!(null));
    assert_eq!(
        account["restrictions"][1]["phone_number"],
        json!("15550100777")
    );
    assert!(
        page.contains("Answer &lt;b&gt;more&lt;/b&gt; calls."),
        "{page}"
    );
}

#[test]
fn old_reports_are_listed_but_are_no_issues() {
    let (status, page) = shown(days(8));
    let account = &status["accounts"][0];
    let number = &account["phone_numbers"][0];
    assert_eq!(number["security_events"][0]["event"], json!("PIN_CHANGED"));
    assert_eq!(number["security_events"][0]["level"], json!("neutral"));
    let violation = &account["violations"][0];
    assert_eq!(violation["level"], json!("neutral"));
    assert_eq!(violation["remediation"], json!(REMEDIATION));
    for over in ["security event", "CATEGORY_ABUSE_WARN", "RESTRICTED_USER"] {
        assert!(!page.contains(over), "{over}");
    }
}
