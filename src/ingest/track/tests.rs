//! Batches of events: valid events, and the error of each invalid one.

use super::super::CustomerKey;
use super::*;
use crate::domain::journey::Step;
use crate::domain::journey::{Journey, JourneyId};

const NOW: Timestamp = Timestamp::from_millis(1_775_000_000_500);

fn read(body: &str) -> Result<Vec<ParsedEvent>, BatchError> {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"secret".into()));
    let trackers = Trackers {
        hours: None,
        journeys: Journeys(vec![booking()]),
        ..Trackers::default()
    };
    let reader = EventReader {
        customers: &customers,
        trackers: &trackers,
        receipt: NOW.into(),
        account_of: |id: &PhoneNumberId| {
            let is_ours = id.as_str() == "900100200300400";
            WabaId::parse("800100200300400").filter(|_| is_ours)
        },
    };
    reader.read(body.as_bytes())
}

fn only(event: &str) -> ParsedEvent {
    let items = read(&format!(r#"{{"events":[{event}]}}"#)).expect("a batch");
    items.into_iter().next().expect("an item")
}

#[test]
fn an_event_is_a_fact_about_a_conversation() {
    let item = only(
        r#"{"id":"a-1","type":"reply","phone_number_id":"900100200300400","customer":"15550100111","at":"2026-03-31T23:33:20Z","actor":"bot"}"#,
    );
    assert_eq!(item.id, "a-1");
    let event = item.outcome.expect("an event");
    assert_eq!(event.observed_at, Timestamp::from_seconds(1_775_000_000));
    let Fact::Tracked(update) = &event.fact else {
        panic!("{event:?}");
    };
    assert_eq!(update.happening, Happening::Reply(Actor::Bot));
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"secret".into()));
    let conversation = customers.conversation(&update.phone_number_id, "15550100111");
    assert_eq!(update.customer, conversation.into());
    assert!(!format!("{event:?}").contains("15550100111"));
}

#[test]
fn a_customer_has_one_id_or_two() {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"secret".into()));
    let number = PhoneNumberId::parse("900100200300400").expect("an id");
    let read = |customer: &str| {
        let event = only(&format!(
            r#"{{"id":"a","type":"inbound","phone_number_id":"900100200300400","customer":{customer}}}"#
        ));
        match event.outcome.map(|event| event.fact) {
            Ok(Fact::Tracked(event)) => Ok(event.customer),
            other => Err(format!("{other:?}")),
        }
    };
    let hash = |id: &&str| customers.conversation(&number, id);
    let ids = |(user_id, wa_id): (Option<&str>, Option<&str>)| {
        let [user_id, wa_id] = [user_id, wa_id].map(|id| id.as_ref().map(hash));
        Ok(CustomerIds::new(user_id, wa_id).expect("it has ids"))
    };
    for (customer, expected) in [
        (r#""15550100111""#, (None, Some("15550100111"))),
        // The form of address books and of the Graph API.
        (r#""+1 (555) 010-0111""#, (None, Some("15550100111"))),
        (r#""US.1300000001""#, (None, Some("US.1300000001"))),
        (r#""+order 17""#, (None, Some("+order 17"))),
        (r#"{"wa_id":"15550100111"}"#, (None, Some("15550100111"))),
        (r#"{"user_id":"US.1"}"#, (Some("US.1"), None)),
        (
            r#"{"wa_id":"+15550100111","user_id":"US.1"}"#,
            (Some("US.1"), Some("15550100111")),
        ),
        (r#"{"wa_id":null,"user_id":"US.1"}"#, (Some("US.1"), None)),
    ] {
        assert_eq!(read(customer), ids(expected), "{customer}");
    }
    for (customer, error) in [
        ("{}", "customer: has neither user_id nor wa_id"),
        (r#"{"phone":"1"}"#, "customer: is neither an id nor"),
        ("7", "customer: is neither an id nor"),
        ("null", "customer: is neither an id nor"),
        (r#"{"wa_id":""}"#, "customer: takes 1 to 128"),
        (r#""""#, "customer: takes 1 to 128"),
    ] {
        let wrong = read(customer).expect_err(customer);
        assert!(wrong.contains(error), "{customer}: {wrong}");
    }
}

fn booking() -> Journey {
    Journey {
        id: JourneyId {
            journey: "booking".into(),
            version: "1".into(),
        },
        steps: vec![Step::open("date")],
        goals: Vec::new(),
        variants: vec!["A".into()],
        idle_timeout: Duration::from_secs(60),
        loop_threshold: 3,
    }
}

/// Journey, version, step and variant.
fn names(more: &str) -> [String; 4] {
    let item = only(&format!(
        r#"{{"id":"a","type":"step","phone_number_id":"900100200300400","customer":"1","outcome":"entered",{more}}}"#
    ));
    let event = item.outcome.expect("an event");
    let Fact::Tracked(AppEvent {
        happening: Happening::OnJourney(id, Progress::Step { step, variant, .. }),
        ..
    }) = event.fact
    else {
        panic!("{event:?}");
    };
    [id.journey, id.version, step, variant.unwrap_or_default()]
}

#[test]
fn undeclared_names_become_one_name() {
    assert_eq!(
        names(r#""journey":"booking","step":"date","variant":"A""#),
        ["booking", "1", "date", "A"]
    );
    assert_eq!(
        names(r#""journey":"booking","version":"1","step":"15550100111","variant":"C""#),
        ["booking", "1", "other", "other"]
    );
    for unknown in [
        r#""journey":"walk""#,
        r#""journey":"booking","version":"2""#,
    ] {
        let names = names(&format!(r#"{unknown},"step":"date""#));
        assert_eq!(names, ["other", "other", "other", ""]);
    }
}

#[test]
fn each_invalid_event_has_its_own_error() {
    let number = r#""phone_number_id":"900100200300400""#;
    for (event, wrong) in [
        ("7".to_owned(), "a value has the wrong type"),
        (
            format!(r#"{{"id":"a","type":"walk",{number},"customer":"1"}}"#),
            "there is an unknown word, expected one of `inbound`, `reply`",
        ),
        (
            format!(r#"{{"id":"a","type":"inbound",{number}}}"#),
            "missing field `customer`",
        ),
        (
            format!(r#"{{"id":"a","type":"inbound",{number},"customer":"1","actor":"bot"}}"#),
            "actor: does not belong",
        ),
        (
            format!(r#"{{"id":"a","type":"reply",{number},"customer":"1","actor":"cat"}}"#),
            "there is an unknown word, expected `bot` or `agent`",
        ),
        (
            format!(r#"{{"id":"","type":"inbound",{number},"customer":"1"}}"#),
            "id: takes 1 to 128",
        ),
        (
            r#"{"id":"a","type":"inbound","phone_number_id":"x","customer":"1"}"#.to_owned(),
            "phone_number_id: is not an id",
        ),
        (
            r#"{"id":"a","type":"inbound","phone_number_id":"1","customer":"1"}"#.to_owned(),
            "phone_number_id: is not a phone number",
        ),
        (
            format!(r#"{{"id":"a","type":"inbound",{number},"customer":"1","at":"soon"}}"#),
            "at: is not a time",
        ),
        (
            format!(r#"{{"id":"a","type":"inbound",{number},"customer":"1","at":1775000100}}"#),
            "at: is in the future",
        ),
        (
            format!(r#"{{"id":"a","type":"inbound",{number},"customer":"1","at":1774000000}}"#),
            "at: is more than 24 hours ago",
        ),
    ] {
        let error = only(&event).outcome.expect_err(&event);
        assert!(error.contains(wrong), "{event}: {error}");
    }
}

#[test]
fn an_invalid_batch_is_refused_as_a_whole() {
    for body in ["", "[]", "{}", r#"{"events":{}}"#, r#"{"event":[]}"#] {
        assert_eq!(read(body).err(), Some(BatchError::NotABatch), "{body}");
    }
    let many = vec!["1"; MAX_EVENTS + 1].join(",");
    let many = format!(r#"{{"events":[{many}]}}"#);
    assert_eq!(read(&many).err(), Some(BatchError::TooMany));
    assert!(read(r#"{"events":[]}"#).expect("a batch").is_empty());
}
