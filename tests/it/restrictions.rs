//! Restrictions and the end of each kind, violations and warnings, and a disabling that does not take place.

mod numbers;
mod polls;

use polls::{account_can_send, health};
use serde_json::json;
use whatsapp_business_exporter::domain::{
    CanSendMessage, Event, Fact, HealthEntity, Listing, number,
};
use whatsapp_business_exporter::state::{Account, State};

use crate::exposition::{ACCOUNT, assert_samples, deliver};
use crate::support::{at, number_id, polled, state_after, waba};

const RESTRICTION: &str = "whatsapp_business_account_restriction";

const EXPIRES: &str = "whatsapp_business_account_restriction_expires_timestamp_seconds";

const DIRECT_SEND: &str = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES";

const MESSAGING: &str = "RESTRICTED_BIZ_INITIATED_MESSAGING";

const CALLS: &str = "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN";

/// The digits of the numbers, by the last digit of their id.
const DIGITS: [&str; 3] = ["15550100199", "15550100142", "22568123456"];

const DISPLAYED: [&str; 3] = ["+1 555-010-0199", "+1 555-010-0142", "+225 07 68 12 34 56"];

/// A restriction of the account, or of the number with these digits.
fn restriction(kind: &str, digits: Option<&str>, ends: Option<i64>) -> String {
    let ends = ends.map(|seconds| at(seconds).as_millis() / 1_000);
    let info = json!({"restriction_type": kind, "expiration": ends});
    let mut value = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [info]});
    if let Some(digits) = digits {
        value["phone_number"] = digits.into();
    }
    value.to_string()
}

fn violation(kind: &str) -> String {
    json!({"event": "ACCOUNT_RESTRICTION", "violation_info": {"violation_type": kind}}).to_string()
}

fn direct_send(step: &str) -> String {
    violation(&format!("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_{step}"))
}

fn update(state: &mut State, seconds: i64, value: &str) {
    deliver(state, seconds, "account_update", value);
}

/// `kind` of the number, or of the account if `number` is empty.
fn series(family: &str, kind: &str, number: &str) -> String {
    format!(r#"{family}{{{ACCOUNT},restriction_type="{kind}",phone_number_id="{number}"}}"#)
}

#[track_caller]
fn assert_restricted(state: &State, expected: &[(&str, &str)]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|(kind, number)| format!("{} 1", series(RESTRICTION, kind, number)))
        .collect();
    assert_samples(state, RESTRICTION, &expected);
}

/// A complete listing of these numbers.
fn listed(seconds: i64, numbers: &[usize], can_send: CanSendMessage) -> Event {
    let snapshot = |which: &usize| number::Snapshot {
        display_phone_number: Some(DISPLAYED[*which].to_owned()),
        health: health(HealthEntity::PhoneNumber, can_send),
        ..number::Snapshot::new(number_id(*which))
    };
    let listing = Listing {
        objects: numbers.iter().map(snapshot).collect(),
        complete: true,
    };
    polled(seconds, Fact::NumbersListed(listing))
}

/// The account after it was stored and loaded. The numbers are stored apart, so the account must have none.
fn assert_survives_a_restart(state: &State) {
    let account = &state.accounts()[&waba()];
    let stored = serde_json::to_string(account.as_ref()).expect("plain data");
    let loaded: Account = serde_json::from_str(&stored).expect("its own form");
    assert_eq!(loaded, **account);
}

#[test]
fn a_direct_send_restriction_is_lifted_in_any_order() {
    for end in ["UNBAN", "RATE_LIMIT_RECOVERY"] {
        for order in [[0, 1, 0], [1, 0, 1], [0, 0, 1], [1, 1, 0]] {
            let mut state = state_after([]);
            for which in order {
                match which {
                    0 => update(&mut state, 0, &restriction(DIRECT_SEND, None, None)),
                    _ => update(&mut state, 60, &direct_send(end)),
                }
            }
            assert_restricted(&state, &[]);
            assert_survives_a_restart(&state);
            // The next strike restricts again.
            update(&mut state, 120, &restriction(DIRECT_SEND, None, Some(500)));
            assert_restricted(&state, &[(DIRECT_SEND, "")]);
        }
    }
}

#[test]
fn a_restriction_and_its_end_in_one_second_leave_the_restriction() {
    for swapped in [false, true] {
        let mut state = state_after([]);
        let both = [restriction(DIRECT_SEND, None, None), direct_send("UNBAN")];
        let order = if swapped { [1, 0] } else { [0, 1] };
        for which in order {
            update(&mut state, 0, both[which].as_str());
        }
        assert_restricted(&state, &[(DIRECT_SEND, "")]);
    }
}

#[test]
fn an_end_for_the_account_is_an_end_for_its_numbers_but_not_of_other_restrictions() {
    let mut state = state_after([]);
    update(&mut state, 60, &direct_send("UNBAN"));
    update(
        &mut state,
        0,
        &restriction(DIRECT_SEND, Some(DIGITS[0]), None),
    );
    update(&mut state, 0, &restriction(CALLS, Some(DIGITS[0]), None));
    assert_restricted(&state, &[(CALLS, "")]);
    assert_survives_a_restart(&state);
}

#[test]
fn warnings_and_ends_are_no_restrictions_and_ends_are_no_violations() {
    let mut state = state_after([]);
    update(&mut state, 0, &direct_send("WARN"));
    update(&mut state, 1, &direct_send("WARN"));
    update(
        &mut state,
        2,
        &violation("DIRECT_SEND_UTILITY_TEMPLATE_ABUSE"),
    );
    update(&mut state, 3, &direct_send("UNBAN"));
    update(&mut state, 4, &direct_send("RATE_LIMIT_RECOVERY"));
    assert_restricted(&state, &[]);
    let [total, last] = ["violations_total", "last_violation_timestamp_seconds"]
        .map(|name| format!("whatsapp_business_account_{name}"));
    let sample = |family: &str, kind: &str, value: i64| {
        format!(r#"{family}{{{ACCOUNT},violation_type="DIRECT_SEND_UTILITY_{kind}"}} {value}"#)
    };
    let expected = [
        sample(&total, "CATEGORY_ABUSE_WARN", 2),
        sample(&total, "TEMPLATE_ABUSE", 1),
    ];
    assert_samples(&state, &total, &expected);
    let expected = [
        sample(&last, "CATEGORY_ABUSE_WARN", 1_775_000_001),
        sample(&last, "TEMPLATE_ABUSE", 1_775_000_002),
    ];
    assert_samples(&state, &last, &expected);
    assert_survives_a_restart(&state);
}

#[test]
fn absurd_ends_are_no_ends() {
    let mut state = state_after([]);
    for absurd in [
        json!(0),
        json!(-1),
        json!(1_000_000_000_000_000_000_i64),
        json!("253402300799"),
        json!(253_402_300_799_000_i64),
        json!("9999-12-31T23:59:59+0000"),
        json!("December 31, 9999"),
    ] {
        let info = json!({"restriction_type": CALLS, "expiration": absurd});
        let value = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": info});
        update(&mut state, 0, &value.to_string());
        assert_restricted(&state, &[(CALLS, "")]);
        assert_samples(&state, EXPIRES, &[]);
    }
}

#[test]
fn a_disabling_that_did_not_take_place_is_over_after_its_day() {
    let scheduled = "whatsapp_business_account_disable_scheduled_timestamp_seconds";
    let state_of_ban = "whatsapp_business_account_ban_state";
    let day = 86_400;
    // Midnight of the announced day.
    let date = json!({"event": "DISABLED_UPDATE",
        "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "April 1, 2026"}});
    let midnight = 1_775_001_600 - 1_775_000_000;
    let mut state = state_after([]);
    update(&mut state, 0, &date.to_string());
    let announced = [format!("{scheduled}{{{ACCOUNT}}} 1775001600")];
    for (seconds, can_send, expected) in [
        (10, CanSendMessage::Available, &announced[..]),
        (midnight + 60, CanSendMessage::Available, &announced),
        (midnight + day + 60, CanSendMessage::Blocked, &announced),
        (midnight + day + 120, CanSendMessage::Limited, &announced),
        (midnight + day + 180, CanSendMessage::Available, &[]),
    ] {
        state.apply(&account_can_send(seconds, can_send));
        assert_samples(&state, scheduled, expected);
        let word = if expected.is_empty() {
            "NONE"
        } else {
            "SCHEDULE_FOR_DISABLE"
        };
        let expected = format!(r#"{state_of_ban}{{{ACCOUNT},state="{word}"}} 1"#);
        assert_samples(&state, state_of_ban, &[expected]);
    }
    assert_survives_a_restart(&state);
    // The poll is older than this announcement.
    let again = date.to_string();
    update(&mut state, midnight + day + 240, &again);
    assert_samples(&state, scheduled, &announced);
}

#[test]
fn a_removal_has_its_reason_and_initiator() {
    let mut state = state_after([]);
    let removed = "whatsapp_business_account_removed_timestamp_seconds";
    let disconnected = |digits: &str, reason: &str| {
        json!({"phone_number": digits, "event": "PARTNER_REMOVED",
            "disconnection_info": {"reason": reason, "initiated_by": "SYSTEM"}})
        .to_string()
    };
    update(&mut state, 0, r#"{"event":"ACCOUNT_OFFBOARDED"}"#);
    update(
        &mut state,
        1,
        &disconnected(DIGITS[0], "PRIMARY_INACTIVITY"),
    );
    update(&mut state, 2, &disconnected(DIGITS[1], "CHANGE_NUMBER"));
    update(&mut state, 0, &disconnected(DIGITS[0], "CHANGE_NUMBER"));
    let sample = |event: &str, reason: &str, by: &str, seconds: i64| {
        let labels = format!(r#"event="{event}",reason="{reason}",initiated_by="{by}""#);
        format!(
            "{removed}{{{ACCOUNT},{labels}}} {}",
            1_775_000_000 + seconds
        )
    };
    let expected = [
        sample("ACCOUNT_OFFBOARDED", "", "", 0),
        sample("PARTNER_REMOVED", "CHANGE_NUMBER", "SYSTEM", 2),
        sample("PARTNER_REMOVED", "PRIMARY_INACTIVITY", "SYSTEM", 1),
    ];
    assert_samples(&state, removed, &expected);
    assert_survives_a_restart(&state);
}
