//! Events of webhooks and applications survive the inbox between two replicas.

mod format;
mod strategies;

use proptest::prelude::*;
use whatsapp_business_exporter::domain::account::{self, Loss};
use whatsapp_business_exporter::domain::{DisplayDigits, Fact, Listing, number, template};
use whatsapp_business_exporter::store::inbox_events::{decode, encode};

use crate::support::{at, by_webhook, number_id, polled, template_id, waba};
use strategies::event;

fn template_fact(update: template::Update, name: Option<&str>) -> Fact {
    Fact::Template(template::WebhookUpdate {
        identity: template::Identity {
            id: template_id(0),
            name: name.map(Into::into),
            language: None,
        },
        update,
    })
}

fn spelling() -> Fact {
    Fact::NumberSpelled(number::Spelling {
        id: number_id(0),
        digits: digits(),
    })
}

fn digits() -> DisplayDigits {
    DisplayDigits::parse("15550100199").expect("digits")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_are_read_back_unchanged(events in prop::collection::vec(event(), 0..5)) {
        let text = encode(&events).expect("no poll");
        prop_assert_eq!(decode(&text).expect("its own text"), events);
    }

    /// Part of a row, with one letter replaced, is an error or other events, but never a panic.
    #[test]
    fn damaged_text_never_panics(
        events in prop::collection::vec(event(), 1..3),
        letter in any::<char>(),
        place in any::<prop::sample::Index>(),
    ) {
        let text = encode(&events).expect("no poll");
        let mut letters: Vec<char> = text.chars().collect();
        let place = place.index(letters.len());
        let cut: String = letters[..place].iter().collect();
        prop_assert!(decode(&cut).is_err());
        letters[place] = letter;
        let changed: String = letters.iter().collect();
        if let Ok(read) = decode(&changed) {
            prop_assert_eq!(read.len(), events.len());
        }
    }
}

#[test]
fn facts_of_polls_and_of_the_clock_are_refused() {
    let listing = Listing {
        objects: vec![],
        complete: true,
    };
    let facts = [
        (Fact::AccountRead(account::Snapshot::new()), "AccountRead"),
        (Fact::AccountLoss(Loss::Unreadable), "AccountLoss"),
        (Fact::NumbersListed(listing), "NumbersListed"),
        (Fact::TimePassed, "TimePassed"),
        (Fact::ClockCorrected { latest: at(1) }, "ClockCorrected"),
    ];
    for (fact, name) in facts {
        // Between two others, so that nothing is stored instead of everything.
        let events = [
            by_webhook(1, 1, Fact::Unwatched),
            by_webhook(2, 2, fact),
            by_webhook(3, 3, Fact::Unwatched),
        ];
        let refusal = encode(&events).expect_err("not for the inbox");
        let refusal = refusal.to_string();
        assert!(refusal.contains(name), "{refusal}");
    }
    let polled = encode(&[polled(1, Fact::Unwatched)]);
    let refusal = polled.expect_err("a poll").to_string();
    assert!(refusal.contains("Source::Poll"), "{refusal}");
}

fn row(source: &str, fact: &str) -> String {
    let waba = waba();
    format!(
        r#"[{{"waba_id":"{waba}","observed_at":1,"source":{source},"fact":{fact},"of_tomorrow":[1]}}]"#
    )
}

const WEBHOOK: &str = r#"{"webhook":"0000000000000000000000000000000a"}"#;

#[test]
fn a_later_version_s_fact_is_an_error_that_names_it_and_its_fields_are_ignored() {
    let read = decode(&row(WEBHOOK, r#""unwatched""#)).expect("an unknown field is ignored");
    assert_eq!(read.len(), 1);
    for (source, fact, named) in [
        (WEBHOOK, r#"{"portfolio":{"of":1}}"#, "portfolio"),
        (WEBHOOK, r#""account_read""#, "account_read"),
        (WEBHOOK, r#"{"account":{"merged":{}}}"#, "merged"),
        (
            r#"{"carrier_pigeon":1}"#,
            r#""unwatched""#,
            "carrier_pigeon",
        ),
        (r#""poll""#, r#""unwatched""#, "poll"),
    ] {
        let error = decode(&row(source, fact)).expect_err("unknown").to_string();
        assert!(error.contains(&format!("`{named}`")), "{error}");
        assert!(error.contains("upgrade this replica"), "{error}");
    }
}

#[test]
fn a_later_version_s_words_are_read_as_the_parser_reads_them() {
    let kinds = |word: &str| {
        let violation = format!(
            r#"{{"account":{{"account_update":{{"event":"OF_TOMORROW","violation":["{word}",null]}}}}}}"#
        );
        let read = decode(&row(WEBHOOK, &violation)).expect("words are open");
        let Fact::Account(account::Update::AccountUpdate {
            event,
            violation: Some(violation),
            ..
        }) = read[0].fact.clone()
        else {
            panic!("{read:?}");
        };
        (event, violation.kind)
    };
    let (event, kind) = kinds("OF_TOMORROW");
    assert_eq!(event, account::EventKind::Other);
    assert_eq!(kind, account::ViolationType::Other);
    let (_, kind) = kinds("DIRECT_SEND_OF_TOMORROW_UNBAN");
    assert_eq!(kind, account::ViolationType::DirectSendUnban);
}

#[test]
fn ids_are_checked_because_a_row_is_outside_input() {
    let spelled = |id: &str, digits: &str| {
        format!(r#"{{"number_spelled":{{"id":"{id}","digits":"{digits}"}}}}"#)
    };
    assert!(decode(&row(WEBHOOK, &spelled("7001", "15550100199"))).is_ok());
    assert!(decode(&row(WEBHOOK, &spelled("7001\\\"}", "15550100199"))).is_err());
    assert!(decode(&row(WEBHOOK, &spelled("7001", "12"))).is_err());
    let key = r#"{"webhook":"xyz"}"#;
    assert!(decode(&row(key, r#""unwatched""#)).is_err());
    let nobody =
        r#"{"message":{"phone_number_id":"1","received_at":1,"update":{"id_changed":{}}}}"#;
    let error = decode(&row(WEBHOOK, nobody))
        .expect_err("no id")
        .to_string();
    assert!(error.contains("a customer without an id"), "{error}");
}
