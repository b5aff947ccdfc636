//! `notify test`, and secrets that no output shows.

use rustix::process::Signal;

use super::{SECRET, at_once, json_of};
use crate::durability::deliveries::Fact;
use crate::durability::service::{NO_META, Service, variables};
use crate::process::{SOON, program_in};
use crate::relay::upstream::{Manner, Upstream};

const KEY: &str = "a-key-in-the-address";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_posted_to_the_chosen_receivers_and_no_secret_is_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (good, bad) = (
        Upstream::new(at_once()).await,
        Upstream::new(Manner::Answers(403)).await,
    );
    let file = format!(
        "notify:\n  webhooks:\n    - {{name: good, url: '{}?key={KEY}', secret: {SECRET}}}\n    - {{name: bad, \
         url: '{}?key={KEY}', format: slack}}\n",
        good.url(),
        bad.url()
    );
    std::fs::write(folder.path().join("config.yml"), file).expect("the folder is ours");
    let run = |receiver: &[&str]| {
        let arguments = ["notify", "test", "--config.file=config.yml"];
        let mut process = program_in(
            folder.path(),
            &[&arguments, receiver].concat(),
            &variables(),
        );
        let code = process.ended_within(SOON).code();
        let shown = format!("{}{}", process.out(), process.log());
        assert!(!shown.contains(KEY) && !shown.contains(SECRET), "{shown}");
        (code, shown)
    };
    let (code, shown) = run(&[]);
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("good: accepted the test (200)"), "{shown}");
    assert!(
        shown.contains("bad: responded with 403 (client_error)"),
        "{shown}"
    );
    let event = json_of(&good.taken()[0]);
    assert_eq!(event["type"], "io.github.whatsapp-business-exporter.test");

    let (code, shown) = run(&["--receiver=good"]);
    assert_eq!((code, bad.asked()), (Some(0), 1), "{shown}");
    let (code, shown) = run(&["--receiver=other"]);
    assert_eq!(code, Some(1));
    assert!(shown.contains("no receiver with this name"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_a_failing_receiver_and_no_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let upstream = Upstream::new(Manner::Answers(500)).await;
    let file = format!(
        "notify:\n  webhooks:\n    - {{name: app, url: '{}?key={KEY}', secret: {SECRET}}}\n",
        upstream.url()
    );
    let mut service = Service::configured(folder.path(), &file, &[NO_META, "--log.level=debug"]);
    let fact = Fact {
        time: 1_775_000_000,
        template: 7_001_002_003_000,
        event: "PAUSED",
    };
    assert_eq!(service.send(&[fact]).expect("it answers").status, 200);
    let message = "receiver did not accept a notification; retrying";
    service.process.until_logged(message);
    service.process.signal(Signal::TERM);
    service.process.ended_within(SOON);
    let log = service.process.log();
    let lines = log.lines().filter(|line| line.contains(message));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in ["receiver=\"app\"", "reason=\"server_error\"", "status=500"] {
        assert!(lines[0].contains(part), "{log}");
    }
    assert!(!log.contains(KEY) && !log.contains(SECRET), "{log}");
    // Values with spaces are quoted.
    let changed = log
        .lines()
        .find(|line| line.contains("message template changed"));
    let changed = changed.unwrap_or_default();
    for part in [
        "entity=\"template\"",
        "to=\"PAUSED\"",
        "severity=\"warning\"",
        "source=\"webhook\"",
    ] {
        assert!(changed.contains(part), "{changed}");
    }
}
