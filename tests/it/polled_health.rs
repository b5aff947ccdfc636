//! `health_status`, payment methods and marketing settings: from responses of Meta to exposition text.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::account::{self, Funding};
use whatsapp_business_exporter::domain::{Fact, Listing, ObjectKind};
use whatsapp_business_exporter::ingest::ParseWarnings;
use whatsapp_business_exporter::ingest::graph::wire;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::state::{Change, State};
use whatsapp_business_exporter::store::Location;

use crate::support::meta::{Meta, NUMBER, WABA, small_world};
use crate::support::reader::Reader;
use crate::support::store::opened;
use crate::support::{at, number_id, polled, samples, state_after, text_at, text_of, waba};

const PAYMENT: &str = include_str!("../fixtures/graph/health_payment_missing.json");
const UNVERIFIED: &str = include_str!("../fixtures/graph/health_portfolio_unverified.json");
const CALLS: &str = include_str!("../fixtures/graph/health_calls_not_set_up.json");
const ODD: &str = include_str!("../fixtures/graph/health_odd_errors.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// A complete listing with this number alone, and how many values were odd.
fn listing(node: &Value) -> (Fact, usize) {
    let mut odd = ParseWarnings::new();
    let objects = Vec::from_iter(wire::number::snapshot(node, &mut odd));
    let complete = true;
    (
        Fact::NumbersListed(Listing { objects, complete }),
        odd.len(),
    )
}

fn poll_number(state: &mut State, seconds: i64, node: &Value) -> Change {
    state.apply(&polled(seconds, listing(node).0))
}

/// The same response of the account node.
fn poll_account(state: &mut State, seconds: i64, node: &Value) -> Change {
    let snapshot = wire::account::snapshot(node, &mut ParseWarnings::new());
    state.apply(&polled(seconds, Fact::AccountRead(snapshot)))
}

/// Entity and code of each series of an object's errors.
fn errors(state: &State, noun: &str) -> Vec<(String, String)> {
    let text = text_of(state);
    let family = format!("whatsapp_{noun}_health_error");
    let labels = |line: &str| {
        let label = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\"")).expect("the label");
            rest.split('"').next().expect("its value").to_owned()
        };
        assert!(line.ends_with("} 1"), "{line}");
        (label("entity_type"), label("error_code"))
    };
    samples(&text, &family).into_iter().map(labels).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(kind, code): &(&str, &str)| ((*kind).to_owned(), (*code).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn each_answer_has_its_codes() {
    for (fixture, odd, expected) in [
        (
            PAYMENT,
            0,
            &[("BUSINESS", "141010"), ("WABA", "141006")][..],
        ),
        (UNVERIFIED, 0, &[("BUSINESS", "141010")]),
        (CALLS, 0, &[("APP", "138025"), ("PHONE_NUMBER", "138024")]),
        // Only the unknown kind is a parse warning.
        (ODD, 1, &[("OTHER", "9999999999"), ("WABA", "141006")]),
    ] {
        let node = parsed(fixture);
        let mut state = state_after([]);
        assert_eq!(listing(&node).1, odd, "{fixture}");
        poll_number(&mut state, 0, &node);
        assert_eq!(errors(&state, "phone_number"), pairs(expected), "{fixture}");
        assert_eq!(errors(&state, "business_account"), [], "{fixture}");
        poll_account(&mut state, 0, &node);
        assert_eq!(
            errors(&state, "business_account"),
            pairs(expected),
            "{fixture}"
        );
    }
}

#[test]
fn the_exposition_of_a_missing_payment() {
    let mut state = state_after([]);
    poll_number(&mut state, 0, &parsed(PAYMENT));
    let text = text_of(&state);
    let ids = format!(r#"waba_id="{WABA}",phone_number_id="{NUMBER}""#);
    let expected = [
        format!(
            r#"whatsapp_phone_number_health_error{{{ids},entity_type="BUSINESS",error_code="141010"}} 1"#
        ),
        format!(
            r#"whatsapp_phone_number_health_error{{{ids},entity_type="WABA",error_code="141006"}} 1"#
        ),
    ];
    assert_eq!(
        samples(&text, "whatsapp_phone_number_health_error"),
        expected
    );
    // Texts are for the status page.
    assert!(!text.contains("payment method of this account"));
}

#[test]
fn errors_end_with_the_answer_that_has_none_and_an_older_answer_changes_nothing() {
    let well = json!({"id": NUMBER, "health_status": {"entities": [
        {"entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE"}]}});
    let mut state = state_after([]);
    poll_number(&mut state, 10, &parsed(PAYMENT));
    poll_number(&mut state, 10, &parsed(PAYMENT));
    poll_number(&mut state, 0, &parsed(CALLS));
    assert_eq!(errors(&state, "phone_number").len(), 2);
    // A response without the field changes nothing.
    poll_number(&mut state, 20, &json!({"id": NUMBER}));
    assert_eq!(errors(&state, "phone_number").len(), 2);
    poll_number(&mut state, 30, &well);
    assert_eq!(errors(&state, "phone_number"), []);
}

#[test]
fn a_new_wording_is_no_change() {
    let mut state = state_after([]);
    poll_number(&mut state, 0, &parsed(PAYMENT));
    let node = parsed(&PAYMENT.replace("There is an issue", "We found an issue"));
    let change = poll_number(&mut state, 60, &node);
    assert_eq!(change.journal, []);
    assert_eq!(errors(&state, "phone_number").len(), 2);
}

#[test]
fn errors_beyond_sixteen_are_counted() {
    let many: Vec<Value> = (0..40).map(|code| json!({"error_code": code})).collect();
    let mut node = parsed(PAYMENT);
    node["health_status"]["entities"][0]["errors"] = many.into();
    let mut state = state_after([]);
    let change = poll_number(&mut state, 0, &node);
    assert_eq!(change.kept_out[&ObjectKind::HealthDetail], 26);
    let found = errors(&state, "phone_number");
    assert_eq!(found.len(), 16);
    assert!(found.contains(&("WABA".to_owned(), "141006".to_owned())));
    let change = poll_account(&mut state, 0, &node);
    assert_eq!(change.kept_out[&ObjectKind::HealthDetail], 26);
}

/// The values of an account's family, with the labels after the account's.
fn of_account(state: &State, metric: &str) -> Vec<String> {
    let family = format!("whatsapp_business_account_{metric}");
    let before = format!(r#"{family}{{waba_id="{WABA}""#);
    let text = text_of(state);
    let rest = |line: &str| line.strip_prefix(&before).expect("the account").to_owned();
    samples(&text, &family).into_iter().map(rest).collect()
}

fn account_read(
    seconds: i64,
    change: impl FnOnce(&mut account::Snapshot),
) -> whatsapp_business_exporter::domain::Event {
    let mut snapshot = account::Snapshot::default();
    change(&mut snapshot);
    polled(seconds, Fact::AccountRead(snapshot))
}

#[test]
fn funding_is_shown_only_while_it_is_known() {
    let mut state = state_after([]);
    assert_eq!(of_account(&state, "funding_attached"), [""; 0]);
    for (seconds, funding, expected) in [
        (0, Funding::Attached, vec!["} 1"]),
        (10, Funding::Missing, vec!["} 0"]),
        (20, Funding::Unknown, vec![]),
        (30, Funding::Attached, vec!["} 1"]),
    ] {
        state.apply(&account_read(seconds, |snapshot| {
            snapshot.funding = Some(funding);
        }));
        assert_eq!(
            of_account(&state, "funding_attached"),
            expected,
            "{funding:?}"
        );
    }
    assert!(!text_of(&state).contains("1800100200300400"));
}

#[test]
fn marketing_switches_are_read_in_every_form() {
    for (node, disabled, onboarding) in [
        (
            json!({"disable_marketing_messages_on_cloud_api": true, "marketing_messages_onboarding_status": "ONBOARDED"}),
            vec!["} 1"],
            vec![r#",status="ONBOARDED"} 1"#],
        ),
        (
            json!({"disable_marketing_messages_on_cloud_api": "false", "marketing_messages_onboarding_status": "pending_valid_payment_method"}),
            vec!["} 0"],
            vec![r#",status="PENDING_VALID_PAYMENT_METHOD"} 1"#],
        ),
        (
            json!({"marketing_messages_onboarding_status": "SOMETHING_NEW"}),
            vec![],
            vec![r#",status="OTHER"} 1"#],
        ),
        (
            json!({"disable_marketing_messages_on_cloud_api": null}),
            vec![],
            vec![],
        ),
    ] {
        let mut state = state_after([]);
        poll_account(&mut state, 0, &node);
        assert_eq!(of_account(&state, "marketing_messages_disabled"), disabled);
        assert_eq!(
            of_account(&state, "marketing_messages_onboarding_status"),
            onboarding
        );
    }
}

#[tokio::test]
async fn a_payment_comes_and_goes_at_meta() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    let mut state = state_after([]);
    let mut seconds = 0;
    let waba_id = WABA.to_owned();
    let removed = WorldChange::PaymentMethodRemoved { waba_id };
    let waba_id = WABA.to_owned();
    let added = WorldChange::PaymentMethodAdded { waba_id };
    for (change, funding, codes) in [
        (None, "} 1", &[][..]),
        (Some(removed.clone()), "} 0", &[("WABA", "141006")]),
        (Some(removed), "} 0", &[("WABA", "141006")]),
        (Some(added), "} 1", &[]),
    ] {
        change
            .into_iter()
            .for_each(|change| meta.let_happen(change));
        seconds += 60;
        let account = reader.account().await.expect("it can be read");
        state.apply(&polled(seconds, Fact::AccountRead(account)));
        let numbers = reader.numbers().await.listing;
        state.apply(&polled(seconds, Fact::NumbersListed(numbers)));
        assert_eq!(of_account(&state, "funding_attached"), [funding]);
        for noun in ["business_account", "phone_number"] {
            assert_eq!(errors(&state, noun), pairs(codes), "{noun}");
        }
        let blocked = of_account(&state, "can_send_message");
        let expected = i32::from(!codes.is_empty());
        let series = format!(r#",can_send_message="BLOCKED"}} {expected}"#);
        assert!(blocked.contains(&series), "{blocked:?}");
    }
}

#[tokio::test]
async fn meta_reports_any_health_and_switches_marketing_off() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    let changes = [
        json!({"change": "health_reported", "id": NUMBER, "can_send_message": "AVAILABLE",
            "errors": [{"error_code": 141_000, "error_description": "Something"}], "additional_info": ["Look"]}),
        json!({"change": "marketing_messages_changed", "waba_id": WABA, "is_disabled": true, "onboarding_status": "ONBOARDED"}),
    ];
    for change in changes {
        meta.let_happen(serde_json::from_value(change).expect("a change"));
    }
    let account = reader.account().await.expect("it can be read");
    let numbers = reader.numbers().await.listing;
    let state = state_after([
        &polled(0, Fact::AccountRead(account)),
        &polled(0, Fact::NumbersListed(numbers)),
    ]);
    assert_eq!(
        errors(&state, "phone_number"),
        pairs(&[("PHONE_NUMBER", "141000")])
    );
    assert_eq!(of_account(&state, "marketing_messages_disabled"), ["} 1"]);
    let status = of_account(&state, "marketing_messages_onboarding_status");
    assert_eq!(status, [r#",status="ONBOARDED"} 1"#]);
    let account = state.accounts().values().next().expect("it is watched");
    let number = account.numbers().find(|number| number.id == number_id(0));
    let details = number.and_then(|number| number.health_details.value());
    let details = details.expect("the number has them");
    assert_eq!(details.remarks[0].text, "Look");
    assert_eq!(details.errors[0].description.as_deref(), Some("Something"));
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = Location::File(folder.path().join("state.db"));
    let year = std::time::Duration::from_secs(365 * 86_400);
    let mut before = None;
    for round in 0..2 {
        let store = opened(&location, year).await;
        store.watch([waba()].into()).await.expect("it is watched");
        if round == 0 {
            let mut snapshot = wire::account::snapshot(&parsed(PAYMENT), &mut ParseWarnings::new());
            snapshot.funding = Some(Funding::Missing);
            snapshot.marketing_disabled = Some(true);
            snapshot.marketing_onboarding =
                Some(account::MarketingOnboarding::PendingInternalSetup);
            let events = vec![
                polled(0, Fact::AccountRead(snapshot)),
                polled(0, listing(&parsed(CALLS)).0),
            ];
            store.commit(events).await.expect("it is committed");
        }
        let now = store.snapshot();
        assert!(text_at(&now, at(0)).contains("141006"));
        let before = before.get_or_insert_with(|| now.clone());
        assert_eq!(*before, now);
        store.close().await;
    }
}
