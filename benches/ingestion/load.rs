//! Sends requests over kept-alive connections, and measures how long each response takes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::sleep_until;

use super::deliveries::Deliveries;

/// Number of senders, each of which waits for the response before it sends again.
const CONNECTIONS: usize = 256;

/// Largest response that is expected.
const RESPONSE_BYTES: usize = 1024;

/// The responses of one run.
#[derive(Debug)]
pub struct Outcome {
    latencies: Vec<Duration>,
    took: Duration,
}

impl Outcome {
    /// The outcome of responses with these latencies, in any order.
    pub fn new(mut latencies: Vec<Duration>, took: Duration) -> Self {
        latencies.sort_unstable();
        Self { latencies, took }
    }

    /// Number of responses.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Responses per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share of the responses does not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len() - 1;
        self.latencies[(last as f64 * share) as usize]
    }
}

/// Sends deliveries for a while: as fast as the server responds, or at a rate. With a rate, a latency counts from the
/// moment at which the delivery was due, so that a pause of the server delays all deliveries that it would have met.
pub async fn send(
    server: SocketAddr,
    deliveries: Deliveries,
    rate: Option<f64>,
    duration: Duration,
) -> Outcome {
    let deliveries = Rc::new(RefCell::new(deliveries));
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let began = Instant::now();
    let senders = LocalSet::new();
    for place in 0..CONNECTIONS {
        let (deliveries, latencies) = (Rc::clone(&deliveries), Rc::clone(&latencies));
        senders.spawn_local(async move {
            let mut connection = TcpStream::connect(server)
                .await
                .expect("the server listens");
            connection.set_nodelay(true).expect("a TCP socket");
            let interval = rate.map(|rate| Duration::from_secs_f64(CONNECTIONS as f64 / rate));
            let first = interval
                .unwrap_or_default()
                .mul_f64(place as f64 / CONNECTIONS as f64);
            let mut due = began + first;
            while began.elapsed() < duration {
                let request = deliveries.borrow_mut().next_request();
                match interval {
                    Some(interval) => {
                        sleep_until(due.into()).await;
                        ask(&mut connection, &request).await;
                        latencies.borrow_mut().push(due.elapsed());
                        due += interval;
                    }
                    None => {
                        let asked = Instant::now();
                        ask(&mut connection, &request).await;
                        latencies.borrow_mut().push(asked.elapsed());
                    }
                }
            }
        });
    }
    senders.await;
    Outcome::new(latencies.take(), began.elapsed())
}

async fn ask(connection: &mut TcpStream, request: &[u8]) {
    connection
        .write_all(request)
        .await
        .expect("an open connection");
    let mut response = [0; RESPONSE_BYTES];
    let mut read = 0;
    while !response[..read].ends_with(b"\r\n\r\n") {
        let more = connection.read(&mut response[read..]).await;
        let more = more.expect("an open connection");
        assert!(more > 0, "the server closed the connection");
        read += more;
    }
    let text = String::from_utf8_lossy(&response[..read]);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}
