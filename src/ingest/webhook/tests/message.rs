//! The fixtures of `messages`: counted messages and their conversations, and nothing else.

mod customer;

use super::{ACCOUNT, as_text, customers, fixture};
use crate::domain::mark::{IgnoredMark, Mark, MessageContext};
use crate::domain::message::{Category, Kind, Price, PricingType, Status, Update, WebhookUpdate};
use crate::domain::track::Actor;
use crate::domain::{
    CustomerIds, ErrorCode, Event, Fact, PhoneNumberId, Source, Timestamp, WabaId,
};
use crate::ingest::webhook::Delivery;

const CUSTOMER: &str = "15550100111";
const USER: &str = "US.13000000000000000001";

/// Three seconds after the messages in the fixtures.
const RECEIVED_AT: Timestamp = Timestamp::from_seconds(1_775_000_003);

fn number() -> PhoneNumberId {
    PhoneNumberId::parse("900100200300400").expect("an id")
}

/// The first id is the user id if it looks like one.
fn customer(ids: &[&str]) -> Option<CustomerIds> {
    let mut keys = ids.iter().map(|id| customers().conversation(&number(), id));
    let is_user = ids.first().is_some_and(|id| id.starts_with("US."));
    let user_id = if is_user { keys.next() } else { None };
    CustomerIds::new(user_id, keys)
}

fn parsed_with_customers(name: &str) -> Delivery {
    let delivery = Delivery::parse(&fixture(name), RECEIVED_AT, Some(&customers()));
    delivery.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The updates of the fixtures' number, with their times in seconds.
fn update(name: &str) -> Vec<(i64, Update)> {
    let events = parsed_with_customers(name).events.into_iter();
    let update = events.map(|event| {
        assert_eq!(event.waba_id, WabaId::parse(ACCOUNT).expect("an id"));
        let Fact::Message(WebhookUpdate {
            phone_number_id,
            received_at,
            recipient: _,
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
        to: customer(&[to]),
        status,
        category: Category::Unknown,
        errors: Vec::new(),
        mark: None,
    }
}

#[test]
fn each_fixture_has_its_expected_updates() {
    let inbound = Update::Received {
        from: customer(&[CUSTOMER]),
        kind: Kind::Text,
        context: MessageContext::default(),
    };
    assert_eq!(update("messages_inbound"), [(1_775_000_000, inbound)]);
    let priced = Update::Status {
        to: customer(&[CUSTOMER]),
        status: Status::Delivered,
        category: Category::Marketing,
        errors: Vec::new(),
        mark: None,
    };
    let price = Update::Priced(Price {
        category: Category::Marketing,
        pricing_type: PricingType::Regular,
    });
    assert_eq!(
        update("messages_status_priced"),
        [(1_775_000_000, priced), (1_775_000_000, price)]
    );
    let failed = Update::Status {
        to: customer(&[CUSTOMER]),
        status: Status::Failed,
        category: Category::Unknown,
        errors: vec![ErrorCode::Number(131_049)],
        mark: None,
    };
    assert_eq!(update("messages_status_failed"), [(1_775_000_000, failed)]);
    assert_eq!(
        update("messages_status_without_number"),
        [(1_775_000_000, status(Status::Read, "US.100200"))]
    );
    let received_at = RECEIVED_AT.as_millis() / 1000;
    let errors = Update::Errors(vec![ErrorCode::Number(130_429)]);
    assert_eq!(update("messages_errors"), [(received_at, errors)]);
}

/// The updates of a fixture whose items all have the time of the fixtures.
fn updates(name: &str) -> Vec<Update> {
    let updates = update(name).into_iter();
    updates
        .map(|(at, update)| {
            assert_eq!(at, 1_775_000_000, "{name}");
            update
        })
        .collect()
}

fn received(from: &[&str], kind: Kind) -> Update {
    let from = customer(from);
    Update::Received {
        from,
        kind,
        context: MessageContext::default(),
    }
}

#[test]
fn a_value_that_is_not_declared_is_neither_kept_nor_shown() {
    for name in ["messages_status_campaign", "standby_status_campaign"] {
        let all = updates(name);
        let values = all.iter().filter_map(|update| match update {
            Update::Status { mark, .. } => Some(mark.clone()),
            _ => None,
        });
        let values: Vec<_> = values.collect();
        let ignored = Mark {
            ignored: Some(IgnoredMark::NoKnownKey),
            ..Mark::default()
        };
        let expected = [Some(ignored), None];
        assert_eq!(values, expected, "{name}: an empty value is none");
        assert!(!format!("{all:?}").contains("spring"), "{all:?}");
    }
}

#[test]
fn other_kinds_of_messages_are_counted_by_kind() {
    for (name, kind) in [
        ("messages_edit", Kind::Edit),
        ("messages_revoke", Kind::Revoke),
        ("messages_unknown_kind", Kind::Other),
    ] {
        let [Update::Received { kind: read, .. }] = updates(name)[..] else {
            panic!("{name}");
        };
        assert_eq!(read, kind, "{name}");
        assert!(!kind.is_a_turn(), "{name}");
    }
}

#[test]
fn messages_of_the_business_that_others_sent_are_echoes() {
    let echo = |to: &[&str], kind, actor| Update::Echo {
        to: customer(to),
        kind,
        actor,
    };
    for (name, expected) in [
        (
            "smb_message_echoes_text",
            echo(&[CUSTOMER], Kind::Text, Actor::Agent),
        ),
        (
            "smb_message_echoes_user_id",
            echo(&[USER], Kind::Text, Actor::Agent),
        ),
        (
            "smb_message_echoes_revoke",
            echo(&[CUSTOMER], Kind::Revoke, Actor::Agent),
        ),
        (
            "smb_message_echoes_nobody",
            echo(&[], Kind::Text, Actor::Agent),
        ),
        (
            "message_echoes_text",
            echo(&[CUSTOMER], Kind::Text, Actor::Unknown),
        ),
        (
            "standby_message_echo",
            echo(&[CUSTOMER], Kind::Text, Actor::Unknown),
        ),
    ] {
        assert_eq!(updates(name), [expected], "{name}");
    }
}

#[test]
fn conversations_that_another_application_controls_are_read_too() {
    assert_eq!(
        updates("standby_message"),
        [received(&[USER, CUSTOMER], Kind::Text)]
    );
    let [Update::Status { to, status, .. }] = &updates("standby_status")[..] else {
        panic!("a status");
    };
    assert_eq!((to, *status), (&customer(&[CUSTOMER]), Status::Delivered));
    for (name, role) in [
        ("messaging_handovers_passed", "secondary_receiver"),
        ("messaging_handovers_taken", "primary_receiver"),
    ] {
        let expected = Update::ThreadOwner {
            of: customer(&[CUSTOMER]).expect("an id"),
            role: role.to_owned(),
        };
        assert_eq!(updates(name), [expected], "{name}");
    }
    let both = [
        &fixture("standby_message")[..],
        &fixture("messages_inbound_both_ids"),
    ];
    let sources = both.map(|body| {
        let delivery = Delivery::parse(body, RECEIVED_AT, Some(&customers())).expect("JSON");
        delivery.events[0].source
    });
    assert_eq!(sources[0], sources[1], "one message is counted once");
}

#[test]
fn an_unknown_status_is_other_and_a_click_is_ignored() {
    let delivery = parsed_with_customers("messages_status_invented");
    let warnings: Vec<String> = delivery.warnings.iter().map(as_text).collect();
    assert_eq!(warnings, ["status.status=in_orbit"]);
    assert_eq!(
        update("messages_status_invented"),
        [(1_775_000_000, status(Status::Other, CUSTOMER))]
    );
    let facts = parsed_with_customers("messages_click").events.into_iter();
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
        let shown = format!("{:?}", parsed_with_customers(name));
        assert!(!shown.contains(CUSTOMER), "{shown}");
        assert!(!shown.contains("wamid"), "{shown}");
    }
    let at = Timestamp::from_seconds(1_775_000_000);
    assert_eq!(
        parsed_with_customers("messages_inbound").events[0].observed_at,
        at
    );
}
