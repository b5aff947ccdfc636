//! The fixtures of `messages`: counted messages and their conversations, and nothing else.

use super::{ACCOUNT, as_text, customers, fixture};
use crate::domain::message::{Category, ErrorCode, Kind, Status, Update, WebhookUpdate};
use crate::domain::{ConversationKey, Event, Fact, PhoneNumberId, Source, Timestamp, WabaId};
use crate::ingest::webhook::Delivery;

const CUSTOMER: &str = "15550100111";

/// Three seconds after the messages in the fixtures.
const RECEIVED_AT: Timestamp = Timestamp::from_seconds(1_775_000_003);

fn number() -> PhoneNumberId {
    PhoneNumberId::parse("900100200300400").expect("an id")
}

fn conversation(customer: &str) -> Option<ConversationKey> {
    Some(customers().conversation(&number(), customer))
}

fn looked_into(name: &str) -> Delivery {
    let delivery = Delivery::parse(&fixture(name), RECEIVED_AT, Some(&customers()));
    delivery.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The updates of the fixtures' number, with their times in seconds.
fn update(name: &str) -> Vec<(i64, Update)> {
    let events = looked_into(name).events.into_iter();
    let update = events.map(|event| {
        assert_eq!(event.waba_id, WabaId::parse(ACCOUNT).expect("an id"));
        let Fact::Message(WebhookUpdate {
            phone_number_id,
            received_at,
            update,
        }) = event.fact
        else {
            panic!("{name}: {:?}", event.fact)
        };
        assert_eq!((phone_number_id, received_at), (number(), RECEIVED_AT));
        (event.observed_at.as_millis() / 1000, update)
    });
    update.collect()
}

fn status(status: Status, to: &str) -> Update {
    Update::Status {
        to: conversation(to),
        status,
        category: Category::Unknown,
        errors: Vec::new(),
    }
}

#[test]
fn each_fixture_has_its_expected_updates() {
    let inbound = Update::Received {
        from: conversation(CUSTOMER),
        kind: Kind::Text,
    };
    assert_eq!(update("messages_inbound"), [(1_775_000_000, inbound)]);
    let priced = Update::Status {
        to: conversation(CUSTOMER),
        status: Status::Delivered,
        category: Category::Marketing,
        errors: Vec::new(),
    };
    assert_eq!(update("messages_status_priced"), [(1_775_000_000, priced)]);
    let failed = Update::Status {
        to: conversation(CUSTOMER),
        status: Status::Failed,
        category: Category::Unknown,
        errors: vec![ErrorCode::EcosystemHealth],
    };
    assert_eq!(update("messages_status_failed"), [(1_775_000_000, failed)]);
    assert_eq!(
        update("messages_status_without_number"),
        [(1_775_000_000, status(Status::Read, "US.100200"))]
    );
    let received_at = RECEIVED_AT.as_millis() / 1000;
    let errors = Update::Errors(vec![ErrorCode::ThroughputReached]);
    assert_eq!(update("messages_errors"), [(received_at, errors)]);
}

#[test]
fn an_unknown_status_is_other_and_a_click_is_ignored() {
    let delivery = looked_into("messages_status_invented");
    let warnings: Vec<String> = delivery.warnings.iter().map(as_text).collect();
    assert_eq!(warnings, ["status.status=in_orbit"]);
    assert_eq!(
        update("messages_status_invented"),
        [(1_775_000_000, status(Status::Other, CUSTOMER))]
    );
    let facts = looked_into("messages_click").events.into_iter();
    assert_eq!(
        facts.map(|event| event.fact).collect::<Vec<_>>(),
        [Fact::Unwatched]
    );
}

#[test]
fn a_duplicate_message_has_the_same_key_in_any_delivery() {
    let source_of = |body: &str| -> Vec<Source> {
        let delivery = Delivery::parse(body.as_bytes(), RECEIVED_AT, Some(&customers()));
        let events = delivery.expect("JSON").events.into_iter();
        events.map(|event: Event| event.source).collect()
    };
    let body = |statuses: &str, time: i64| {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{ACCOUNT}","time":{time},"changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"900100200300400"}},"statuses":[{statuses}]}}}}]}}]}}"#
        )
    };
    let sent = r#"{"id":"wamid.A","status":"sent","timestamp":"1775000000"}"#;
    let read = r#"{"id":"wamid.A","status":"read","timestamp":"1775000009"}"#;
    let member = r#"{"id":"wamid.A","status":"sent","timestamp":"1775000000","recipient_participant_id":"1"}"#;
    let both = source_of(&body(&format!("{sent},{read}"), 1_775_000_001));
    assert_ne!(both[0], both[1]);
    assert_eq!(source_of(&body(sent, 1_775_000_777)), both[..1]);
    assert_ne!(source_of(&body(member, 1_775_000_001)), both[..1]);
}

#[test]
fn the_result_contains_no_customer_numbers_and_no_text() {
    for name in [
        "messages_inbound",
        "messages_status_failed",
        "messages_status_priced",
    ] {
        let shown = format!("{:?}", looked_into(name));
        assert!(!shown.contains(CUSTOMER), "{shown}");
        assert!(!shown.contains("wamid"), "{shown}");
    }
    let at = Timestamp::from_seconds(1_775_000_000);
    assert_eq!(looked_into("messages_inbound").events[0].observed_at, at);
}
