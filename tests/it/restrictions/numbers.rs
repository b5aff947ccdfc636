//! Restrictions of single phone numbers.

use serde_json::json;
use whatsapp_business_exporter::domain::CanSendMessage;

use super::{
    CALLS, DIGITS, DIRECT_SEND, DISPLAYED, EXPIRES, assert_restricted, listed, restriction, series,
    update,
};
use crate::exposition::assert_samples;
use crate::support::{at, number_id, samples, state_after, text_at};

#[test]
fn an_end_for_one_number_leaves_other_numbers_restricted() {
    let mut state = state_after(&[listed(0, &[0, 1], CanSendMessage::Available)]);
    for digits in [None, Some(DIGITS[0]), Some(DIGITS[1])] {
        update(&mut state, 10, &restriction(DIRECT_SEND, digits, None));
    }
    let end = json!({"event": "ACCOUNT_RESTRICTION", "phone_number": DISPLAYED[0],
        "violation_info": {"violation_type": "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN"}});
    update(&mut state, 20, &end.to_string());
    assert_restricted(&state, &[(DIRECT_SEND, number_id(1).as_str())]);
}

#[test]
fn numbers_are_restricted_separately_with_different_ends() {
    let mut state = state_after(&[listed(0, &[0, 1], CanSendMessage::Available)]);
    update(
        &mut state,
        10,
        &restriction(CALLS, Some(DIGITS[0]), Some(100)),
    );
    update(
        &mut state,
        10,
        &restriction(CALLS, Some(DISPLAYED[1]), Some(200)),
    );
    update(&mut state, 10, &restriction(CALLS, None, None));
    let [first, second] = [number_id(0), number_id(1)];
    assert_restricted(
        &state,
        &[
            (CALLS, ""),
            (CALLS, first.as_str()),
            (CALLS, second.as_str()),
        ],
    );
    let expires = |number: &str, seconds: i64| {
        let end = at(seconds).as_millis() / 1_000;
        format!("{} {end}", series(EXPIRES, CALLS, number))
    };
    let expected = [expires(first.as_str(), 100), expires(second.as_str(), 200)];
    assert_samples(&state, EXPIRES, &expected);
    let later = text_at(state.accounts(), at(150));
    assert_eq!(samples(&later, EXPIRES), [&expected[1]]);
}

#[test]
fn the_number_may_be_known_later_than_its_restriction() {
    let mut state = state_after([]);
    for (digits, ends) in [(DIGITS[0], 100), (DIGITS[1], 200)] {
        update(
            &mut state,
            10,
            &restriction(CALLS, Some(digits), Some(ends)),
        );
    }
    // Both have the same labels while they are unknown, so the last one to end is shown.
    assert_restricted(&state, &[(CALLS, "")]);
    let end = at(200).as_millis() / 1_000;
    let expires = |number: &str, end: i64| format!("{} {end}", series(EXPIRES, CALLS, number));
    assert_samples(&state, EXPIRES, &[expires("", end)]);
    state.apply(&listed(20, &[0], CanSendMessage::Available));
    let [first, second] = [number_id(0), number_id(1)];
    assert_restricted(&state, &[(CALLS, ""), (CALLS, first.as_str())]);
    state.apply(&listed(30, &[0, 1], CanSendMessage::Available));
    assert_restricted(&state, &[(CALLS, first.as_str()), (CALLS, second.as_str())]);
    let first_end = at(100).as_millis() / 1_000;
    let expected = [
        expires(first.as_str(), first_end),
        expires(second.as_str(), end),
    ];
    assert_samples(&state, EXPIRES, &expected);
}

#[test]
fn two_spellings_are_one_number_whose_newest_report_counts() {
    let mut state = state_after(&[listed(0, &[2], CanSendMessage::Limited)]);
    let number = number_id(2);
    update(&mut state, 10, &restriction(CALLS, Some(DIGITS[2]), None));
    assert_restricted(&state, &[(CALLS, number.as_str())]);
    update(
        &mut state,
        20,
        &restriction(CALLS, Some(DISPLAYED[2]), Some(-5)),
    );
    assert_restricted(&state, &[]);
}
