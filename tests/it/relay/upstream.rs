//! An application behind the exporter that accepts deliveries, or fails in several ways.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// An address that other tests do not use, so that a released port can be bound again.
const HOST: &str = "127.0.0.79:0";

/// Longer than any timeout of the exporter.
const NEVER: Duration = Duration::from_secs(3600);

/// How it responds.
#[derive(Clone, Debug)]
pub enum Manner {
    /// 200, after a while.
    Takes(Duration),
    /// 200 after a while, but 500 to every so many.
    Flaky(Duration, usize),
    /// This status.
    Answers(u16),
    /// This status to bodies that contain this text, 200 to others.
    Dislikes(&'static str, u16),
    /// This status with this `Retry-After`.
    AsksToWait(u16, &'static str),
    /// The same to bodies that contain this text, 200 to others.
    AsksToWaitFor(&'static str, u16, &'static str),
    /// No response to bodies that contain this text, 200 to others.
    NeverAnswersTo(&'static str),
    /// No response.
    IsSilent,
}

/// A delivery that it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub body: Vec<u8>,
    pub signature: String,
    pub content_type: String,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    taken: Mutex<Vec<Taken>>,
    asked: Mutex<Vec<Instant>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// Counts a request until it is answered, or until the client gives up.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn new(shared: &'a Shared) -> Self {
        let count = shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_in_flight.fetch_max(count, Ordering::Relaxed);
        Self(&shared.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Running while `up`; its address stays the same.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<CancellationToken>,
}

impl Upstream {
    /// Starts a listener that responds in this manner.
    pub async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind(HOST).await.expect("a free port");
        let mut upstream = Self {
            address: listener.local_addr().expect("a bound address"),
            shared: Arc::new(Shared {
                manner: Mutex::new(manner),
                taken: Mutex::default(),
                asked: Mutex::default(),
                in_flight: AtomicUsize::default(),
                most_in_flight: AtomicUsize::default(),
            }),
            stop: None,
        };
        upstream.serve(listener);
        upstream
    }

    pub fn url(&self) -> String {
        format!("http://{}/whatsapp", self.address)
    }

    pub fn answer(&self, manner: Manner) {
        *self.shared.manner.lock().expect("no panic") = manner;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().expect("no panic").clone()
    }

    /// Number of requests, accepted or not.
    pub fn asked(&self) -> usize {
        self.asked_at().len()
    }

    /// The largest number of requests that waited for a response at the same time.
    pub fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::Relaxed)
    }

    /// The time of each request.
    pub fn asked_at(&self) -> Vec<Instant> {
        self.shared.asked.lock().expect("no panic").clone()
    }

    /// Stops listening.
    pub fn go_down(&mut self) {
        self.stop.take().expect("it was up").cancel();
    }

    /// Listens again.
    pub async fn come_up(&mut self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                // The task with the old listener has not ended yet.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let routes = Router::new()
            .route("/whatsapp", any(answer))
            .with_state(Arc::clone(&self.shared));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = async { axum::serve(listener, routes).await } => served.expect("it serves"),
                () = stopped.cancelled() => {}
            }
        });
        self.stop = Some(stop);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let _in_flight = InFlight::new(&shared);
    let manner = shared.manner.lock().expect("no panic").clone();
    let count = {
        let mut asked = shared.asked.lock().expect("no panic");
        asked.push(Instant::now());
        asked.len()
    };
    let mut retry_after = None;
    let status = match manner {
        Manner::Takes(after) => {
            tokio::time::sleep(after).await;
            200
        }
        Manner::Flaky(after, one_of) => {
            tokio::time::sleep(after).await;
            if count % one_of == 0 { 500 } else { 200 }
        }
        Manner::Answers(status) => status,
        Manner::Dislikes(text, status) => {
            let holds = String::from_utf8_lossy(&body).contains(text);
            if holds { status } else { 200 }
        }
        Manner::AsksToWait(status, after) => {
            retry_after = Some(("retry-after", after));
            status
        }
        Manner::AsksToWaitFor(text, status, after) => {
            let holds = String::from_utf8_lossy(&body).contains(text);
            retry_after = holds.then_some(("retry-after", after));
            if holds { status } else { 200 }
        }
        Manner::NeverAnswersTo(text) => {
            if String::from_utf8_lossy(&body).contains(text) {
                tokio::time::sleep(NEVER).await;
            }
            200
        }
        Manner::IsSilent => {
            tokio::time::sleep(NEVER).await;
            200
        }
    };
    if status == 200 {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let taken = Taken {
            signature: header("x-hub-signature-256"),
            content_type: header("content-type"),
            body: body.to_vec(),
        };
        shared.taken.lock().expect("no panic").push(taken);
    }
    let status = StatusCode::from_u16(status).expect("a status");
    let location = [("location", "/whatsapp?elsewhere")];
    (status, location, AppendHeaders(retry_after))
}
