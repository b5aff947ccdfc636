//! `GET /api/v1/history` over a socket: both formats, its limits, and errors about bad requests.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::deliveries::{Fact, WABA};
use super::faults::Tool;
use super::service::{PATIENCE, Service};
use crate::http::{connect, get};

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
fn the_steps_of_a_template_are_listed_in_order_with_their_source() {
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
fn pages_continue_after_a_cursor() {
    let (_folder, service) = with_history();
    let (_, all) = ask(&service, "entity=template&since=0");
    let all = all["transitions"].as_array().expect("a list").clone();
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let (status, page) = ask(&service, &format!("entity=template&since=0&limit=1{after}"));
        assert_eq!(status, 200, "{page}");
        pages.extend(page["transitions"].as_array().expect("a list").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
        // A page by offset would repeat a line after this one.
        let early = Fact {
            time: 1_774_000_000 + pages.len() as u64,
            template: TEMPLATE + 2,
            event: ["PAUSED", "REJECTED"][pages.len() % 2],
        };
        assert_eq!(service.send(&[early]).expect("it answers").status, 200);
    }
    assert_eq!(pages, all);
}

#[test]
fn a_table_contains_the_link_to_the_next_page() {
    let (_folder, service) = with_history();
    let request = "GET /api/v1/history?format=csv&since=0&limit=3 HTTP/1.0\r\n\r\n";
    let mut stream = connect(service.address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let header = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name));
        value.expect("the header").trim().to_owned()
    };
    assert_eq!(header("x-next-offset:"), "3");
    let next = header("x-next:");
    let (_, rest) = ask(&service, &format!("since=0&limit=3&after={next}"));
    let (_, by_offset) = ask(&service, "since=0&limit=3&offset=3");
    assert_eq!(rest["transitions"], by_offset["transitions"]);
    assert_eq!(rest["next"], Value::Null);
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
fn a_bad_request_is_rejected_with_the_reason() {
    let (_folder, service) = with_history();
    for (query, word) in [
        ("since=yesterday", "since: \"yesterday\" is not a time"),
        ("since=1d&until=2d", "since: must not be after until"),
        (
            "entity=shop",
            "entity: must be an id, or one of account, phone_number, template",
        ),
        ("waba_id=shop", "waba_id"),
        ("limit=0", "limit: must be 1 to 10000"),
        ("limit=many", "limit"),
        (
            "offset=10001",
            "offset: must be at most 10000; to read further, set after",
        ),
        ("after=1000", "after: must be the unchanged value of next"),
        ("after=", "after: must be the unchanged value of next"),
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

/// Rows of the attack, as many as ten thousand numbers make in some years.
const ATTACK_ROWS: usize = 2_000_000;

/// How long eight clients read.
const ATTACK: Duration = Duration::from_secs(30);

/// Fills the store of a stopped exporter with one account's lines.
fn fill(folder: &Path) {
    let mut tool = Tool::on(folder);
    tool.execute(
        "INSERT INTO journal_accounts (waba_id) VALUES ('800100200300400'); \
         WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n LIMIT 1000) \
         INSERT INTO journal_entities (account, kind, id) \
         SELECT (SELECT max(account) FROM journal_accounts), 0, 7001002003000 + value FROM n; \
         INSERT INTO journal_attributes (entity, name) VALUES ('template', 'status'); \
         WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 2000000) \
         INSERT INTO transitions SELECT (SELECT max(entity) FROM journal_entities) - value % 1000, \
         (SELECT max(attribute) FROM journal_attributes), (unixepoch() - 1728000) * 1000 + value * 800, 1, \
         CASE value / 1000 % 2 WHEN 0 THEN 'PAUSED' ELSE 'APPROVED' END, NULL FROM n",
    );
}

/// Eight clients read the history, from the first page on or at an offset of two million, while an operator looks at the
/// status page. Run it with `cargo test --release --test it deep_history -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes and a gigabyte"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn deep_history_leaves_the_status_page_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = Service::start(folder.path());
    service.process.signal(Signal::TERM);
    service.process.ended_within(PATIENCE);
    fill(folder.path());
    let service = Service::start(folder.path());
    let address = service.address;
    let end = Instant::now() + ATTACK;
    let clients: Vec<_> = (0..8)
        .map(|client| {
            std::thread::spawn(move || {
                let (mut pages, mut after) = (0_u32, String::new());
                while Instant::now() < end {
                    let path = match client % 4 {
                        0 => format!("/api/v1/history?offset={ATTACK_ROWS}"),
                        // No row matches, so every row is read.
                        1 => "/api/v1/history?attribute=none".to_owned(),
                        _ => format!("/api/v1/history?limit=1000{after}"),
                    };
                    let answer = get(address, &path, "").expect("it answers");
                    assert!([200, 400, 503].contains(&answer.status), "{answer:?}");
                    pages += u32::from(answer.status == 200);
                    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
                    if let Some(next) = body["next"].as_str() {
                        after = format!("&after={next}");
                    }
                }
                pages
            })
        })
        .collect();
    let mut times = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        assert_eq!(get(address, "/", "").expect("it answers").status, 200);
        times.push(began.elapsed());
    }
    let pages = clients
        .into_iter()
        .map(|client| client.join().expect("no panic"));
    let pages: u32 = pages.sum();
    times.sort_unstable();
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "status page p50 {half:?} p99 {most:?} of {}; pages of history {pages}",
        times.len()
    );
    assert!(most < Duration::from_secs(2), "{most:?}");
    assert!(pages > 0);
}
