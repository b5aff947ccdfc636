//! Durable deliveries per second over sockets, compared with minimal ingestion. Each server has one core, and the
//! senders have another one, so the machine needs two.
//!
//! Absolute figures depend on the machine and its load. Only ratios of runs that follow each other are results.

mod deliveries;
mod load;
mod scrape;
mod servers;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use deliveries::Deliveries;
use load::{Outcome, send};
use scrape::{commits, scrape, until_ready};
use servers::{SERVE_BASELINE, Server, say, serve_baseline};

/// The core of the senders.
const SENDER_CORE: &str = "1";

/// Number of comparisons. Baseline and exporter take turns, so that both run under the same load of the machine.
const ROUNDS: usize = 3;

/// Environment variable with the URL of an empty PostgreSQL database, to compare the engines.
const POSTGRES: &str = "INGESTION_POSTGRES_URL";

/// Number of concurrent scrapes, which share a rendering.
const SCRAPERS: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|it| it == SERVE_BASELINE) {
        // Like the exporter's own runtime: one worker on one core.
        let runtime = Runtime::new().expect("a runtime");
        return runtime.block_on(serve_baseline());
    }
    move_to_core(SENDER_CORE);
    // `cargo test` only checks that the bench works.
    let is_bench = arguments.iter().any(|it| it == "--bench");
    let seconds = if is_bench { 6.0 } else { 0.2 };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(compare(Duration::from_secs_f64(seconds)));
}

fn move_to_core(core: &str) {
    let own = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-cp", core, &own]).output();
    moved.expect("taskset, of util-linux");
}

async fn compare(duration: Duration) {
    // Meta is unreachable, because only webhooks are measured.
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let graph = unused.local_addr().expect("it is bound");
    drop(unused);
    for _ in 0..ROUNDS {
        let baseline = Server::baseline();
        let least = send(baseline.address, Deliveries::different(), None, duration).await;
        drop(baseline);
        report("HMAC, Value, counter", &least, least.rate());
        let exporter = Server::exporter(graph, None);
        let server = exporter.address;
        let ours = send(server, Deliveries::different(), None, duration).await;
        report("different deliveries", &ours, least.rate());
        let repeats = send(server, Deliveries::repeated(), None, duration).await;
        report("repeats of one delivery", &repeats, least.rate());
        let half = Some(ours.rate() / 2.0);
        let idle = scrape(server, 1, duration).await;
        let (paced, busy) = tokio::join!(
            send(server, Deliveries::different(), half, duration),
            scrape(server, 1, duration),
        );
        report("different, at half of that rate", &paced, least.rate());
        report_scrapes("scrapes without deliveries", &idle);
        report_scrapes("scrapes at half of that rate", &busy);
        let shared = scrape(server, SCRAPERS, duration).await;
        report_scrapes("16 scrapes at the same moment", &shared);
        drop(exporter);
        if let Ok(url) = std::env::var(POSTGRES) {
            for (name, url) in [("SQLite", None), ("PostgreSQL", Some(url.as_str()))] {
                compare_engines(graph, name, url, least.rate(), duration).await;
            }
        }
    }
}

/// Deliveries on one of the engines: rate, processor time and commits.
async fn compare_engines(
    graph: SocketAddr,
    name: &str,
    url: Option<&str>,
    least: f64,
    duration: Duration,
) {
    let exporter = Server::exporter(graph, url);
    until_ready(exporter.address).await;
    let (before, commits_before) = (exporter.processor_time(), commits(exporter.address).await);
    let outcome = send(exporter.address, Deliveries::different(), None, duration).await;
    let used = exporter.processor_time() - before;
    let commits = commits(exporter.address).await - commits_before;
    report(name, &outcome, least);
    let each = used.as_secs_f64() * 1e6 / outcome.count() as f64;
    let commits = commits / duration.as_secs_f64();
    say(&format!(
        "{name:32} {each:8.0} µs of processor time a delivery, {commits:6.0} commits/s"
    ));
}

fn report(name: &str, outcome: &Outcome, least: f64) {
    let rate = outcome.rate();
    let ratio = rate / least;
    let [half, most] = [0.5, 0.99].map(|share| outcome.quantile(share));
    say(&format!(
        "{name:32} {rate:8.0}/s  ratio {ratio:.2}  p50 {half:9.2?}  p99 {most:9.2?}"
    ));
}

fn report_scrapes(name: &str, outcome: &Outcome) {
    let [half, most] = [0.5, 0.99].map(|share| outcome.quantile(share));
    say(&format!("{name:32} p50 {half:9.2?}  p99 {most:9.2?}"));
}
