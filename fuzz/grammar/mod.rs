//! Valid deliveries, each with one mutation, read by the production parser and by a second implementation. These share
//! only the words and ids of the domain. Both must find the same facts.

mod envelope;
mod mutation;
mod plain;

use secrecy::SecretString;
use whatsapp_business_exporter::domain::{Event, Fact, Source, WabaId, message};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};

use super::draw::Draw;
use super::{NOW, RETRIED_AFTER, SECRET, applied_twice};
use plain::{Plain, PlainFact, When};

/// Draws a delivery and compares the two readings of it.
pub fn check(data: &[u8]) {
    let mut draw = Draw::new(data);
    let original = envelope::draw(&mut draw);
    let mutated = mutation::apply(&original, &mut draw);
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&SecretString::from(SECRET)));
    let parse = |body: &[u8], at| Delivery::parse(body, at, Some(&customers));
    let body = &mutated.body;
    let text = String::from_utf8_lossy(body);
    let Ok(delivery) = parse(body, NOW) else {
        assert!(mutated.may_break, "refused: {text}");
        return;
    };
    // As serde_json reads it, or as it was before the mutation added something that serde_json cannot read.
    let json = serde_json::from_slice(body).ok();
    if let Some(json) = json.or(mutated.reads_as) {
        let plain = Plain::read(&json, &customers);
        compare(&delivery, &plain, &text);
    }
    let retry = parse(body, NOW.plus(RETRIED_AFTER)).expect("the same bytes");
    same_but_for_receipt(&delivery.events, &retry.events, &text);
    applied_twice(&delivery.events);
}

fn compare(delivery: &Delivery, plain: &Plain, text: &str) {
    let mut fields = delivery.fields.clone();
    fields.sort_unstable();
    assert_eq!(fields, plain.fields, "fields of {text}");
    let mut accounts: Vec<WabaId> = delivery
        .accounts
        .iter()
        .map(|it| it.waba_id.clone())
        .collect();
    accounts.sort_unstable();
    assert_eq!(accounts, plain.accounts, "accounts of {text}");
    assert_eq!(delivery.events.len(), plain.facts.len(), "events of {text}");
    for (event, expected) in delivery.events.iter().zip(&plain.facts) {
        compare_fact(event, expected, text);
    }
    let said = |is_one: fn(&message::Update) -> bool| {
        let facts = delivery
            .events
            .iter()
            .filter_map(|event| match &event.fact {
                Fact::Message(update) => Some(is_one(&update.update)),
                _ => None,
            });
        facts.filter(|is_one| *is_one).count()
    };
    let received = said(|update| matches!(update, message::Update::Received { .. }));
    let statuses = said(|update| matches!(update, message::Update::Status { .. }));
    assert_eq!(
        (received, statuses),
        (plain.messages, plain.statuses),
        "messages and statuses of {text}"
    );
}

fn compare_fact(event: &Event, expected: &PlainFact, text: &str) {
    assert_eq!(
        event.waba_id, expected.waba_id,
        "account of an event of {text}"
    );
    if let Some(fact) = &expected.fact {
        assert_eq!(&event.fact, fact, "fact of {text}");
    }
    match expected.when {
        When::At(at) => {
            assert_eq!(event.observed_at, at, "time of {text}");
            assert!(
                matches!(event.source, Source::Webhook(_)),
                "source of {text}"
            );
        }
        When::Undated => {
            let is_undated = matches!(event.source, Source::UndatedWebhook(_));
            assert!(is_undated, "source of {text}");
        }
        When::Unsure => {}
    }
}

/// The key makes a retry harmless, so it must not depend on the time of the retry.
fn same_but_for_receipt(first: &[Event], retry: &[Event], text: &str) {
    let key = |event: &Event| match event.source {
        Source::Webhook(key) | Source::UndatedWebhook(key) | Source::App(key) => Some(key),
        Source::Poll => None,
    };
    let keys = |events: &[Event]| events.iter().map(key).collect::<Vec<_>>();
    assert_eq!(keys(first), keys(retry), "keys of a retry of {text}");
    assert!(keys(first).iter().all(Option::is_some), "no key in {text}");
}
