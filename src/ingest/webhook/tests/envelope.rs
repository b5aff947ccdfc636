//! Expected results of the fixtures about the envelope, and the counts of a delivery.

use super::{
    ACCOUNT, Expected, RECEIVED_AT, RECEIVED_AT_WHOLE_SECONDS, SENT_AT, digits, fixture, one_event,
    parsed, unwatched_event,
};
use crate::domain::account::{ReviewStatus, Update as AccountUpdate};
use crate::domain::number::{QualityEventKind, Update, WebhookUpdate};
use crate::domain::{Fact, Timestamp, WebhookField};
use crate::ingest::webhook::{Delivery, NotJson};
use crate::telemetry::Telemetry;

fn flagged() -> Fact {
    Fact::Number(WebhookUpdate {
        digits: digits(),
        update: Update::Quality {
            event: QualityEventKind::Flagged,
            old_limit: None,
            current_limit: None,
        },
    })
}

fn approved() -> Fact {
    Fact::Account(AccountUpdate::Review(ReviewStatus::Approved))
}

fn gives(fixture: &'static str, events: Vec<(&'static str, i64, Fact)>) -> Expected {
    Expected {
        fixture,
        events,
        warnings: &[],
    }
}

pub fn expectations() -> Vec<Expected> {
    let mut all = shapes();
    all.extend(times());
    all.extend(odd_ones());
    all
}

fn shapes() -> Vec<Expected> {
    let several = vec![
        (ACCOUNT, SENT_AT, flagged()),
        (ACCOUNT, SENT_AT, approved()),
        ("800100200300401", SENT_AT - 60, approved()),
    ];
    vec![
        one_event("envelope_keys_in_another_order", flagged()),
        gives("envelope_several_entries", several),
        one_event("envelope_single_objects_for_lists", approved()),
        gives("envelope_test_button", Vec::new()),
    ]
}

fn times() -> Vec<Expected> {
    vec![
        one_event("envelope_no_time", flagged()).at(RECEIVED_AT_WHOLE_SECONDS),
        one_event("envelope_no_time_own_timestamp", approved()).at(1_773_999_000),
        one_event("envelope_time_in_milliseconds", approved()),
        one_event("envelope_time_in_far_future", approved())
            .at(RECEIVED_AT_WHOLE_SECONDS)
            .warnings(&["entry.time!"]),
        one_event("envelope_time_zero", approved())
            .at(RECEIVED_AT_WHOLE_SECONDS)
            .warnings(&["entry.time!"]),
        one_event("envelope_time_is_prose", approved())
            .at(RECEIVED_AT_WHOLE_SECONDS)
            .warnings(&["entry.time!"]),
    ]
}

fn odd_ones() -> Vec<Expected> {
    let beside = |fact| {
        vec![
            (ACCOUNT, SENT_AT, Fact::Unwatched),
            (ACCOUNT, SENT_AT, fact),
        ]
    };
    let below_two = vec![
        (ACCOUNT, SENT_AT, Fact::Unwatched),
        (ACCOUNT, SENT_AT, Fact::Unwatched),
        (ACCOUNT, SENT_AT, approved()),
    ];
    vec![
        gives("envelope_unknown_field", beside(approved()))
            .warnings(&["change.field=quantum_update"]),
        unwatched_event("envelope_unknown_field_redacted").warnings(&["change.field=(redacted)"]),
        one_event("envelope_other_object", approved()).warnings(&["webhook.object=page"]),
        one_event("envelope_no_object", approved()).warnings(&["webhook.object!"]),
        gives("envelope_no_entry", Vec::new()).warnings(&["webhook.entry!"]),
        gives("envelope_is_empty", Vec::new()).warnings(&["webhook.object!", "webhook.entry!"]),
        gives("envelope_is_a_list", Vec::new()).warnings(&["webhook.body!"]),
        // Too deep to be parsed; where a value is not parsed, depth does not matter.
        gives("envelope_deep_nesting", below_two.clone()).warnings(&[
            "account_update.json: 1 nested_too_deeply",
            "account_update.event!",
        ]),
        gives("envelope_odd_changes", below_two).warnings(&[
            "entry.changes!",          // null
            "entry.changes!",          // text
            "entry.changes!",          // a number
            "entry.changes!",          // a list
            "change.field!",           // absent
            "change.value!",           // absent
            "change.field=(redacted)", // a number, which is no word
            "change.value!",           // a list: the one that is unwatched
            "change.value!",           // null
        ]),
        one_event("envelope_odd_entries", approved()).warnings(&[
            "webhook.entry!", // text
            "webhook.entry!", // null
            "entry.changes!", // absent
            "entry.changes!", // text
            "entry.id!",      // no digits
            "entry.id!",      // absent
        ]),
    ]
}

#[test]
fn a_change_is_counted_even_if_it_is_only_a_test() {
    let delivery = parsed("envelope_test_button");
    assert_eq!(delivery.fields, [WebhookField::PhoneNumberQualityUpdate]);
    assert!(delivery.accounts.is_empty());
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let cut_off = fixture("messages_inbound");
    for body in [
        &b""[..],
        b"{",
        b"{}{}",
        b"\xff",
        b"entry=1",
        &cut_off[..cut_off.len() / 2],
    ] {
        assert_eq!(Delivery::parse(body, RECEIVED_AT, None), Err(NotJson));
    }
}

#[test]
fn no_depth_of_nesting_overflows_the_stack() {
    let (open, close) = ("[".repeat(500_000), "]".repeat(500_000));
    for (before, after) in [
        ("", ""),
        (r#"{"entry":"#, "}"),
        (r#"{"entry":{"id":"1","changes":"#, "}}"),
        (
            r#"{"entry":{"id":"1","changes":{"field":"messages","value":"#,
            "}}}",
        ),
        (
            r#"{"entry":{"id":"1","changes":{"field":"account_update","value":"#,
            "}}}",
        ),
    ] {
        let body = [before, &open, &close, after].concat();
        let delivery = Delivery::parse(body.as_bytes(), RECEIVED_AT, None).expect("JSON");
        assert!(!delivery.warnings.is_empty());
    }
}

#[test]
fn only_watched_accounts_have_a_webhook_lag() {
    let telemetry = Telemetry::new();
    let delivery = parsed("envelope_several_entries");
    delivery.record(&telemetry, |waba_id| waba_id.as_str() == ACCOUNT, |_| true);
    assert_eq!(telemetry.webhook_deliveries.get(), 1);
    let reviews = telemetry
        .webhook_changes
        .with_label_values(&["account_review_update"]);
    assert_eq!(reviews.get(), 2);
    // Two entries of this account, 3.25 s and 2.25 s before the receipt.
    assert_eq!(telemetry.webhook_lag.get_sample_count(), 2);
    assert!((telemetry.webhook_lag.get_sample_sum() - 5.5).abs() < 1e-9);
    let received = telemetry
        .webhook_last_received
        .with_label_values(&[ACCOUNT]);
    assert!((received.get() - RECEIVED_AT.as_seconds_f64()).abs() < 1e-9);
    let others = telemetry
        .webhook_last_received
        .remove_label_values(&["800100200300401"]);
    assert!(
        others.is_err(),
        "an account that is not watched got a series"
    );
}

#[test]
fn warnings_are_counted_by_field_and_a_partners_account_is_active() {
    let telemetry = Telemetry::new();
    parsed("envelope_unknown_field").record(&telemetry, |_| true, |_| true);
    let unknown = telemetry
        .unknown_values
        .with_label_values(&["change.field"]);
    assert_eq!(unknown.get(), 1);
    let activities = parsed("account_update_partner_added").accounts;
    let activities: Vec<_> = activities.iter().map(|it| it.waba_id.as_str()).collect();
    assert_eq!(activities, [super::PORTFOLIO, ACCOUNT]);
}

#[test]
fn a_thousand_changes_keep_their_order_and_number() {
    let change = r#"{"field":"account_review_update","value":{"decision":"APPROVED"}}"#;
    let changes = vec![change; 1_000].join(",");
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{ACCOUNT}","time":{SENT_AT},"changes":[{changes}]}}]}}"#
    );
    let delivery = Delivery::parse(body.as_bytes(), RECEIVED_AT, None).expect("JSON");
    assert_eq!(delivery.events.len(), 1_000);
    let sent_at = Timestamp::from_seconds(SENT_AT);
    assert!(
        delivery
            .events
            .iter()
            .all(|event| event.observed_at == sent_at)
    );
}
