//! Every fixture of `tests/fixtures/webhooks/` with its expected events and parse warnings, written by hand.
//!
//! A fixture without an expectation fails, and so does an expectation without a fixture. A new fixture needs one line
//! in the file of its entity.

mod account;
mod ahead;
mod envelope;
mod lanes;
mod mark;
mod message;
mod number;
mod preference;
mod properties;
mod recipient;
mod template;
mod unreadable;
mod unwatched;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::Delivery;
use crate::domain::{DisplayDigits, Fact, Source, Timestamp, WabaId};
use crate::ingest::{CustomerHasher, CustomerKey, ParseWarning};

/// The account of the fixtures, the portfolio it belongs to, and the time of their entries.
const ACCOUNT: &str = "800100200300400";
const PORTFOLIO: &str = "700100200300400";
const SENT_AT: i64 = 1_774_000_000;

/// When the fixtures were received: 3.25 s later.
const RECEIVED_AT: Timestamp = Timestamp::from_millis(SENT_AT * 1000 + 3_250);
const RECEIVED_AT_WHOLE_SECONDS: i64 = SENT_AT + 3;

/// The expected result of one fixture.
struct Expected {
    fixture: &'static str,
    /// Account, Unix seconds, fact.
    events: Vec<(&'static str, i64, Fact)>,
    /// `noun.key=word`, or `noun.key!` for a malformed value.
    warnings: &'static [&'static str],
}

impl Expected {
    fn warnings(mut self, warnings: &'static [&'static str]) -> Self {
        self.warnings = warnings;
        self
    }

    fn at(mut self, seconds: i64) -> Self {
        self.events.iter_mut().for_each(|event| event.1 = seconds);
        self
    }

    fn of_account(mut self, id: &'static str) -> Self {
        self.events.iter_mut().for_each(|event| event.0 = id);
        self
    }
}

/// One event of the fixtures' account at the fixtures' time, without warnings.
fn one_event(fixture: &'static str, fact: Fact) -> Expected {
    Expected {
        fixture,
        events: vec![(ACCOUNT, SENT_AT, fact)],
        warnings: &[],
    }
}

/// One event without a fact.
fn unwatched_event(fixture: &'static str) -> Expected {
    one_event(fixture, Fact::Unwatched)
}

fn digits() -> DisplayDigits {
    DisplayDigits::parse("15550100199").expect("digits")
}

fn every_expectation() -> Vec<Expected> {
    let mut all = number::expectations();
    all.extend(template::expectations());
    all.extend(account::expectations());
    all.extend(unwatched::expectations());
    all.extend(envelope::expectations());
    all
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.json")))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parsed(name: &str) -> Delivery {
    Delivery::parse(&fixture(name), RECEIVED_AT, None)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn customers() -> CustomerHasher {
    CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()))
}

fn as_text(parse_warning: &ParseWarning) -> String {
    match parse_warning {
        ParseWarning::UnknownValue { noun, key, word } => {
            format!("{noun}.{key}={}", word.as_deref().unwrap_or("(redacted)"))
        }
        ParseWarning::Malformed { noun, key } => format!("{noun}.{key}!"),
        ParseWarning::Unreadable {
            noun,
            defect,
            count,
        } => format!("{noun}.json: {count} {}", defect.as_str()),
    }
}

#[test]
fn every_fixture_gives_what_is_expected_of_it() {
    for expected in every_expectation() {
        let name = expected.fixture;
        let delivery = parsed(name);
        let events: Vec<_> = delivery
            .events
            .iter()
            .map(|event| {
                // Only times of receipt have milliseconds.
                let observed_at = event.observed_at.at_whole_seconds();
                (event.waba_id.clone(), observed_at, event.fact.clone())
            })
            .collect();
        let wanted: Vec<_> = expected
            .events
            .into_iter()
            .map(|(id, seconds, fact)| {
                let id = WabaId::parse(id).expect("an id");
                (id, Timestamp::from_seconds(seconds), fact)
            })
            .collect();
        assert_eq!(events, wanted, "{name}");
        let warnings: Vec<_> = delivery.warnings.iter().map(as_text).collect();
        assert_eq!(warnings, expected.warnings, "{name}");
    }
}

#[test]
fn no_fixture_is_without_an_expectation_and_none_has_two() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("the fixtures' folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    let names: Vec<_> = every_expectation().iter().map(|it| it.fixture).collect();
    let expected: BTreeSet<_> = names.iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(files, expected);
    assert_eq!(names.len(), expected.len(), "an expectation is there twice");
}

#[test]
fn every_event_has_a_unique_key_that_its_retries_share() {
    let keys_of = |name| parsed(name).events.into_iter().map(|event| event.source);
    for expected in every_expectation() {
        let keys: Vec<_> = keys_of(expected.fixture).collect();
        let distinct: BTreeSet<Source> = keys.iter().copied().collect();
        assert_eq!(distinct.len(), keys.len(), "{}", expected.fixture);
        assert_eq!(keys, keys_of(expected.fixture).collect::<Vec<_>>());
    }
    assert_ne!(
        keys_of("phone_number_quality_update_plus_and_dashes").next(),
        keys_of("phone_number_quality_update_plus_and_spaces").next()
    );
}
