//! Facts that only webhooks report: take-over signals, rejected names, suspended groups, and alerts of Flows.

use serde_json::json;
use whatsapp_business_exporter::domain::{Fact, Listing, number};
use whatsapp_business_exporter::state::{Account, Number, State};

use crate::exposition::{ACCOUNT, NUMBER, assert_samples, deliver, state_with_the_number};
use crate::support::{number_id, polled, samples, state_after, text_of, waba};

const DIGITS: &str = "15550100199";
const SECURITY: &str = "whatsapp_phone_number_security_events_total";
const LAST_SECURITY: &str = "whatsapp_phone_number_last_security_event_timestamp_seconds";
const REASON: &str = "whatsapp_phone_number_name_rejection_reason";
const GROUPS: &str = "whatsapp_phone_number_groups_suspended";
const FLOW: &str = "whatsapp_business_account_flow_alert";

fn security(state: &mut State, seconds: i64, digits: &str, event: &str) {
    let value = json!({"display_phone_number": digits, "event": event, "requester": "700100"});
    deliver(state, seconds, "security", &value.to_string());
}

fn review(state: &mut State, seconds: i64, decision: &str, reason: Option<&str>) {
    let value = json!({"display_phone_number": DIGITS, "decision": decision,
        "requested_verified_name": "Fern", "rejection_reason": reason});
    let field = "phone_number_name_update";
    deliver(state, seconds, field, &value.to_string());
}

fn group(state: &mut State, seconds: i64, group: &str, kind: &str) {
    let value = json!({"metadata": {"display_phone_number": DIGITS, "phone_number_id": "900100200300400"},
        "groups": {"type": kind, "group_id": group}});
    deliver(state, seconds, "group_status_update", &value.to_string());
}

fn flow(state: &mut State, seconds: i64, id: &str, event: &str, alert_state: &str) {
    let value =
        json!({"event": event, "flow_id": id, "alert_state": alert_state, "message": "+1 555"});
    deliver(state, seconds, "flows", &value.to_string());
}

fn listed(status: number::NameStatus) -> Fact {
    let snapshot = number::Snapshot {
        display_phone_number: Some("+1 555-010-0199".to_owned()),
        name_status: Some(status),
        new_name_status: Some(number::NameStatus::None),
        ..number::Snapshot::new(number_id(0))
    };
    Fact::NumbersListed(Listing {
        objects: vec![snapshot],
        complete: true,
    })
}

/// The number and the account after they were stored and loaded.
fn assert_survives_a_restart(state: &State) {
    let account = &state.accounts()[&waba()];
    for number in account.numbers() {
        let stored = serde_json::to_string(number).expect("plain data");
        let loaded: Number = serde_json::from_str(&stored).expect("its own form");
        assert_eq!(loaded, *number);
    }
    let stored = serde_json::to_string(account.as_ref()).expect("plain data");
    let loaded: Account = serde_json::from_str(&stored).expect("its own form");
    let again = serde_json::to_string(&loaded).expect("plain data");
    assert_eq!(again, stored);
}

#[test]
fn security_events_are_counted_from_zero() {
    let mut state = state_with_the_number();
    let text = text_of(&state);
    let zeros = samples(&text, SECURITY);
    assert_eq!(zeros.len(), 3);
    assert!(zeros.iter().all(|sample| sample.ends_with(" 0")));
    assert_samples(&state, LAST_SECURITY, &[]);
    security(&mut state, 60, DIGITS, "PIN_CHANGED");
    security(&mut state, 30, "+1 555-010-0199", "pin_changed");
    security(&mut state, 40, DIGITS, "PIN_RESET_REQUEST");
    // A retry.
    security(&mut state, 40, DIGITS, "PIN_RESET_REQUEST");
    let sample = |family: &str, event: &str, value: i64| {
        format!(r#"{family}{{{NUMBER},event="{event}"}} {value}"#)
    };
    let expected = [
        sample(SECURITY, "PIN_CHANGED", 2),
        sample(SECURITY, "PIN_RESET_REQUEST", 1),
    ];
    assert_samples(&state, SECURITY, &expected);
    let expected = [
        sample(LAST_SECURITY, "PIN_CHANGED", 1_775_000_060),
        sample(LAST_SECURITY, "PIN_RESET_REQUEST", 1_775_000_040),
    ];
    assert_samples(&state, LAST_SECURITY, &expected);
    assert_survives_a_restart(&state);
}

#[test]
fn reports_wait_for_their_number() {
    let mut state = state_after([]);
    security(&mut state, 10, DIGITS, "PIN_CHANGED");
    group(&mut state, 20, "g1", "group_suspend");
    review(&mut state, 30, "REJECTED", Some("NAME_FORMAT_UNACCEPTABLE"));
    assert!(!text_of(&state).contains("whatsapp_phone_number_"));
    // Through the store as well.
    assert_survives_a_restart(&state);
    state.apply(&polled(5, listed(number::NameStatus::Approved)));
    let expected = format!(r#"{SECURITY}{{{NUMBER},event="PIN_CHANGED"}} 1"#);
    assert_samples(&state, SECURITY, &[expected]);
    assert_samples(&state, GROUPS, &[format!("{GROUPS}{{{NUMBER}}} 1")]);
    let expected = format!(r#"{REASON}{{{NUMBER},rejection_reason="NAME_FORMAT_UNACCEPTABLE"}} 1"#);
    assert_samples(&state, REASON, &[expected]);
}

#[test]
fn a_rejected_name_has_its_reason_until_it_is_no_longer_rejected() {
    for late in [false, true] {
        let mut state = state_with_the_number();
        if late {
            review(&mut state, 90, "REJECTED", Some("NAME_NOT_CONSISTENT"));
            review(&mut state, 60, "REJECTED", Some("NAME_EMPLOYEE_ISSUE"));
        } else {
            review(&mut state, 60, "REJECTED", Some("NAME_EMPLOYEE_ISSUE"));
            review(&mut state, 90, "REJECTED", Some("NAME_NOT_CONSISTENT"));
        }
        let expected = format!(r#"{REASON}{{{NUMBER},rejection_reason="NAME_NOT_CONSISTENT"}} 1"#);
        assert_samples(&state, REASON, &[expected]);
        assert_survives_a_restart(&state);
        // A poll finds it first, without a webhook.
        state.apply(&polled(120, listed(number::NameStatus::Approved)));
        assert_samples(&state, REASON, &[]);
        review(&mut state, 150, "REJECTED", None);
        assert_samples(&state, REASON, &[]);
        review(&mut state, 180, "REJECTED", Some("NONE"));
        assert_samples(&state, REASON, &[]);
    }
}

#[test]
fn suspended_groups_are_counted_in_any_order() {
    let mut state = state_with_the_number();
    assert_samples(&state, GROUPS, &[]);
    group(&mut state, 30, "g1", "group_suspend_cleared");
    group(&mut state, 10, "g1", "group_suspend");
    group(&mut state, 10, "g2", "GROUP_SUSPEND");
    group(&mut state, 20, "g3", "group_suspend");
    group(&mut state, 20, "g3", "group_suspend");
    assert_samples(&state, GROUPS, &[format!("{GROUPS}{{{NUMBER}}} 2")]);
    let stored = serde_json::to_string(&state.accounts()[&waba()].numbers().next());
    assert!(!stored.expect("plain data").contains("g2"));
    assert_survives_a_restart(&state);
    for id in ["g2", "g3"] {
        group(&mut state, 40, id, "group_suspend_cleared");
    }
    let text = text_of(&state);
    assert_eq!(samples(&text, GROUPS), [format!("{GROUPS}{{{NUMBER}}} 0")]);
}

#[test]
fn a_flow_alert_is_shown_while_it_is_active() {
    let mut state = state_after([]);
    flow(&mut state, 30, "501", "ENDPOINT_LATENCY", "DEACTIVATED");
    flow(&mut state, 10, "501", "ENDPOINT_LATENCY", "ACTIVATED");
    flow(&mut state, 20, "501", "ENDPOINT_AVAILABILITY", "activated");
    flow(&mut state, 20, "502", "CLIENT_ERROR_RATE", "ACTIVATED");
    let sample =
        |id: &str, event: &str| format!(r#"{FLOW}{{{ACCOUNT},flow_id="{id}",event="{event}"}} 1"#);
    let expected = [
        sample("501", "ENDPOINT_AVAILABILITY"),
        sample("502", "CLIENT_ERROR_RATE"),
    ];
    assert_samples(&state, FLOW, &expected);
    assert_survives_a_restart(&state);
    deliver(
        &mut state,
        40,
        "flows",
        r#"{"event":"FLOW_STATUS_CHANGE","flow_id":"501","new_status":"BLOCKED"}"#,
    );
    flow(
        &mut state,
        50,
        "501",
        "ENDPOINT_AVAILABILITY",
        "DEACTIVATED",
    );
    assert_samples(&state, FLOW, &expected[1..]);
}

#[test]
fn invented_flows_and_groups_have_a_limit() {
    let mut state = state_with_the_number();
    for which in 0..300 {
        let id = (1_000 + which).to_string();
        flow(&mut state, which, &id, "ENDPOINT_LATENCY", "ACTIVATED");
        group(&mut state, which, &id, "group_suspend");
    }
    assert_eq!(samples(&text_of(&state), FLOW).len(), 256);
    assert_samples(&state, GROUPS, &[format!("{GROUPS}{{{NUMBER}}} 128")]);
}
