//! Throughput of the relay, and its effect on acknowledgements. The ignored tests print figures, see docs/development.md.

#![expect(
    clippy::print_stdout,
    reason = "figures are read by whoever asks for them"
)]

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use whatsapp_business_exporter::simulator::signature::header_value;

use super::upstream::{Manner, Upstream};
use super::{PENDING, TAKEN, relaying_to};
use crate::exporter::meta::{Exporter, NUMBER, WABA, small_world, this_second};

/// Clients that post at the same time.
const CLIENTS: usize = 16;

/// Number of customers, each with another conversation.
const CUSTOMERS: usize = 1_000;

/// Deliveries a second that the relay reaches through an upstream that takes 100 ms, in a release build.
const GOAL: f64 = 500.0;

/// Deliveries that the relay has in flight at the same time, at least, also on a busy machine.
const SIDE_BY_SIDE: usize = 5;

/// A status of a message to one of the customers, as Meta sends it; the same text each time.
pub fn status(number: usize, customer: usize) -> Vec<u8> {
    static NOW: OnceLock<u64> = OnceLock::new();
    let now = NOW.get_or_init(this_second);
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100199","phone_number_id":"{NUMBER}"}},"statuses":[{{"id":"wamid.{number}","status":"delivered","timestamp":"{now}","recipient_id":"1555{customer:07}"}}]}},"field":"messages"}}]}}]}}"#
    )
    .into_bytes()
}

/// Posts so many at this pace; returns the time that each acknowledgement took, shortest first.
async fn post_all(exporter: &Exporter, count: usize, a_second: usize) -> Vec<Duration> {
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    let url = Arc::new(format!("{}/webhook", exporter.public_url));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (url, secret, http) = (Arc::clone(&url), secret.clone(), exporter.http.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            for number in (client..count).step_by(CLIENTS) {
                let due = began + Duration::from_secs_f64(number as f64 / a_second as f64);
                tokio::time::sleep_until(due.into()).await;
                let body = status(number, number % CUSTOMERS);
                let signature = header_value(&secret, &body);
                let sent = Instant::now();
                let request = http.post(url.as_str()).body(body);
                let request = request.header("X-Hub-Signature-256", signature);
                let answer = request.send().await.expect("the exporter answers");
                assert_eq!(answer.status(), 200);
                took.push(sent.elapsed());
            }
            took
        })
    });
    let mut took = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        took.extend(client.await.expect("a client does not panic"));
    }
    took.sort();
    took
}

async fn measure(what: &str, manner: Manner, a_second: usize, seconds: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let upstream = Upstream::new(manner).await;
    let exporter = Exporter::stored(small_world(), &relaying_to(&upstream.url(), ""), &store).await;
    let count = a_second * seconds;
    let began = Instant::now();
    let took = post_all(&exporter, count, a_second).await;
    let posted = began.elapsed();
    let (taken, pending) = (exporter.value(TAKEN).await, exporter.value(PENDING).await);
    let rate = taken.unwrap_or(0.0) / began.elapsed().as_secs_f64();
    let at = |share: usize| took[took.len() * share / 1000];
    println!(
        "{what}: posted {:.0}/s, relayed {rate:.0}/s, {} wait; acknowledged p50 {:?}, p99 {:?}, max {:?}",
        count as f64 / posted.as_secs_f64(),
        pending.unwrap_or(0.0),
        at(500),
        at(990),
        took[took.len() - 1],
    );
}

/// How fast a backlog of an outage is delivered, once the upstream is back: the rate without the senders, and the largest
/// number of deliveries in flight.
async fn measure_backlog(what: &str, manner: Manner, count: usize) -> (f64, usize) {
    let upstream = Upstream::new(Manner::Answers(503)).await;
    let exporter = Exporter::configured(small_world(), &relaying_to(&upstream.url(), "")).await;
    post_all(&exporter, count, 100_000).await;
    exporter.until(PENDING, count as f64).await;
    let before = upstream.asked();
    upstream.answer(manner);
    while upstream.taken().len() < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = upstream.asked_at();
    let took = asked[asked.len() - 1] - asked[before];
    let rate = count as f64 / took.as_secs_f64();
    let most_in_flight = upstream.most_in_flight();
    println!("backlog of {count}, {what}: {rate:.0}/s, {most_in_flight} in flight");
    (rate, most_in_flight)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_with_latency_gets_many_deliveries_side_by_side() {
    let manner = Manner::Takes(Duration::from_millis(100));
    let (rate, most_in_flight) = measure_backlog("100 ms", manner, 600).await;
    assert!(
        most_in_flight >= SIDE_BY_SIDE,
        "{most_in_flight} at {rate:.0}/s"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures: half a minute on a quiet machine"]
async fn how_fast_a_backlog_is_delivered() {
    let millis = Duration::from_millis;
    let (rate, _) = measure_backlog("100 ms", Manner::Takes(millis(100)), 3_000).await;
    assert!(rate >= GOAL || cfg!(debug_assertions), "{rate:.0}/s");
    for (what, manner) in [
        ("20 ms", Manner::Takes(millis(20))),
        ("5 ms, one in ten 500", Manner::Flaky(millis(5), 10)),
    ] {
        measure_backlog(what, manner, 3_000).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures: a minute on a quiet machine"]
async fn how_many_deliveries_a_second() {
    let setting = |name: &str, default: usize| {
        let text = std::env::var(name).ok();
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (a_second, seconds) = (setting("RELAY_RATE", 600), setting("RELAY_SECONDS", 10));
    let millis = Duration::from_millis;
    for (what, manner) in [
        ("100 ms", Manner::Takes(millis(100))),
        ("20 ms", Manner::Takes(millis(20))),
        ("5 ms, one in ten 500", Manner::Flaky(millis(5), 10)),
        ("silent", Manner::IsSilent),
    ] {
        measure(what, manner, a_second, seconds).await;
    }
}
