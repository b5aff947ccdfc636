//! Ends of restrictions that polls find.

use serde_json::json;
use whatsapp_business_exporter::domain::{
    CanSendMessage, EntityHealth, Event, Fact, Health, HealthEntity, account,
};

use super::{
    CALLS, DIGITS, DIRECT_SEND, MESSAGING, assert_restricted, listed, restriction, update,
};
use crate::support::{number_id, polled, state_after, text_of};

pub(super) fn health(kind: HealthEntity, can_send_message: CanSendMessage) -> Option<Health> {
    let entity = EntityHealth {
        kind,
        can_send_message,
    };
    Health::new(vec![entity], None)
}

pub(super) fn account_can_send(seconds: i64, can_send: CanSendMessage) -> Event {
    let snapshot = account::Snapshot {
        health: health(HealthEntity::Waba, can_send),
        ..account::Snapshot::default()
    };
    polled(seconds, Fact::AccountRead(snapshot))
}

#[test]
fn only_restrictions_of_messages_end_with_a_poll_that_can_send() {
    let kinds: Vec<&str> = vec![
        MESSAGING,
        "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
        "RESTRICTED_UTILITY_TEMPLATES",
        "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
        "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
        "RESTRICTED_BUSINESS_INITIATED_CALLING",
        "RESTRICTED_USER_INITIATED_CALLING",
        CALLS,
        DIRECT_SEND,
    ];
    let (about_messages, others) = kinds.split_at(3);
    for kind in &kinds {
        let mut state = state_after(&[account_can_send(0, CanSendMessage::Available)]);
        update(&mut state, 10, &restriction(kind, None, None));
        assert_restricted(&state, &[(kind, "")]);
        state.apply(&account_can_send(20, CanSendMessage::Limited));
        assert_restricted(&state, &[(kind, "")]);
        state.apply(&account_can_send(30, CanSendMessage::Available));
        if about_messages.contains(kind) {
            assert_restricted(&state, &[]);
        } else {
            assert!(others.contains(kind));
            assert_restricted(&state, &[(kind, "")]);
        }
    }
}

#[test]
fn a_number_is_free_when_it_can_send_and_not_when_its_account_can() {
    let mut state = state_after(&[listed(0, &[0], CanSendMessage::Limited)]);
    update(
        &mut state,
        10,
        &restriction(MESSAGING, Some(DIGITS[0]), None),
    );
    update(
        &mut state,
        10,
        &restriction(MESSAGING, Some(DIGITS[1]), None),
    );
    state.apply(&account_can_send(20, CanSendMessage::Available));
    let number = number_id(0);
    assert_restricted(&state, &[(MESSAGING, ""), (MESSAGING, number.as_str())]);
    state.apply(&listed(30, &[0], CanSendMessage::Available));
    assert_restricted(&state, &[(MESSAGING, "")]);
}

#[test]
fn a_restriction_without_an_end_is_over_when_its_number_is_removed() {
    let mut state = state_after(&[listed(0, &[0, 1], CanSendMessage::Available)]);
    update(&mut state, 10, &restriction(CALLS, Some(DIGITS[1]), None));
    state.apply(&listed(5, &[0], CanSendMessage::Available));
    let number = number_id(1);
    assert_restricted(&state, &[(CALLS, number.as_str())]);
    state.apply(&listed(20, &[0], CanSendMessage::Available));
    assert_restricted(&state, &[]);
    // It is back, and still restricted.
    state.apply(&listed(30, &[0, 1], CanSendMessage::Available));
    assert_restricted(&state, &[(CALLS, number.as_str())]);
}

#[test]
fn an_account_whose_business_is_limited_can_send() {
    let mut state = state_after([]);
    let date = json!({"event": "DISABLED_UPDATE",
        "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "April 1, 2026"}});
    update(&mut state, 0, &date.to_string());
    let entity = |kind, can_send_message| EntityHealth {
        kind,
        can_send_message,
    };
    let entities = vec![
        entity(HealthEntity::Waba, CanSendMessage::Available),
        entity(HealthEntity::Business, CanSendMessage::Limited),
    ];
    let snapshot = account::Snapshot {
        health: Health::new(entities, None),
        ..account::Snapshot::default()
    };
    state.apply(&polled(10 * 86_400, Fact::AccountRead(snapshot)));
    assert!(!text_of(&state).contains("disable_scheduled_timestamp_seconds{"));
}
