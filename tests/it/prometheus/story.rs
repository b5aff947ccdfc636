//! A Prometheus that scrapes the demo over a whole story: no scrape fails, a rating falls and recovers
//! in its data, and every metric of the contract shows itself.

use serde_json::json;

use super::contract::CONTRACT;
use super::server::Prometheus;
use super::{A_ROUND, whole_round};
use crate::process::{demo, until};

#[test]
fn a_real_prometheus_scrapes_a_whole_story() {
    let (demo, address) = demo("5");
    let prometheus = Prometheus::scraping(address);
    until("the story's second round", A_ROUND, || whole_round(&demo));
    // Changes at the end of the round appear after a poll and a scrape.
    until("every metric of the contract", A_ROUND, || {
        let missing = missing_from(&prometheus)?;
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("missing: {missing:?}"))
        }
    });

    let value = |expression| prometheus.value(expression).expect("a value");
    assert!(value("count_over_time(up[10m])") > 10.0, "hardly a story");
    // Prometheus closes the connection after a second, which is no error on a busy machine.
    let failed = "count_over_time((up == 0 and scrape_duration_seconds < 0.9)[10m:1s])";
    let failed = prometheus.query(failed).expect("an answer");
    assert_eq!(failed["result"], json!([]), "a scrape failed");
    assert!(value("avg_over_time(up[10m])") > 0.5, "hardly a scrape");
    assert!(value("min_over_time(scrape_samples_scraped[10m])") > 0.0);
    assert_fell_and_recovered(&prometheus);
}

/// Of the number whose colours last longest: at this speed a scrape is five seconds of the story, and the
/// first one may come after the first fall. There is another one in the next round.
fn assert_fell_and_recovered(prometheus: &Prometheus) {
    let score = "whatsapp_phone_number_quality_score{phone_number_id=\"900100200300402\"}";
    until("a rating to fall and to recover", A_ROUND, || {
        let mut turns = prometheus.values(score, 2 * A_ROUND.as_secs());
        turns.dedup();
        let fell_and_recovered = turns.windows(3).any(|turn| turn == [3.0, 2.0, 3.0]);
        fell_and_recovered.then_some(()).ok_or(format!("{turns:?}"))
    });
}

/// Names of the contract that Prometheus has no series of.
fn missing_from(prometheus: &Prometheus) -> Result<Vec<&'static str>, String> {
    let names = prometheus.ask("/api/v1/label/__name__/values")?;
    let names: Vec<&str> = names.as_array().map_or(vec![], |names| {
        names.iter().filter_map(serde_json::Value::as_str).collect()
    });
    let is_there = |name: &str| {
        let bucket = format!("{name}_bucket");
        names.contains(&name) || names.contains(&bucket.as_str())
    };
    let contract = CONTRACT.iter().copied();
    Ok(contract.filter(|name| !is_there(name)).collect())
}
