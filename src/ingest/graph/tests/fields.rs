//! The requested fields against the readers, by an example of each node: what is requested is read, and nothing else
//! is.

use std::fmt::Debug;

use serde_json::{Map, Value};

use crate::domain::AppId;
use crate::ingest::ParseWarnings;
use crate::ingest::graph::fields::declared;
use crate::ingest::graph::{Endpoint, wire};

/// Asserts that the example has each requested field, and that each path of the table by itself changes what is read.
/// Also asserts that nothing is read of a node without any of them.
fn assert_read<T: PartialEq + Debug>(
    endpoint: Endpoint,
    paths: &[&'static str],
    example: &str,
    read: impl Fn(&Value) -> T,
) {
    let example: Map<String, Value> = serde_json::from_str(example).expect("a JSON object");
    let mut requested: Vec<&str> = declared(endpoint).to_vec();
    let mut shown: Vec<&str> = example.keys().map(String::as_str).collect();
    requested.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, requested, "fields of the example and of the request");

    let id = ("id".to_owned(), example["id"].clone());
    let nothing = read(&Value::Object(Map::from_iter([id.clone()])));
    for path in paths {
        let (field, member) = wire::field_and_member(path);
        let value = match member {
            None => example[field].clone(),
            Some(member) => serde_json::json!({ member: example[field][member] }),
        };
        let node = Map::from_iter([id.clone(), (field.to_owned(), value)]);
        assert_ne!(read(&Value::Object(node)), nothing, "{path} is not read");
    }
}

/// Reads a node without any warning.
fn plainly<T>(read: impl Fn(&Value, &mut ParseWarnings) -> T) -> impl Fn(&Value) -> T {
    move |node| {
        let mut warnings = ParseWarnings::new();
        let snapshot = read(node, &mut warnings);
        assert_eq!(warnings, []);
        snapshot
    }
}

#[test]
fn every_requested_field_of_a_phone_number_is_read() {
    assert_read(
        Endpoint::PhoneNumbers,
        wire::number::PATHS,
        include_str!("../../../../tests/fixtures/graph/phone_number.json"),
        plainly(wire::number::snapshot),
    );
}

#[test]
fn every_requested_field_of_a_template_is_read() {
    assert_read(
        Endpoint::MessageTemplates,
        wire::template::PATHS,
        include_str!("../../../../tests/fixtures/graph/message_template.json"),
        plainly(wire::template::snapshot),
    );
}

#[test]
fn every_requested_field_of_an_account_is_read() {
    let own_app = AppId::parse("600100").expect("digits");
    assert_read(
        Endpoint::Account,
        wire::account::PATHS,
        include_str!("../../../../tests/fixtures/graph/business_account.json"),
        plainly(|node, warnings| {
            let mut snapshot = wire::account::snapshot(node, warnings);
            if let Some(own) = wire::account::expanded(node, &own_app, warnings) {
                own.write_to(&mut snapshot);
            }
            snapshot
        }),
    );
}
