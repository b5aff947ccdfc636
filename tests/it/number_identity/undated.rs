//! Deliveries without a time: a retry is recognised by its content.

use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::domain::number::Status;
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};

use super::{deliver, flagged, quality, state_with};
use crate::support::{at, number_id, samples, text_of};

#[test]
fn an_undated_webhook_is_a_retry_only_directly_after_its_equal() {
    let mut state = state_with(&[("+1 555-010-0199", Status::Connected)]);
    let change = |event| quality("15550100199", event);
    assert_eq!(deliver(&mut state, 60, "", &change("FLAGGED")), 0);
    assert_eq!(
        deliver(&mut state, 61, "", &change("FLAGGED")),
        1,
        "a repeat"
    );
    assert_eq!(flagged(&state), [0]);
    assert_eq!(deliver(&mut state, 70, "", &change("UNFLAGGED")), 0);
    assert_eq!(flagged(&state), [] as [usize; 0]);
    assert_eq!(deliver(&mut state, 80, "", &change("FLAGGED")), 0);
    assert_eq!(flagged(&state), [0]);
    // All three within one second, with another number in between.
    let mut state = state_with(&[
        ("+1 555-010-0199", Status::Connected),
        ("+1 555-010-0198", Status::Connected),
    ]);
    for event in ["FLAGGED", "UNFLAGGED", "FLAGGED", "UNFLAGGED"] {
        assert_eq!(deliver(&mut state, 60, "", &change(event)), 0, "{event}");
        deliver(&mut state, 60, "", &quality("15550100198", "FLAGGED"));
    }
    let text = text_of(&state);
    for (which, count) in [(0, 2), (1, 1)] {
        let counted = format!(
            r#"phone_number_id="{}",event="FLAGGED"}} {count}"#,
            number_id(which)
        );
        assert!(text.contains(&counted), "{counted}");
    }
}

#[test]
fn every_change_of_an_undated_delivery_is_recognised_when_the_delivery_repeats() {
    let mut state = state_with(&[]);
    let removed = |digits: &str| {
        format!(
            r#"{{"field":"account_update","value":{{"event":"PARTNER_REMOVED","phone_number":"{digits}"}}}}"#
        )
    };
    let alert = |kind: &str| {
        format!(
            r#"{{"field":"account_alerts","value":{{"alert_info":{{"alert_severity":"CRITICAL","alert_type":"{kind}"}}}}}}"#
        )
    };
    let both = [
        removed("15550100198"),
        removed("15550100199"),
        alert("OBA_REJECTED"),
        alert("PROFILE_PICTURE_LOST"),
        quality("15550100199", "FLAGGED"),
        quality("15550100198", "FLAGGED"),
    ]
    .join(",");
    assert_eq!(deliver(&mut state, 60, "", &both), 0);
    assert_eq!(deliver(&mut state, 120, "", &both), 6);
    let text = text_of(&state);
    assert!(text.contains(r#"event="PARTNER_REMOVED"} 2"#), "{text}");
}

#[test]
fn an_undated_delivery_with_several_changes_of_one_subject_counts_once() {
    let alert = |severity: &str| {
        format!(
            r#"{{"field":"account_alerts","value":{{"alert_info":{{"alert_severity":"{severity}","alert_type":"OBA_REJECTED"}}}}}}"#
        )
    };
    let status = |event: &str| {
        format!(
            r#"{{"field":"message_template_status_update","value":{{"event":"{event}","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en"}}}}"#
        )
    };
    let number = |event: &str| quality("15550100199", event);
    let deliveries = [
        vec![alert("WARNING"), alert("CRITICAL")],
        vec![status("PENDING"), status("APPROVED"), status("PENDING")],
        vec![number("FLAGGED"), number("UNFLAGGED"), number("FLAGGED")],
    ];
    for changes in deliveries {
        let mut state = state_with(&[("+1 555-010-0199", Status::Connected)]);
        assert_eq!(deliver(&mut state, 60, "", &changes.join(",")), 0);
        let once = text_of(&state);
        let all = changes.len();
        assert_eq!(deliver(&mut state, 120, "", &changes.join(",")), all);
        // Meta may batch a retry in another way.
        for change in &changes {
            assert_eq!(deliver(&mut state, 180, "", change), 1, "{change}");
        }
        assert_eq!(text_of(&state), once, "{changes:?}");
    }
    let mut state = state_with(&[("+1 555-010-0199", Status::Connected)]);
    deliver(
        &mut state,
        60,
        "",
        &[number("FLAGGED"), number("UNFLAGGED")].join(","),
    );
    assert_eq!(deliver(&mut state, 120, "", &number("RECOVERED")), 0);
    assert_eq!(
        deliver(&mut state, 180, "", &number("FLAGGED")),
        0,
        "a new delivery has come"
    );
    assert_eq!(flagged(&state), [0]);
}

#[test]
fn without_a_time_a_repeat_is_one_for_hours_and_no_longer() {
    let rejected = r#"{"field":"message_template_status_update","value":{"event":"REJECTED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en","reason":"SCAM"}}"#;
    let review = r#"{"field":"account_review_update","value":{"decision":"REJECTED"}}"#;
    for change in [rejected, review] {
        let mut state = state_with(&[]);
        assert_eq!(deliver(&mut state, 0, "", change), 0);
        assert_eq!(deliver(&mut state, 5 * 3_600, "", change), 1);
        assert_eq!(deliver(&mut state, 7 * 3_600, "", change), 0);
        // An implausible entry time counts as absent.
        let absurd = r#""time":99999999999,"#;
        assert_eq!(deliver(&mut state, 8 * 3_600, absurd, change), 0);
    }
    // With a timestamp, a retry is recognized as long as its key is remembered.
    let mut state = state_with(&[]);
    let time = r#""time":1775000000,"#;
    assert_eq!(deliver(&mut state, 0, time, rejected), 0);
    assert_eq!(deliver(&mut state, 3 * 86_400, time, rejected), 1);
}

/// A webhook with errors and no message. Its entry has no time.
const ERRORS: &str = include_str!("../../fixtures/webhooks/messages_errors.json");

#[test]
fn errors_without_a_message_count_again_after_hours() {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"autumn".into()));
    let mut state = state_with(&[]);
    let mut count = |received: Timestamp, body: &str| {
        let delivery = Delivery::parse(body.as_bytes(), received, Some(&customers));
        for event in &delivery.expect("it is JSON").events {
            state.apply(event);
        }
        let text = text_of(&state);
        let failures = samples(&text, "whatsapp_message_failures_total");
        let of_code = |code: &str| {
            let label = format!(r#"error_code="{code}""#);
            let sample = failures.iter().find(|sample| sample.contains(&label));
            sample
                .map_or("0", |sample| sample.rsplit(' ').next().expect("a value"))
                .to_owned()
        };
        (of_code("130429"), of_code("131000"))
    };
    let counts = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(count(at(0), ERRORS), counts("1", "0"));
    assert_eq!(count(at(1), ERRORS), counts("1", "0"), "a retry");
    // Another error in between does not make the retry a recurrence.
    let other = ERRORS.replace("130429", "131000");
    assert_eq!(count(at(60), &other), counts("1", "1"));
    assert_eq!(count(at(120), ERRORS), counts("1", "1"));
    assert_eq!(count(at(7 * 3_600), ERRORS), counts("2", "1"));
    // With a time of the entry, each time is an event of its own.
    let timed = |seconds: i64| {
        let time = at(seconds).as_millis() / 1000;
        ERRORS.replace(r#""changes""#, &format!(r#""time": {time}, "changes""#))
    };
    let later = 20 * 3_600;
    assert_eq!(count(at(later), &timed(later)), counts("3", "1"));
    assert_eq!(count(at(later + 9), &timed(later)), counts("3", "1"));
    assert_eq!(count(at(later + 9), &timed(later + 8)), counts("4", "1"));
}
