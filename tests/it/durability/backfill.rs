//! Thirty days of history, written by the real program and read back from a real Prometheus; and a copy
//! of a store in use.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::{
    Event, Fact, Listing, PhoneNumberId, QualityRating, Source, Timestamp, WabaId, number,
};
use whatsapp_business_exporter::store::Location;

use super::deliveries::{Fact as SentFact, WABA};
use super::service::Service;
use crate::http::get;
use crate::process::{SOON, outcome, until};
use crate::prometheus::server::Prometheus;
use crate::support::store::opened;

const NUMBER: &str = "900100200300400";
pub const DAY: Duration = Duration::from_secs(86_400);

/// Ratings, with their ages in days.
const RATINGS: [(u32, QualityRating); 4] = [
    (30, QualityRating::Green),
    (20, QualityRating::Yellow),
    (10, QualityRating::Red),
    (5, QualityRating::Green),
];

fn days_ago(days: u32) -> Timestamp {
    let now = clock::now().as_millis();
    let ago = i64::try_from((DAY * days).as_millis()).expect("few days");
    Timestamp::from_millis(now - ago)
}

fn poll(days: u32, rating: QualityRating) -> Event {
    let snapshot = number::Snapshot {
        quality_rating: Some(rating),
        ..number::Snapshot::new(PhoneNumberId::parse(NUMBER).expect("digits"))
    };
    let listing = Listing {
        objects: vec![snapshot],
        complete: true,
    };
    Event {
        waba_id: WabaId::parse(WABA).expect("digits"),
        observed_at: days_ago(days),
        source: Source::Poll,
        fact: Fact::NumbersListed(listing),
    }
}

pub async fn write_thirty_days(location: &Location) {
    let store = opened(location, DAY * 400).await;
    let accounts = BTreeSet::from([WabaId::parse(WABA).expect("digits")]);
    store.watch(accounts).await.expect("a sound store");
    for (days, rating) in RATINGS {
        let committed = store.commit(vec![poll(days, rating)]).await;
        committed.expect("a sound store");
    }
    store.close().await;
}

/// Writes the history with the program, and makes blocks of it with promtool.
fn backfill(store: &Path, data: &Path) {
    let text = data.join("history.txt");
    let store = format!("--store.url=sqlite:{}", store.display());
    let output = format!("--output={}", text.display());
    let arguments = [
        "backfill",
        &store,
        "--since=31d",
        "--step=4m",
        "--label=job=whatsapp",
        &output,
    ];
    let written = outcome(&arguments, &[]);
    assert_eq!(written.code, Some(0), "{}", written.log);
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "--max-block-duration=744h"])
        .arg("openmetrics")
        .args([&text, &data.join("data")])
        .output()
        .expect("promtool comes with Debian's prometheus");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

#[test]
fn a_new_prometheus_has_the_last_thirty_days() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("state.db");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(write_thirty_days(&Location::File(store.clone())));
    let data = tempfile::tempdir().expect("a temporary folder");
    backfill(&store, data.path());
    let prometheus = Prometheus::start(data, "global: {}\n");

    let ago = |days: f64| format!(" offset {}h", (days * 24.0) as u64);
    let labels = format!("{{job=\"whatsapp\",waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\"}}");
    let score = |days: f64| {
        let expression = format!("whatsapp_phone_number_quality_score{labels}{}", ago(days));
        until("the block to be loaded", SOON, || {
            prometheus.value(&expression)
        })
    };
    for (days, expected) in [
        (29.5, 3.0),
        (20.5, 3.0),
        (19.5, 2.0),
        (10.5, 2.0),
        (9.5, 1.0),
        (5.5, 1.0),
        (4.5, 3.0),
        (0.5, 3.0),
    ] {
        assert_eq!(score(days), expected, "{days} days ago");
    }
    let nothing = format!("whatsapp_phone_number_quality_score{labels}{}", ago(30.5));
    assert!(
        prometheus.value(&nothing).is_err(),
        "the journal begins later"
    );
    let red = "sum_over_time(whatsapp_phone_number_quality_rating{quality_rating=\"RED\"}[30d]) * 240 / 86400";
    let red_days = prometheus.value(red).expect("the series");
    assert!((4.9..=5.1).contains(&red_days), "{red_days} days of RED");
    let since = format!(
        "whatsapp_phone_number_quality_rating_changed_timestamp_seconds{labels}{}",
        ago(7.0)
    );
    let since = prometheus.value(&since).expect("the series");
    let expected = days_ago(10).as_seconds_f64();
    assert!((since - expected).abs() < 300.0, "{since}, not {expected}");
}

#[test]
fn a_copy_of_a_store_in_use_is_a_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = Service::start(folder.path());
    let sent_fact = |number: u64| SentFact {
        time: 1_775_000_000 + number,
        template: 7_001_002_003_000,
        event: "PAUSED",
    };
    assert_eq!(first.send(&[sent_fact(1)]).expect("it answers").status, 200);

    let store = format!(
        "--store.url=sqlite:{}",
        folder.path().join("state.db").display()
    );
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let output = format!("--output={}", elsewhere.path().join("state.db").display());
    let copied = outcome(&["backup", &store, &output], &[]);
    assert_eq!(copied.code, Some(0), "{}", copied.log);
    let again = outcome(&["backup", &store, &output], &[]);
    assert_eq!(again.code, Some(1));
    assert!(again.log.contains("exists already"), "{}", again.log);

    assert_eq!(first.send(&[sent_fact(2)]).expect("it answers").status, 200);
    let second = Service::start(elsewhere.path());
    let count = |service: &Service| {
        let events = "whatsapp_message_template_status_events_total";
        service.scrape().count(events, &[("event", "PAUSED")])
    };
    assert_eq!((count(&first), count(&second)), (2.0, 1.0));
    let history = get(second.address, "/api/v1/history?since=0", "").expect("it answers");
    assert_eq!(history.status, 200, "{history:?}");
}

#[test]
fn there_is_nothing_to_backfill_from_no_store() {
    let nowhere = outcome(&["backfill", "--store.url=sqlite:nowhere.db"], &[]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.log.contains("nowhere.db"), "{}", nowhere.log);
}
