//! `_created` timestamps: when the counters of accounts and of the process were 0.

use std::collections::BTreeMap;

use super::meta::{Exporter, SELDOM, WABA, config_file, small_world, this_second};
use crate::prometheus::formats::assert_open_metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A counter of the account, which has several words.
const EVENTS: &str = "whatsapp_business_account_events";

/// A counter of the process.
const POLLS: &str = "whatsapp_exporter_graph_requests";

fn file() -> String {
    let watched = config_file(SELDOM, &[WABA]);
    format!("metrics: {{created_timestamps: true}}\n{watched}")
}

async fn page(exporter: &Exporter, accept: &str) -> String {
    let request = exporter.http.get(format!("{}/metrics", exporter.url));
    let response = request.header("Accept", accept).send().await;
    response
        .expect("the exporter answers")
        .text()
        .await
        .expect("text")
}

/// By labels: the values of the series whose names have this ending.
fn series(page: &str, name: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter_map(|line| {
        let labels_and_value = line.strip_prefix(name)?.strip_prefix('{')?;
        let (labels, value) = labels_and_value.rsplit_once("} ")?;
        Some((labels.to_owned(), value.parse().expect("a number")))
    });
    lines.collect()
}

/// The times of creation by labels, after a check that each counter has one.
fn created(page: &str, family: &str) -> BTreeMap<String, f64> {
    let counts = series(page, &format!("{family}_total"));
    let created = series(page, &format!("{family}_created"));
    assert!(counts.len() > 1, "{family}: {counts:?}");
    assert!(counts.keys().eq(created.keys()), "{counts:?} {created:?}");
    created
}

async fn polled(store_url: &str) -> Exporter {
    let exporter = Exporter::stored(small_world(), &file(), store_url).await;
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    exporter
}

#[tokio::test]
async fn counters_show_when_they_were_0_and_keep_it_through_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("sqlite:{}", directory.path().join("state.db").display());
    #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
    let second = || this_second() as f64;
    let before = second();
    let exporter = polled(&store).await;
    let first = page(&exporter, OPEN_METRICS).await;
    let after = second() + 1.0;
    assert_open_metrics(&first);
    let of_account = created(&first, EVENTS);
    for (labels, at) in &of_account {
        assert!((before..=after).contains(at), "{labels}: {at}");
    }
    for (labels, at) in created(&first, POLLS) {
        // The registry is as old as the process, and the process is older than this test.
        assert!(at > 0.0 && at <= after, "{labels}: {at}");
    }
    // Histograms have one for each set of labels, not for each bucket.
    let durations = "whatsapp_exporter_poll_duration_seconds";
    let counts = series(&first, &format!("{durations}_count"));
    let times = series(&first, &format!("{durations}_created"));
    assert!(
        !counts.is_empty() && counts.keys().eq(times.keys()),
        "{first}"
    );
    exporter.stopped().await;

    let exporter = polled(&store).await;
    let second = page(&exporter, OPEN_METRICS).await;
    assert_eq!(created(&second, EVENTS), of_account);
}

#[tokio::test]
async fn only_open_metrics_has_them_and_only_if_they_are_configured() {
    let exporter = polled("sqlite::memory:").await;
    assert!(page(&exporter, OPEN_METRICS).await.contains("_created{"));
    let text = page(&exporter, "text/plain").await;
    assert!(
        text.contains("_total{") && !text.contains("_created"),
        "{text}"
    );
    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let page = page(&exporter, OPEN_METRICS).await;
    assert!(
        page.contains("_total{") && !page.contains("_created"),
        "{page}"
    );
}
