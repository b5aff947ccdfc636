//! Scrapes a server, and measures how long each response takes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::deliveries::WABA_ID;
use super::load::Outcome;

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Precedes the number of commits.
const COMMITS: &str = "whatsapp_exporter_store_commit_duration_seconds_count";

/// Between two rounds of scrapes: far more often than Prometheus scrapes.
const PAUSE: Duration = Duration::from_millis(20);

/// Scrapes again and again for a while, with this number of scrapers at the same moment.
pub async fn scrape(server: SocketAddr, scrapers: usize, duration: Duration) -> Outcome {
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < duration {
        let mut round = JoinSet::new();
        for _ in 0..scrapers {
            round.spawn(one(server));
        }
        latencies.extend(round.join_all().await);
        sleep(PAUSE).await;
    }
    Outcome::new(latencies, began.elapsed())
}

/// Waits until the exporter exports an account, which a store of several replicas acquires first.
pub async fn until_ready(server: SocketAddr) {
    while !page(server).await.contains(WABA_ID) {
        sleep(PAUSE).await;
    }
}

/// Number of the exporter's commits so far.
pub async fn commits(server: SocketAddr) -> f64 {
    let page = page(server).await;
    let count = page.lines().find_map(|line| line.strip_prefix(COMMITS));
    count.map_or(0.0, |count| count.trim().parse().expect("a number"))
}

async fn one(server: SocketAddr) -> Duration {
    let asked = Instant::now();
    page(server).await;
    asked.elapsed()
}

async fn page(server: SocketAddr) -> String {
    let connected = TcpStream::connect(server).await;
    let mut connection = connected.expect("the server listens");
    let sent = connection.write_all(REQUEST).await;
    sent.expect("an open connection");
    let mut response = Vec::new();
    let read = connection.read_to_end(&mut response).await;
    read.expect("a whole response");
    assert!(response.starts_with(b"HTTP/1.1 200"), "a refused scrape");
    String::from_utf8(response).expect("text")
}
