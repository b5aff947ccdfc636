//! Customers without a bot: their actions repeat with the seed, and the expected figures count them by the rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::person::{CustomerMessage, Decision, Person};
use super::{
    BusinessMessage, Customers, ExpectedFigures, Figure, MAX_CUSTOMERS, Offer, StartError,
};
use crate::simulator::World;
use crate::simulator::world::{Account, PhoneNumber};

const NUMBER: &str = "900100";
const CUSTOMER: &str = "US.1";
const START: i64 = 1_775_000_000;

fn world() -> World {
    World::empty()
        .with_account(Account::new("800100", "Fern & Moss"))
        .with_phone_number(
            "800100",
            PhoneNumber::new(NUMBER, "+1 555-010-0199", "Fern & Moss"),
        )
}

fn offer(id: &str) -> Offer {
    Offer {
        id: id.to_owned(),
        title: id.to_owned(),
        is_row: false,
    }
}

fn question(id: &str, step: &str, offers: &[&str]) -> BusinessMessage {
    BusinessMessage {
        id: id.to_owned(),
        phone_number_id: NUMBER.to_owned(),
        to: CUSTOMER.to_owned(),
        offers: offers.iter().map(|id| offer(id)).collect(),
        callback_data: Some(format!(
            "journey=booking&version=2&step={step}&variant=short"
        )),
    }
}

fn pressed(id: &str, to: &str) -> CustomerMessage {
    CustomerMessage::Chosen(offer(id), to.to_owned())
}

/// Figures by name, step and detail.
fn counted(expected: &ExpectedFigures) -> BTreeMap<String, u64> {
    let of = |figure: &Figure| {
        let parts = [figure.name, &figure.step, &figure.detail];
        parts.join(" ").trim_end().to_owned()
    };
    let figures = expected.figures();
    figures
        .iter()
        .map(|(figure, value)| (of(figure), *value))
        .collect()
}

fn named(figures: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let owned = figures.iter();
    owned
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

#[test]
fn a_session_counts_by_the_documented_rules() {
    let mut expected = ExpectedFigures::default();
    let goals = ["yes".to_owned()];
    let typed = CustomerMessage::Typed("rhubarb".into());
    let say = |expected: &mut ExpectedFigures, message: &CustomerMessage, at| {
        expected.written(CUSTOMER, message, at, &goals);
    };
    expected.begins(NUMBER, Some("ad"));
    say(&mut expected, &typed, START);
    expected.sent(CUSTOMER, &question("1", "date", &["today"]), START);
    say(
        &mut expected,
        &CustomerMessage::Picture("1".into()),
        START + 2,
    );
    expected.sent(CUSTOMER, &question("2", "date", &["today"]), START + 2);
    say(&mut expected, &pressed("today", "2"), START + 5);
    say(&mut expected, &typed, START + 6);
    expected.sent(CUSTOMER, &question("3", "guests", &[]), START + 7);
    say(&mut expected, &CustomerMessage::Unsupported, START + 8);
    let open = [
        ("conversations_started  ad", 1),
        ("sessions_started", 1),
        ("sessions_abandoned", 1),
        ("step_abandoned guests", 1),
        ("step_entered date", 2),
        ("step_entered guests", 1),
        ("step_reentries date", 1),
        ("step_confused date unsupported", 1),
        ("step_confused date asked_again", 1),
        ("step_confused date repeated", 1),
        ("step_confused guests unsupported", 1),
        ("step_answered date", 1),
        ("step_answers date today", 1),
        ("step_seconds date", 3),
    ];
    assert_eq!(counted(&expected), named(&open));

    say(&mut expected, &pressed("yes", "3"), START + 9);
    let done = counted(&expected);
    assert_eq!(done.get("sessions_completed"), Some(&1));
    assert_eq!(done.get("sessions_abandoned"), None);
    assert_eq!(done.get("step_answered guests"), Some(&1));
}

#[test]
fn a_third_question_is_a_loop_and_a_reply_to_an_answered_one_is_no_answer() {
    let mut expected = ExpectedFigures::default();
    for (number, id) in ["1", "2", "3"].into_iter().enumerate() {
        let at = START + 10 * i64::try_from(number).expect("a small number");
        expected.sent(CUSTOMER, &question(id, "date", &["today"]), at);
    }
    expected.written(CUSTOMER, &pressed("today", "1"), START + 30, &[]);
    expected.sent(CUSTOMER, &question("4", "guests", &[]), START + 31);
    expected.written(CUSTOMER, &pressed("today", "1"), START + 32, &[]);
    let counted = counted(&expected);
    assert_eq!(counted["loops date"], 1);
    assert_eq!(counted["step_answered date"], 1);
    assert_eq!(counted["step_seconds date"], 10);
    assert_eq!(counted.get("step_answered guests"), None);
}

#[test]
fn what_a_customer_does_depends_on_seed_and_message_alone() {
    let decide = |seed| {
        let goals = ["yes".to_owned()];
        let decisions = (0..60).map(|index| {
            let mut person = Person::new(index, seed, NUMBER, &goals);
            person.receive(&question("1", "date", &["today", "yes"]));
            person.decides()
        });
        decisions.collect::<Vec<_>>()
    };
    assert_eq!(decide(1), decide(1));
    assert_ne!(decide(1), decide(2));
    let decided = decide(1);
    let kinds: [fn(&Decision) -> bool; 4] = [
        |decision| matches!(decision, Decision::Leave),
        |decision| matches!(decision, Decision::React(_)),
        |decision| matches!(decision, Decision::Write(messages) if messages.len() == 2),
        |decision| matches!(decision, Decision::Write(messages) if matches!(messages[..], [CustomerMessage::Typed(_)])),
    ];
    for is_kind in kinds {
        assert!(decided.iter().any(is_kind), "{decided:?}");
    }
}

#[test]
fn customers_write_even_if_nobody_answers_and_then_leave() {
    let (world, now) = (world(), Instant::now());
    let mut customers = Customers::new(7, 1.0);
    customers.start(&world, NUMBER, 30, &[], now).expect("room");
    let mut messages = 0;
    for second in 0..700 {
        let at = START + i64::try_from(second).expect("a small number");
        let posts = customers.take_due(&world, at, now + Duration::from_secs(second));
        let webhooks = posts.iter().flat_map(|post| &post.webhooks);
        messages += webhooks
            .filter_map(|webhook| webhook.value["messages"].as_array())
            .map(Vec::len)
            .sum::<usize>();
    }
    assert!(customers.is_settled(), "{:?}", customers.started());
    assert!((31..120).contains(&messages), "{messages}");
    let started: u64 = customers.expected().figures().values().sum();
    assert_eq!(started, 30, "only the beginnings count");
}

#[test]
fn each_message_is_sent_and_delivered_or_fails_with_the_callback_data() {
    let (world, now) = (world(), Instant::now());
    let mut customers = Customers::new(7, 1.0);
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..100 {
        let message = question(&format!("wamid.{number}"), "date", &[]);
        customers.send(&message, START, now);
    }
    for post in customers.take_due(&world, START + 9, now + Duration::from_secs(9)) {
        for webhook in &post.webhooks {
            let status = &webhook.value["statuses"][0];
            let text = |key: &str| status[key].as_str().expect("text").to_owned();
            assert!(text("biz_opaque_callback_data").contains("step=date"));
            seen.entry(text("id")).or_default().push(text("status"));
        }
    }
    assert_eq!(seen.len(), 100);
    let failed = seen.values().filter(|statuses| **statuses == ["failed"]);
    assert!((1..9).contains(&failed.count()));
    for statuses in seen.values().filter(|statuses| **statuses != ["failed"]) {
        assert_eq!(statuses[..2], ["sent", "delivered"]);
    }
}

#[test]
fn there_is_a_limit() {
    let (world, now) = (world(), Instant::now());
    let mut customers = Customers::new(7, 1.0);
    let too_many = customers.start(&world, NUMBER, MAX_CUSTOMERS + 1, &[], now);
    assert_eq!(too_many, Err(StartError::TooMany));
    let unknown = customers.start(&world, "1", 1, &[], now);
    assert_eq!(unknown, Err(StartError::NoSuchNumber("1".into())));
    assert_eq!(customers.started().customers, 0);
    let shown = serde_json::to_value(customers.started()).expect("JSON");
    assert_eq!(shown, json!({"customers": 0, "finished": 0}));
}
