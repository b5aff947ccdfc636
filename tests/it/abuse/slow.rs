//! Clients that are slow with headers, with the handshake, or in reading the response. Tests the listener itself, with
//! shorter timeouts than in production.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use whatsapp_business_exporter::serve::gate::{Gate, Prepared, Terms, TlsTerms, TlsVersions};
use whatsapp_business_exporter::serve::{ClientRules, Limits, Listener, Site, serve};
use whatsapp_business_exporter::telemetry::Telemetry;

use crate::web::authority::Authority;

const PATIENCE: Duration = Duration::from_millis(300);

/// Only a failure waits as long as this.
const FOR_EVER: Duration = Duration::from_secs(60);

/// More than the buffers of both ends and the network between them can hold.
const LARGE: usize = 64 * 1024 * 1024;

async fn site(terms: &Terms) -> (std::net::SocketAddr, Arc<Telemetry>, CancellationToken) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let (address, telemetry) = (listener.address(), Arc::new(Telemetry::new()));
    let gate = Arc::new(Gate::open("web", Arc::clone(&telemetry)));
    gate.install(Prepared::new(terms).expect("good terms"));
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/large", get(|| async { "x".repeat(LARGE) }));
    let site = Site {
        listener,
        gate,
        router,
        limits: Limits {
            silence: PATIENCE,
            handshake: PATIENCE,
            stall: PATIENCE,
            ..Limits::new(64)
        },
        clients: ClientRules::default(),
    };
    let stop = CancellationToken::new();
    tokio::spawn(serve(site, Arc::clone(&telemetry), stop.clone()));
    (address, telemetry, stop)
}

/// Reads until the other side has closed the connection.
async fn until_closed(stream: &mut TcpStream) -> usize {
    let mut read = Vec::new();
    let end = tokio::time::timeout(FOR_EVER, stream.read_to_end(&mut read)).await;
    // A reset is an end as well.
    drop(end.expect("it is closed"));
    read.len()
}

#[tokio::test]
async fn headers_that_trickle_time_out() {
    let (address, telemetry, _stop) = site(&Terms::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let began = Instant::now();
    let mut sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await;
    while sent.is_ok() {
        assert!(began.elapsed() < FOR_EVER, "it is never closed");
        tokio::time::sleep(PATIENCE / 10).await;
        sent = stream.write_all(b"X-A: b\r\n").await;
    }
    assert!(began.elapsed() >= PATIENCE);
    let open = telemetry.connections.with_label_values(&["web"]);
    assert_eq!(open.get(), 0);
}

#[tokio::test]
async fn idle_clients_are_closed_before_and_after_a_request() {
    let (address, ..) = site(&Terms::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    assert_eq!(until_closed(&mut stream).await, 0);
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    assert!(until_closed(&mut stream).await > 0);
}

#[tokio::test]
async fn a_stalled_handshake_times_out() {
    let server = Authority::new().server();
    let terms = Terms {
        tls: Some(TlsTerms {
            certificates: server.certificate,
            key: server.key.into(),
            clients: None,
            versions: TlsVersions::Both,
            cipher_suites: Vec::new(),
            curves: Vec::new(),
            prefer_own_suites: true,
            http2: true,
        }),
        ..Terms::default()
    };
    let (address, telemetry, _stop) = site(&terms).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The first bytes of a ClientHello, and no more.
    stream.write_all(&[22, 3, 1, 2, 0, 1]).await.expect("sent");
    assert_eq!(until_closed(&mut stream).await, 0);
    let closed = telemetry
        .connections_closed
        .with_label_values(&["web", "handshake"]);
    assert_eq!(closed.get(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_the_response_is_closed() {
    let (address, telemetry, _stop) = site(&Terms::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    let open = telemetry.connections.with_label_values(&["web"]);
    let began = Instant::now();
    let mut was_open = false;
    while !was_open || open.get() > 0 {
        was_open |= open.get() > 0;
        assert!(began.elapsed() < FOR_EVER, "it is never closed");
        tokio::time::sleep(PATIENCE / 100).await;
    }
    assert!(until_closed(&mut stream).await < LARGE);
}

#[tokio::test]
async fn requests_in_flight_may_end_when_it_stops() {
    let (address, _, stop) = site(&Terms::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut begun = [0; 1];
    stream
        .read_exact(&mut begun)
        .await
        .expect("the answer begins");
    stop.cancel();
    assert!(until_closed(&mut stream).await > LARGE);
}
