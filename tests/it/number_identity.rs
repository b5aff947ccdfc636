//! Matches webhooks to phone numbers by digits; Meta spells some numbers in two ways.

use whatsapp_business_exporter::domain::number::Status;
use whatsapp_business_exporter::domain::{Fact, Listing, number};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::state::State;

use crate::support::{at, number_id, polled, samples, state_after, text_of};

const UNMATCHED: &str = "whatsapp_exporter_webhook_unmatched";

/// Applies a listing at `seconds` of numbers with these digits and statuses, with ids in this order.
fn listed(state: &mut State, seconds: i64, numbers: &[(&str, Status)]) {
    let objects = (0..)
        .zip(numbers)
        .map(|(which, (shown, status))| number::Snapshot {
            display_phone_number: Some((*shown).to_owned()),
            status: Some(*status),
            ..number::Snapshot::new(number_id(which))
        });
    let listing = Listing {
        objects: objects.collect(),
        complete: true,
    };
    state.apply(&polled(seconds, Fact::NumbersListed(listing)));
}

fn state_with(numbers: &[(&str, Status)]) -> State {
    let mut state = state_after([]);
    listed(&mut state, 0, numbers);
    state
}

/// Delivers changes received at `seconds`. `time` is the entry's JSON member with its comma, or empty.
fn deliver(state: &mut State, seconds: i64, time: &str, change: &str) -> usize {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800100200300400",{time}"changes":[{change}]}}]}}"#
    );
    let delivery = Delivery::parse(body.as_bytes(), at(seconds), None).expect("it is JSON");
    let events = delivery.events.iter().chain(&delivery.spellings);
    events.filter(|event| state.apply(event).duplicate).count()
}

fn quality(digits: &str, event: &str) -> String {
    format!(
        r#"{{"field":"phone_number_quality_update","value":{{"display_phone_number":"{digits}","event":"{event}"}}}}"#
    )
}

fn flag(state: &mut State, seconds: i64, digits: &str) {
    let sent = at(seconds).as_millis() / 1000;
    let time = format!(r#""time":{sent},"#);
    deliver(state, seconds, &time, &quality(digits, "FLAGGED"));
}

/// A change about messages, with the number's digits and id.
fn message(which: usize, digits: &str) -> String {
    let id = number_id(which);
    format!(
        r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{digits}","phone_number_id":"{id}"}},"statuses":[]}}}}"#
    )
}

/// The numbers that received a FLAGGED event, by their place in the listing. The newest source decides whether
/// they are flagged.
fn told(state: &State) -> Vec<usize> {
    with(
        state,
        "whatsapp_phone_number_quality_events_total",
        r#",event="FLAGGED"} 1"#,
    )
}

/// The numbers that are flagged.
fn flagged(state: &State) -> Vec<usize> {
    with(state, "whatsapp_phone_number_flagged", "} 1")
}

fn with(state: &State, family: &str, end: &str) -> Vec<usize> {
    let text = text_of(state);
    let lines = samples(&text, family);
    let has = |which: &usize| {
        let id = format!(r#"phone_number_id="{}""#, number_id(*which));
        lines
            .iter()
            .any(|line| line.contains(&id) && line.ends_with(end))
    };
    (0..10).filter(has).collect()
}

fn unmatched(state: &State) -> String {
    let text = text_of(state);
    let sample = samples(&text, UNMATCHED);
    sample
        .first()
        .and_then(|line| line.rsplit(' ').next())
        .unwrap_or("absent")
        .to_owned()
}

#[test]
fn another_national_spelling_is_the_same_number_at_once() {
    for (shown, sent) in [
        ("+225 07 68 12 34 56", "22568123456"),
        ("+225 27 22 48 00 00", "22522480000"),
        ("+229 01 97 12 34 56", "22997123456"),
        ("+52 55 1234 5678", "5215512345678"),
        ("+52 1 55 1234 5678", "525512345678"),
        ("+55 11 96123-4567", "551161234567"),
        ("+55 11 6123-4567", "5511961234567"),
    ] {
        let others = ("+1 555-010-0199", Status::Connected);
        let mut state = state_with(&[others, (shown, Status::Connected)]);
        flag(&mut state, 60, sent);
        assert_eq!(told(&state), [1], "{shown} {sent}");
        assert_eq!(unmatched(&state), "0", "{shown} {sent}");
    }
}

#[test]
fn an_exact_spelling_wins_and_two_variants_are_ambiguous() {
    let both = [
        ("+55 11 96123-4567", Status::Connected),
        ("+55 11 6123-4567", Status::Connected),
    ];
    let mut state = state_with(&both);
    flag(&mut state, 60, "551161234567");
    assert_eq!(told(&state), [1]);
    let operators = [
        ("+225 07 68123456", Status::Connected),
        ("+225 05 68123456", Status::Connected),
    ];
    let mut state = state_with(&operators);
    flag(&mut state, 60, "22568123456");
    assert_eq!(told(&state), [] as [usize; 0]);
    listed(&mut state, 120, &operators);
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![], "1"));
}

#[test]
fn numbers_of_two_operators_differ_although_their_short_spelling_is_the_same() {
    let known = [("+225 07 68 12 34 56", Status::Connected)];
    let mut state = state_with(&known);
    flag(&mut state, 60, "2250568123456");
    assert_eq!(told(&state), [] as [usize; 0], "it may be a new number");
    let both = [known[0], ("+225 05 68 12 34 56", Status::Connected)];
    listed(&mut state, 120, &both);
    assert_eq!(told(&state), [1]);
}

#[test]
fn a_removed_id_does_not_receive_events_of_the_id_that_replaced_it() {
    // The old id showed just the digits that webhooks use; the new one does not.
    let old = [("+52 1 55 1234 5678", Status::Connected)];
    let mut state = state_with(&old);
    let new = number::Snapshot {
        display_phone_number: Some("+52 55 1234 5678".to_owned()),
        status: Some(Status::Connected),
        ..number::Snapshot::new(number_id(1))
    };
    let listing = Listing {
        objects: vec![new],
        complete: true,
    };
    state.apply(&polled(60, Fact::NumbersListed(listing)));
    flag(&mut state, 120, "5215512345678");
    assert_eq!((told(&state), flagged(&state)), (vec![1], vec![1]));
}

#[test]
fn a_late_event_of_a_removed_number_does_not_wait() {
    let mut state = state_with(&[("+1 555-010-0199", Status::Connected)]);
    let other = number::Snapshot {
        display_phone_number: Some("+1 555-010-0177".to_owned()),
        ..number::Snapshot::new(number_id(1))
    };
    let listing = Listing {
        objects: vec![other],
        complete: true,
    };
    state.apply(&polled(60, Fact::NumbersListed(listing)));
    flag(&mut state, 30, "15550100199");
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![], "0"));
}

#[test]
fn an_argentine_variant_waits_for_a_listing_because_it_may_be_a_landline() {
    let numbers = [
        ("+54 11 5555-1234", Status::Connected),
        ("+1 555-010-0199", Status::Connected),
    ];
    let mut state = state_with(&numbers);
    flag(&mut state, 60, "5491155551234");
    assert_eq!(told(&state), [] as [usize; 0]);
    listed(&mut state, 120, &numbers);
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![0], "0"));
}

#[test]
fn the_only_number_takes_the_event_when_a_newer_listing_shows_no_other() {
    let only = [("+43 660 1234567", Status::Connected)];
    let mut state = state_with(&only);
    // A trunk prefix that is not in the numbering plans.
    flag(&mut state, 60, "4306601234567");
    assert_eq!(told(&state), [] as [usize; 0], "it may be a new number");
    assert_eq!(unmatched(&state), "0", "no listing is newer than the event");
    listed(&mut state, 120, &only);
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![0], "0"));
    // If the newer listing shows a second number with these digits, that one matches.
    let mut state = state_with(&only);
    flag(&mut state, 60, "4306601234567");
    let new = [only[0], ("+43 0660 1234567", Status::Connected)];
    listed(&mut state, 120, &new);
    assert_eq!(told(&state), [1]);
    // A number with different trailing digits never matches.
    let mut state = state_with(&only);
    flag(&mut state, 60, "4306601234568");
    listed(&mut state, 120, &only);
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![], "1"));
}

#[test]
fn a_message_resolves_the_spelling_for_waiting_events() {
    let numbers = [
        ("+88 1234 001", Status::Connected),
        ("+88 1234 002", Status::Connected),
    ];
    let mut state = state_with(&numbers);
    flag(&mut state, 60, "990077");
    listed(&mut state, 120, &numbers);
    assert_eq!(unmatched(&state), "1");
    deliver(&mut state, 180, "", &message(1, "990077"));
    assert_eq!((told(&state), unmatched(&state).as_str()), (vec![1], "0"));
    // The learned spelling survives the next listing.
    listed(&mut state, 240, &numbers);
    flag(&mut state, 300, "990077");
    assert_eq!(flagged(&state), [1]);
}

#[test]
fn of_two_nodes_of_one_number_the_active_one_receives_the_event() {
    use Status::{Connected, Deleted, Disconnected, Flagged, Migrated, Pending};
    let shown = "+1 555-010-0199";
    for (statuses, expected) in [
        ([Connected, Migrated], 0),
        ([Migrated, Connected], 1),
        ([Disconnected, Flagged], 1),
        ([Pending, Deleted], 0),
        ([Deleted, Connected], 1),
    ] {
        let mut state = state_with(&statuses.map(|status| (shown, status)));
        flag(&mut state, 60, "15550100199");
        // The other node is flagged by its polled status, not by the event.
        let by_event = format!(
            r#"whatsapp_phone_number_quality_events_total{{waba_id="800100200300400",phone_number_id="{}",event="FLAGGED"}} 1"#,
            number_id(expected)
        );
        assert!(text_of(&state).contains(&by_event), "{statuses:?}");
    }
}

#[test]
fn an_unmatched_event_is_dropped_after_a_week() {
    let numbers = [("+1 555-010-0199", Status::Connected)];
    let mut state = state_with(&numbers);
    flag(&mut state, 60, "491701112223");
    listed(&mut state, 6 * 86_400, &numbers);
    assert_eq!(unmatched(&state), "1");
    listed(&mut state, 8 * 86_400, &numbers);
    assert_eq!(unmatched(&state), "0");
}

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
