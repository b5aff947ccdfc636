//! The demo: it has a month of history, shows metrics soon, and ends at Ctrl-C.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::http::{get, metrics, until_metric};
use crate::process::{Process, SOON, demo, program_in, until};

/// Ends at Ctrl-C with 0, without waiting until the grace period ends.
fn assert_ends_promptly(demo: &mut Process) {
    demo.signal(Signal::INT);
    let status = demo.ended_within(SOON);
    assert_eq!(status.code(), Some(0), "{demo:?}");
    assert!(!demo.log().contains("grace period ended"), "{demo:?}");
}

#[test]
fn the_first_metrics_come_soon() {
    let (_demo, address) = demo("1");
    for metric in [
        "whatsapp_phone_number_quality_rating{",
        "whatsapp_message_template_status{",
        "whatsapp_business_account_info{",
    ] {
        until_metric(address, metric);
    }
}

#[test]
fn ctrl_c_ends_it_at_once() {
    let (mut demo, address) = demo("1");
    until_metric(address, "whatsapp_phone_number_info{");
    assert_ends_promptly(&mut demo);
}

#[test]
fn ctrl_c_as_soon_as_it_has_spoken_ends_it_too() {
    let (mut demo, _) = demo("1");
    assert_ends_promptly(&mut demo);
}

/// At any moment of the start, the folder with the store and the key disappears with the demo.
#[test]
fn ctrl_c_during_the_start_leaves_no_file() {
    for pause in [0, 100, 300, 1_000, 2_000, 3_000, 4_000].map(Duration::from_millis) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let is_empty = || {
            folder
                .path()
                .read_dir()
                .expect("it exists")
                .next()
                .is_none()
        };
        let arguments = ["demo", "--web.listen-address=127.0.0.1:0"];
        let mut demo = program_in(folder.path(), &arguments, &[]);
        until("the demo's folder", SOON, || {
            (!is_empty()).then_some(()).ok_or_else(|| demo.log())
        });
        std::thread::sleep(pause);
        assert_ends_promptly(&mut demo);
        assert!(is_empty(), "{pause:?}: {demo:?}");
    }
}

#[test]
fn it_starts_with_a_month_of_history() {
    let (_demo, address) = demo("1");
    until_metric(address, "whatsapp_phone_number_quality_rating{");
    let asked = "/api/v1/history?attribute=quality_rating&entity=phone_number";
    let history = get(address, asked, "").expect("an answer").body;
    let history: Value = serde_json::from_str(&history).expect("JSON");
    let transitions = history["transitions"].as_array().expect("a list");
    let falls = transitions.iter().filter(|one| one["to"] == "RED").count();
    assert!(falls >= 3, "{history}");
    let first = transitions[0]["at"].as_str().expect("a time");
    let first: jiff::Timestamp = first.parse().expect("a time");
    let age = jiff::Timestamp::now().duration_since(first);
    assert!(age.as_hours() > 25 * 24, "{first}");
    let received: f64 = metrics(address)
        .expect("metrics")
        .lines()
        .filter(|line| line.starts_with("whatsapp_messages_received_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(received > 300.0, "{received}");
}
