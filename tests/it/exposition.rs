//! From payloads of Meta to exposition text.

mod templates;

use whatsapp_business_exporter::domain::{Fact, Listing, Timestamp, number};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::state::State;

use crate::support::{at, number_id, polled, samples, state_after, text_of};

pub const NUMBER: &str = r#"waba_id="800100200300400",phone_number_id="900100200300400""#;

pub const ACCOUNT: &str = r#"waba_id="800100200300400""#;

/// A state with the number of the payloads, connected and green.
pub fn state_with_the_number() -> State {
    let snapshot = number::Snapshot {
        display_phone_number: Some("+1 555-010-0199".to_owned()),
        verified_name: Some("Fern \"&\" Moss".to_owned()),
        status: Some(number::Status::Connected),
        quality_rating: Some(whatsapp_business_exporter::domain::QualityRating::Green),
        ..number::Snapshot::new(number_id(0))
    };
    state_after([&polled(
        0,
        Fact::NumbersListed(Listing {
            objects: vec![snapshot],
            complete: true,
        }),
    )])
}

/// Delivers one change, sent at `seconds`.
pub fn deliver(state: &mut State, seconds: i64, field: &str, value: &str) {
    let sent = at(seconds).as_millis() / 1000;
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800100200300400","time":{sent},"changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
    );
    let delivery = Delivery::parse(body.as_bytes(), received(seconds), None).expect("it is json");
    assert_eq!(delivery.warnings, [], "{body}");
    for event in &delivery.events {
        state.apply(event);
    }
}

fn received(seconds: i64) -> Timestamp {
    at(seconds + 1)
}

/// Asserts that `text` has exactly these samples of a family, besides those that are zero.
#[track_caller]
pub fn assert_samples(state: &State, family: &str, expected: &[String]) {
    let text = text_of(state);
    let not_zero: Vec<&str> = samples(&text, family)
        .into_iter()
        .filter(|line| !line.ends_with(" 0"))
        .collect();
    assert_eq!(not_zero, expected, "{family}");
}

#[test]
fn a_flagged_number_has_seven_days() {
    let mut state = state_with_the_number();
    deliver(
        &mut state,
        60,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"FLAGGED","current_limit":"TIER_10K"}"#,
    );
    let since = 1_775_000_060;
    let family = |name: &str| format!("whatsapp_phone_number_{name}");
    assert_samples(
        &state,
        &family("flagged"),
        &[format!("{}{{{NUMBER}}} 1", family("flagged"))],
    );
    assert_samples(
        &state,
        &family("flagged_since_timestamp_seconds"),
        &[format!(
            "{}{{{NUMBER}}} {since}",
            family("flagged_since_timestamp_seconds")
        )],
    );
    assert_samples(
        &state,
        &family("flagged_deadline_timestamp_seconds"),
        &[format!(
            "{}{{{NUMBER}}} {}",
            family("flagged_deadline_timestamp_seconds"),
            since + 7 * 86_400
        )],
    );
    assert_samples(
        &state,
        &family("messaging_limit"),
        &[format!("{}{{{NUMBER}}} 10000", family("messaging_limit"))],
    );
    // The event carries no colour: the rating stays what the poll read.
    assert_samples(
        &state,
        &family("quality_rating"),
        &[format!(
            "{}{{{NUMBER},quality_rating=\"GREEN\"}} 1",
            family("quality_rating")
        )],
    );
    deliver(
        &mut state,
        120,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"UNFLAGGED","current_limit":"TIER_10K"}"#,
    );
    assert_samples(&state, &family("flagged"), &[]);
    assert_samples(&state, &family("flagged_deadline_timestamp_seconds"), &[]);
}

#[test]
fn a_throughput_upgrade_is_no_limit_and_a_downgrade_is_a_decrease() {
    let mut state = state_with_the_number();
    deliver(
        &mut state,
        10,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"DOWNGRADE","old_limit":"TIER_10K","current_limit":"TIER_1K"}"#,
    );
    deliver(
        &mut state,
        20,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"THROUGHPUT_UPGRADE","current_limit":"TIER_UNLIMITED"}"#,
    );
    let changes = "whatsapp_phone_number_messaging_limit_changes_total";
    assert_samples(
        &state,
        changes,
        &[format!("{changes}{{{NUMBER},direction=\"decrease\"}} 1")],
    );
    let limit = "whatsapp_phone_number_messaging_limit";
    assert_samples(&state, limit, &[format!("{limit}{{{NUMBER}}} 1000")]);
    let level = "whatsapp_phone_number_throughput_level";
    assert_samples(
        &state,
        level,
        &[format!("{level}{{{NUMBER},level=\"HIGH\"}} 1")],
    );
}

#[test]
fn an_unlimited_number_has_an_infinite_limit() {
    let mut state = state_with_the_number();
    deliver(
        &mut state,
        10,
        "phone_number_quality_update",
        r#"{"display_phone_number":"+1 555-010-0199","event":"ONBOARDING","max_daily_conversations_per_business":"UNLIMITED"}"#,
    );
    let limit = "whatsapp_phone_number_messaging_limit";
    assert_samples(&state, limit, &[format!("{limit}{{{NUMBER}}} +Inf")]);
}

#[test]
fn static_text_is_escaped() {
    let info = "whatsapp_phone_number_info";
    assert_samples(
        &state_with_the_number(),
        info,
        &[format!(
            r#"{info}{{{NUMBER},display_phone_number="+1 555-010-0199",verified_name="Fern \"&\" Moss",platform_type="",account_mode=""}} 1"#
        )],
    );
}

#[test]
fn a_scheduled_ban_has_a_day_until_it_is_taken_back() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        0,
        "account_update",
        r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"April 17, 2026"}}"#,
    );
    let scheduled = "whatsapp_business_account_disable_scheduled_timestamp_seconds";
    assert_samples(
        &state,
        scheduled,
        &[format!("{scheduled}{{{ACCOUNT}}} 1776384000")],
    );
    deliver(
        &mut state,
        5,
        "account_update",
        r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["REINSTATE"],"waba_ban_date":"April 20, 2026"}}"#,
    );
    assert_samples(&state, scheduled, &[]);
    let ban = "whatsapp_business_account_ban_state";
    assert_samples(
        &state,
        ban,
        &[format!(r#"{ban}{{{ACCOUNT},state="REINSTATE"}} 1"#)],
    );
    let events = "whatsapp_business_account_events_total";
    assert_samples(
        &state,
        events,
        &[format!(
            r#"{events}{{{ACCOUNT},event="DISABLED_UPDATE"}} 2"#
        )],
    );
}

#[test]
fn a_restriction_ends_at_its_time() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        -500,
        "account_update",
        r#"{"phone_number":"15550100199","event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1774999999},{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION","expiration":"2026-04-19T13:59:20+0000","remediation":"free text"},{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES"}]}"#,
    );
    let restriction = "whatsapp_business_account_restriction";
    assert_samples(
        &state,
        restriction,
        &[
            format!(
                r#"{restriction}{{{ACCOUNT},restriction_type="RESTRICTED_ADD_PHONE_NUMBER_ACTION",phone_number_id=""}} 1"#
            ),
            format!(
                r#"{restriction}{{{ACCOUNT},restriction_type="RESTRICTED_UTILITY_TEMPLATES",phone_number_id=""}} 1"#
            ),
        ],
    );
    let expires = "whatsapp_business_account_restriction_expires_timestamp_seconds";
    assert_samples(
        &state,
        expires,
        &[format!(
            r#"{expires}{{{ACCOUNT},restriction_type="RESTRICTED_ADD_PHONE_NUMBER_ACTION",phone_number_id=""}} 1776607160"#
        )],
    );
}

#[test]
fn an_event_for_a_number_not_yet_known_waits_for_it() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        60,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"FLAGGED"}"#,
    );
    assert_samples(&state, "whatsapp_phone_number_flagged", &[]);
    let listing = Listing {
        objects: vec![number::Snapshot {
            display_phone_number: Some("+1 555-010-0199".to_owned()),
            ..number::Snapshot::new(number_id(0))
        }],
        complete: true,
    };
    state.apply(&polled(30, Fact::NumbersListed(listing)));
    let flagged = "whatsapp_phone_number_flagged";
    assert_samples(&state, flagged, &[format!("{flagged}{{{NUMBER}}} 1")]);
}

#[test]
fn only_a_complete_listing_removes() {
    let mut state = state_with_the_number();
    let empty = |complete| {
        Fact::NumbersListed(Listing {
            objects: Vec::new(),
            complete,
        })
    };
    state.apply(&polled(10, empty(false)));
    assert_eq!(
        samples(&text_of(&state), "whatsapp_phone_number_info").len(),
        1
    );
    state.apply(&polled(20, empty(true)));
    assert!(!text_of(&state).contains("whatsapp_phone_number_"));
    // A late word about it does not bring it back.
    deliver(
        &mut state,
        15,
        "phone_number_quality_update",
        r#"{"display_phone_number":"15550100199","event":"FLAGGED"}"#,
    );
    assert!(!text_of(&state).contains("whatsapp_phone_number_"));
}
