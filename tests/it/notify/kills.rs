//! SIGKILL between commit and post, and between post and commit of the position.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::{json_of, steps};
use crate::durability::deliveries::Fact;
use crate::durability::service::{NO_META, PATIENCE, Service};
use crate::http::get;
use crate::process::until;
use crate::relay::upstream::{Manner, Upstream};

const TEMPLATE: u64 = 7_001_002_003_000;

/// Exporters that are killed, one after the other.
const KILLS: u64 = 6;

/// Changes of each.
const CHANGES: u64 = 8;

/// A history response, as (time, value after) of each change.
fn journal(service: &Service) -> Vec<(String, String)> {
    let path = "/api/v1/history?attribute=status&since=1770000000&limit=1000";
    let answer = get(service.address, path, "").expect("it answers");
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    let lines = body["transitions"].as_array().expect("a list").clone();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let line = |line: &Value| (text(line, "at"), text(line, "to"));
    lines.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_is_posted_though_the_exporter_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let upstream = Upstream::new(Manner::Takes(Duration::from_millis(30))).await;
    let file = format!(
        "notify:\n  webhooks:\n    - name: app\n      url: {}\n",
        upstream.url()
    );
    let start = || Service::configured(folder.path(), &file, &[NO_META]);
    for round in 0..KILLS {
        let service = start();
        for number in 0..CHANGES {
            let event = ["PAUSED", "APPROVED"][usize::try_from(number % 2).expect("0 or 1")];
            let time = 1_775_000_000 + round * CHANGES + number;
            let fact = Fact {
                time,
                template: TEMPLATE,
                event,
            };
            assert_eq!(service.send(&[fact]).expect("it answers").status, 200);
        }
        tokio::time::sleep(Duration::from_millis(40 * round)).await;
        service.process.signal(Signal::KILL);
    }
    let service = start();
    let expected = journal(&service);
    assert_eq!(expected.len() as u64, KILLS * CHANGES);
    until("every change", PATIENCE, || {
        let pending = service.scrape();
        let is_done = pending
            .0
            .contains("whatsapp_exporter_notify_pending{receiver=\"app\"} 0\n");
        is_done
            .then_some(())
            .ok_or_else(|| steps(&upstream).join("\n"))
    });
    let mut first: Vec<(String, String)> = Vec::new();
    let mut by_id: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for taken in upstream.taken() {
        let event = json_of(&taken);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let known = by_id.insert(text(&event["id"]), taken.body.clone());
        match known {
            Some(before) => assert_eq!(before, taken.body, "a repetition is the same event"),
            None => first.push((text(&event["data"]["at"]), text(&event["data"]["to"]))),
        }
    }
    assert_eq!(first, expected, "in order, none missing");
}
