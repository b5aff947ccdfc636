//! Serves a listener until told to stop: connections, their encryption, and their time-outs.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::gate::{Gate, Peer};
use super::listener::Listener;
use super::refusal;
use super::seats::{Seat, Seats};
use crate::telemetry::{Refused, Telemetry};

/// How long requests under way may take to finish once the process is told to stop. Kubernetes
/// kills after 30 s by default, and Meta repeats whatever it did not see acknowledged.
const GRACE: Duration = Duration::from_secs(5);

/// Most that the line and the headers of a request may take, in bytes: tokens and cookies have some 4 KiB.
const MAX_HEAD: usize = 16 * 1024;

/// Requests on one connection of HTTP/2 at once; Prometheus and browsers need a few.
const MAX_STREAMS: u32 = 32;

/// How often HTTP/2 asks whether the other side is still there, and how long it waits for the answer.
const PING: Duration = Duration::from_secs(20);

/// Connection ended because somebody else needed its seat.
const NO_ROOM: &str = "no_room";
/// No TLS could be agreed on, or not in time.
const HANDSHAKE: &str = "handshake";

/// Reasons for which the exporter closes connections.
pub(super) const REASONS: [&str; 2] = [NO_ROOM, HANDSHAKE];

/// What is served, and where.
#[derive(Debug)]
pub struct Site {
    /// The port.
    pub listener: Listener,
    /// What its connections and requests pass.
    pub gate: Arc<Gate>,
    /// What answers them.
    pub router: Router,
    /// How many, and how long they may be silent.
    pub limits: Limits,
}

/// What one listener puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long a connection may take for the headers of its next request. nginx' 75 s for an idle
    /// one, so that a scrape each minute finds the last one's connection.
    pub silence: Duration,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a client may take nothing of its answer.
    pub stall: Duration,
}

impl Limits {
    /// The usual times for so many connections.
    #[must_use]
    pub const fn of(connections: usize) -> Self {
        Self {
            connections,
            silence: Duration::from_secs(75),
            handshake: Duration::from_secs(10),
            stall: Duration::from_secs(30),
        }
    }
}

/// What every connection of a site shares.
struct Shared {
    gate: Arc<Gate>,
    router: Router,
    limits: Limits,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
}

/// Serves until `stop`, then lets requests under way finish, but not for ever.
pub async fn serve(site: Site, telemetry: Arc<Telemetry>, stop: CancellationToken) {
    let name = site.gate.listener();
    for reason in REASONS {
        telemetry
            .connections_closed
            .with_label_values(&[name, reason]);
    }
    let shared = Arc::new(Shared {
        gate: site.gate,
        router: site.router,
        limits: site.limits,
        telemetry,
        stop: stop.clone(),
    });
    let (seats, connections) = (Seats::new(site.limits.connections), TaskTracker::new());
    let patience_ends = CancellationToken::new();
    let accepting = async {
        loop {
            let socket = site.listener.accept().await;
            let (seat, has_closed) = seats.take().await;
            if has_closed {
                // The peer of the closed connection is unknown here.
                shared.refuse(NO_ROOM, Peer::default());
            }
            let connection = connection(Arc::clone(&shared), socket, seat);
            connections.spawn(patience_ends.clone().run_until_cancelled_owned(connection));
        }
    };
    stop.run_until_cancelled(accepting).await;
    connections.close();
    if timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("requests still under way at the end of the grace period, closing");
        patience_ends.cancel();
    }
}

impl Shared {
    fn count_closed(&self, reason: &str) {
        let counter = &self.telemetry.connections_closed;
        let name = self.gate.listener();
        counter.with_label_values(&[name, reason]).inc();
    }

    /// Counts and logs it.
    fn refuse(&self, reason: &'static str, peer: Peer) {
        self.count_closed(reason);
        refusal::note(&self.gate, Refused::Connection, reason, peer);
    }
}

/// One connection from its first byte to its last.
async fn connection(shared: Arc<Shared>, socket: TcpStream, seat: Arc<Seat>) {
    let _open = Open::count(&shared);
    let closed = seat.closed().clone();
    closed
        .run_until_cancelled(encrypted_or_not(&shared, socket, &seat))
        .await;
}

/// A connection that is open until this is dropped, whatever ends it.
struct Open(IntGauge);

impl Open {
    fn count(shared: &Shared) -> Self {
        let open = &shared.telemetry.connections;
        let open = open.with_label_values(&[shared.gate.listener()]);
        open.inc();
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn peer_of(socket: &TcpStream) -> Peer {
    Peer {
        address: socket.peer_addr().ok().map(|address| address.ip()),
        ..Peer::default()
    }
}

async fn encrypted_or_not(shared: &Shared, socket: TcpStream, seat: &Arc<Seat>) {
    let peer = peer_of(&socket);
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(shared.limits.stall));
    let socket = Box::pin(socket);
    let Some(config) = shared.gate.tls() else {
        return Box::pin(requests(shared, socket, peer, false, seat)).await;
    };
    // Boxed, each of them: an idle connection takes the memory of the part that it is in alone.
    let handshake = Box::pin(TlsAcceptor::from(config).accept(socket));
    match timeout(shared.limits.handshake, handshake).await {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            let has_certificate = session.peer_certificates().is_some();
            let is_http2 = session.alpn_protocol() == Some(b"h2");
            Box::pin(requests(
                shared,
                stream,
                Peer {
                    has_certificate,
                    ..peer
                },
                is_http2,
                seat,
            ))
            .await;
        }
        // A port probe closes the connection without data every few seconds: counted, but not logged.
        Ok(Err(error)) if is_silent(&error) => {
            tracing::debug!(%error, "connection closed before the TLS handshake");
            shared.count_closed(HANDSHAKE);
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            shared.refuse(HANDSHAKE, peer);
        }
        Err(_) => shared.count_closed(HANDSHAKE),
    }
}

/// Whether the client closed the connection without a TLS handshake.
fn is_silent(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// The requests of a connection. The protocol is agreed on before: looking for it in the first bytes
/// would wait for them without end.
async fn requests<S>(shared: &Shared, stream: S, peer: Peer, is_http2: bool, seat: &Arc<Seat>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let busy = seat.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answer = shared.router.clone().oneshot(request);
        async move {
            let response = answer.await?;
            // The request is over when its answer has been written.
            Ok::<_, Infallible>(response.map(|body| {
                body.map_frame(move |frame| {
                    let _until_the_last = &busy;
                    frame
                })
            }))
        }
    });
    let builder = protocol(is_http2, &shared.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection broke off");
    }
}

fn protocol(is_http2: bool, limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new());
    http1.header_read_timeout(limits.silence);
    http1.max_buf_size(MAX_HEAD);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new());
    http2.keep_alive_interval(PING);
    http2.keep_alive_timeout(PING);
    http2.max_concurrent_streams(MAX_STREAMS);
    http2.max_header_list_size(MAX_HEAD as u32);
    if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}
