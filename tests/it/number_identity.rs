//! Webhooks are matched to phone numbers by digits. Meta writes some numbers in two ways.

mod groups;
mod undated;

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
fn with_flagged_event(state: &State) -> Vec<usize> {
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
        assert_eq!(with_flagged_event(&state), [1], "{shown} {sent}");
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
    assert_eq!(with_flagged_event(&state), [1]);
    let operators = [
        ("+225 07 68123456", Status::Connected),
        ("+225 05 68123456", Status::Connected),
    ];
    let mut state = state_with(&operators);
    flag(&mut state, 60, "22568123456");
    assert_eq!(with_flagged_event(&state), [] as [usize; 0]);
    listed(&mut state, 120, &operators);
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![], "1")
    );
}

#[test]
fn numbers_of_two_operators_differ_although_their_short_spelling_is_the_same() {
    let known = [("+225 07 68 12 34 56", Status::Connected)];
    let mut state = state_with(&known);
    flag(&mut state, 60, "2250568123456");
    assert_eq!(
        with_flagged_event(&state),
        [] as [usize; 0],
        "it may be a new number"
    );
    let both = [known[0], ("+225 05 68 12 34 56", Status::Connected)];
    listed(&mut state, 120, &both);
    assert_eq!(with_flagged_event(&state), [1]);
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
    assert_eq!(
        (with_flagged_event(&state), flagged(&state)),
        (vec![1], vec![1])
    );
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
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![], "0")
    );
}

#[test]
fn an_argentine_variant_waits_for_a_listing_because_it_may_be_a_landline() {
    let numbers = [
        ("+54 11 5555-1234", Status::Connected),
        ("+1 555-010-0199", Status::Connected),
    ];
    let mut state = state_with(&numbers);
    flag(&mut state, 60, "5491155551234");
    assert_eq!(with_flagged_event(&state), [] as [usize; 0]);
    listed(&mut state, 120, &numbers);
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![0], "0")
    );
}

#[test]
fn the_only_number_takes_the_event_when_a_newer_listing_shows_no_other() {
    let only = [("+43 660 1234567", Status::Connected)];
    let mut state = state_with(&only);
    // A trunk prefix that is not in the numbering plans.
    flag(&mut state, 60, "4306601234567");
    assert_eq!(
        with_flagged_event(&state),
        [] as [usize; 0],
        "it may be a new number"
    );
    assert_eq!(unmatched(&state), "0", "no listing is newer than the event");
    listed(&mut state, 120, &only);
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![0], "0")
    );
    // If the newer listing shows a second number with these digits, that one matches.
    let mut state = state_with(&only);
    flag(&mut state, 60, "4306601234567");
    let new = [only[0], ("+43 0660 1234567", Status::Connected)];
    listed(&mut state, 120, &new);
    assert_eq!(with_flagged_event(&state), [1]);
    // A number with different trailing digits never matches.
    let mut state = state_with(&only);
    flag(&mut state, 60, "4306601234568");
    listed(&mut state, 120, &only);
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![], "1")
    );
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
    assert_eq!(
        (with_flagged_event(&state), unmatched(&state).as_str()),
        (vec![1], "0")
    );
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
