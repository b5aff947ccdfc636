//! `GET /api/v1/history` over a socket: both formats, its limits, and what it says to bad questions.

use serde_json::{Value, json};

use super::deliveries::{Fact, WABA};
use super::service::Service;
use crate::http::get;

const TEMPLATE: u64 = 7_001_002_003_000;

/// A template that was paused, approved and paused again; and another one.
fn with_history() -> (tempfile::TempDir, Service) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let fact = |time: u64, template, event| Fact {
        time: 1_775_000_000 + time,
        template,
        event,
    };
    // The one in the middle comes last: the first step turns out to have been two.
    let facts = [
        fact(0, TEMPLATE, "PAUSED"),
        fact(100, TEMPLATE, "REJECTED"),
        fact(50, TEMPLATE, "APPROVED"),
        fact(10, TEMPLATE + 1, "DISABLED"),
    ];
    for fact in facts {
        assert_eq!(service.send(&[fact]).expect("it answers").status, 200);
    }
    (folder, service)
}

fn ask(service: &Service, query: &str) -> (u16, Value) {
    let answer = get(service.address, &format!("/api/v1/history?{query}"), "");
    let answer = answer.expect("it answers");
    let body = serde_json::from_str(&answer.body).expect("JSON");
    (answer.status, body)
}

#[test]
fn a_templates_steps_are_told_in_order_with_their_source() {
    let (_folder, service) = with_history();
    let (status, body) = ask(
        &service,
        &format!("entity={TEMPLATE}&since=1775000000&until=now"),
    );
    assert_eq!(status, 200, "{body}");
    let step = |at: &str, from: Value, to: &str| {
        json!({
            "at": at, "waba_id": WABA, "entity": "template", "id": TEMPLATE.to_string(),
            "attribute": "status", "from": from, "to": to, "source": "webhook",
        })
    };
    let expected = json!([
        step("2026-03-31T23:33:20Z", Value::Null, "PAUSED"),
        step("2026-03-31T23:34:10Z", json!("PAUSED"), "APPROVED"),
        step("2026-03-31T23:35:00Z", json!("APPROVED"), "REJECTED"),
    ]);
    assert_eq!(body["transitions"], expected);
    assert_eq!(body["next_offset"], Value::Null);
}

#[test]
fn a_long_answer_comes_in_parts() {
    let (_folder, service) = with_history();
    let (_, all) = ask(&service, "entity=template&since=0");
    let (_, first) = ask(&service, "entity=template&since=0&limit=3");
    assert_eq!(first["next_offset"], 3);
    let (_, second) = ask(&service, "entity=template&since=0&limit=3&offset=3");
    assert_eq!(second["next_offset"], Value::Null);
    let parts =
        [&first, &second].map(|part| part["transitions"].as_array().expect("a list").clone());
    assert_eq!(json!(parts.concat()), all["transitions"]);
}

#[test]
fn a_table_has_a_header_and_a_line_for_each_step() {
    let (_folder, service) = with_history();
    let path = format!("/api/v1/history?format=csv&attribute=status&entity={TEMPLATE}&since=0");
    let answer = get(service.address, &path, "").expect("it answers");
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(lines[0], "at,waba_id,entity,id,attribute,from,to,source");
    let first = format!("2026-03-31T23:33:20Z,{WABA},template,{TEMPLATE},status,,PAUSED,webhook");
    assert_eq!((lines[1], lines.len()), (first.as_str(), 4));
}

#[test]
fn a_bad_question_is_told_what_is_wrong_with_it() {
    let (_folder, service) = with_history();
    for (query, word) in [
        ("since=yesterday", "since: \"yesterday\" is no time"),
        ("since=1d&until=2d", "since: must not be after until"),
        (
            "entity=shop",
            "entity: give an id, or one of account, phone_number, template",
        ),
        ("waba_id=shop", "waba_id"),
        ("limit=0", "limit: give 1 to 10000"),
        ("limit=many", "limit"),
        ("format=xml", "format"),
        ("colour=red", "colour"),
    ] {
        let (status, body) = ask(&service, query);
        let error = body["error"].as_str().expect("an error");
        assert!(
            status == 400 && error.contains(word),
            "{query}: {status} {error}"
        );
    }
}
