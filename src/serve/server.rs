//! Serves a listener until it is stopped: connections, TLS and timeouts.

mod protocol;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::client::{ClientCounts, ClientRules};
use super::gate::{CLIENT_LIMIT, Gate, Peer};
use super::limiter::{Connection, ConnectionGuard, ConnectionLimiter};
use super::listener::Listener;
use super::metered::Metered;
use super::proxy_protocol;
use super::responses::SLOW_READER;
use super::tracked::{RequestBody, ResponseBody, precedence};
use crate::telemetry::{Refused, Telemetry};

/// Maximum time for requests in flight during shutdown. Kubernetes kills after 30 s by default, and Meta retries
/// unacknowledged deliveries.
const GRACE: Duration = Duration::from_secs(5);

/// The slowest connection was closed in favour of others.
const NO_ROOM: &str = "no_room";
/// The TLS handshake failed or timed out.
const HANDSHAKE: &str = "handshake";
/// A trusted proxy did not send a PROXY protocol header.
const PROXY_PROTOCOL: &str = "proxy_protocol";

/// Reasons for which the exporter closes connections.
pub(super) const REASONS: [&str; 5] = [
    NO_ROOM,
    HANDSHAKE,
    SLOW_READER,
    PROXY_PROTOCOL,
    CLIENT_LIMIT,
];

/// A listener with its service.
#[derive(Debug)]
pub struct Site {
    /// The bound port.
    pub listener: Listener,
    /// The gate of its connections and requests.
    pub gate: Arc<Gate>,
    /// The service.
    pub router: Router,
    /// Limits on the number of connections and on silence.
    pub limits: Limits,
    /// How its clients are determined, and the limit for each.
    pub clients: ClientRules,
}

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of connections.
    pub connections: usize,
    /// Timeout for the head of the next request. nginx's 75 s for idle connections, so that a scrape each minute can
    /// reuse its connection.
    pub silence: Duration,
    /// Timeout of a TLS handshake.
    pub handshake: Duration,
    /// Timeout of a response of which the client reads nothing.
    pub stall: Duration,
}

impl Limits {
    /// The usual timeouts, with this number of connections.
    #[must_use]
    pub const fn new(connections: usize) -> Self {
        Self {
            connections,
            silence: Duration::from_secs(75),
            handshake: Duration::from_secs(10),
            stall: Duration::from_secs(30),
        }
    }
}

/// State that all connections of a site share.
struct SiteState {
    gate: Arc<Gate>,
    router: Router,
    limits: Limits,
    clients: ClientRules,
    counts: Arc<ClientCounts>,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
}

/// Serves until `stop`, then waits for requests in flight, up to the grace period.
pub async fn serve(site: Site, telemetry: Arc<Telemetry>, stop: CancellationToken) {
    let name = site.gate.listener();
    for reason in REASONS {
        telemetry
            .connections_closed
            .with_label_values(&[name, reason]);
    }
    let shared = Arc::new(SiteState {
        gate: site.gate,
        router: site.router,
        limits: site.limits,
        clients: site.clients,
        counts: Arc::default(),
        telemetry,
        stop: stop.clone(),
    });
    let limiter = ConnectionLimiter::new(site.limits.connections);
    let connections = TaskTracker::new();
    let grace_ends = CancellationToken::new();
    let accepting = async {
        loop {
            let socket = site.listener.accept().await;
            let guard = limiter.admit(NO_ROOM).await;
            let connection = connection(Arc::clone(&shared), socket, guard);
            connections.spawn(grace_ends.clone().run_until_cancelled_owned(connection));
        }
    };
    stop.run_until_cancelled(accepting).await;
    // From now on, the kernel refuses new connections, so that a load balancer tries another replica at once. Otherwise
    // they would wait until the end of the grace period, for nothing.
    drop(site.listener);
    connections.close();
    if timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!(
            "shutdown grace period ended with requests in flight; closing their connections"
        );
        grace_ends.cancel();
    }
}

impl SiteState {
    fn count_closed(&self, reason: &str) {
        let counter = &self.telemetry.connections_closed;
        let name = self.gate.listener();
        counter.with_label_values(&[name, reason]).inc();
    }

    /// Counts and logs the refusal of a connection.
    fn refuse(&self, reason: &'static str, peer: Peer) {
        self.count_closed(reason);
        self.gate
            .refusals()
            .record(Refused::Connection, reason, peer);
    }
}

/// Serves one connection from its first byte to its last.
async fn connection(shared: Arc<SiteState>, socket: TcpStream, guard: ConnectionGuard) {
    let _open = OpenConnection::count(&shared);
    let connection = guard.connection();
    let peer = peer_of(&socket);
    let served = identified(&shared, socket, peer, connection);
    connection.closed().run_until_cancelled(served).await;
    if let Some(reason) = connection.reason() {
        let address = connection.client().or(peer.address);
        shared.refuse(reason, Peer { address, ..peer });
    }
}

/// Counts an open connection until it is dropped, however the connection ends.
struct OpenConnection(IntGauge);

impl OpenConnection {
    fn count(shared: &SiteState) -> Self {
        let open = &shared.telemetry.connections;
        let open = open.with_label_values(&[shared.gate.listener()]);
        open.inc();
        Self(open)
    }
}

impl Drop for OpenConnection {
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

/// Determines the client of a connection, which a trusted proxy may send first.
async fn identified(
    shared: &Arc<SiteState>,
    mut socket: TcpStream,
    mut peer: Peer,
    connection: &Arc<Connection>,
) {
    let is_proxy = peer.address.is_some_and(|it| shared.clients.trusts(it));
    if shared.clients.proxy_protocol && is_proxy {
        let header = timeout(shared.limits.handshake, proxy_protocol::read(&mut socket));
        // A connection without a request does not delay the stop.
        let Some(header) = shared.stop.run_until_cancelled(header).await else {
            return;
        };
        match header {
            Ok(Ok(client)) => peer.address = client.or(peer.address),
            // A port probe of the proxy closes the connection without data.
            Ok(Err(error)) if is_silent(&error) => return shared.count_closed(PROXY_PROTOCOL),
            Ok(Err(_)) | Err(_) => return shared.refuse(PROXY_PROTOCOL, peer),
        }
    }
    if let Some(client) = peer.address {
        connection.set_client(client);
    }
    let client = peer
        .address
        .map(|it| shared.counts.admit(&shared.clients, it));
    if client.as_ref().is_some_and(Option::is_none) {
        return shared.refuse(CLIENT_LIMIT, peer);
    }
    encrypted_or_not(shared, socket, peer, connection).await;
}

async fn encrypted_or_not(
    shared: &Arc<SiteState>,
    socket: TcpStream,
    peer: Peer,
    connection: &Arc<Connection>,
) {
    let socket = Metered::new(socket, Arc::clone(connection));
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(shared.limits.stall));
    let socket = Box::pin(socket);
    let Some(config) = shared.gate.tls() else {
        return Box::pin(requests(shared, socket, peer, false, connection)).await;
    };
    // Each part is boxed, so that an idle connection takes only the memory of the part it is in.
    let handshake = Box::pin(TlsAcceptor::from(config).accept(socket));
    let handshake = timeout(shared.limits.handshake, handshake);
    let Some(handshake) = shared.stop.run_until_cancelled(handshake).await else {
        return;
    };
    match handshake {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            let has_certificate = session.peer_certificates().is_some();
            let is_http2 = session.alpn_protocol() == Some(b"h2");
            let peer = Peer {
                has_certificate,
                ..peer
            };
            Box::pin(requests(shared, stream, peer, is_http2, connection)).await;
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

/// Serves the requests of a connection. The protocol has been negotiated before: detecting it from the first bytes
/// would wait for them without a timeout.
async fn requests<S>(
    shared: &Arc<SiteState>,
    stream: S,
    peer: Peer,
    is_http2: bool,
    connection: &Arc<Connection>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let answer = respond(Arc::clone(shared), request, peer, Arc::clone(connection));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let builder = protocol::builder(is_http2, &shared.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "connection aborted");
    }
}

/// Handles one request, and reports its progress to the limiter.
async fn respond(
    shared: Arc<SiteState>,
    mut request: Request<Incoming>,
    mut peer: Peer,
    connection: Arc<Connection>,
) -> Response<ResponseBody> {
    shared.gate.resolve(&mut request);
    let active = connection.begin(precedence(&request));
    let direct = peer.address;
    peer.address = direct.map(|it| shared.clients.client_of(it, request.headers()));
    let forwarded = peer.address.filter(|_| peer.address != direct);
    // Without a trusted header, the client is the connection's own, which is already counted.
    let client = forwarded.map(|it| shared.counts.admit(&shared.clients, it));
    let response = if client.as_ref().is_some_and(Option::is_none) {
        shared
            .gate
            .refusals()
            .record(Refused::Request, CLIENT_LIMIT, peer);
        shared
            .gate
            .refuse(CLIENT_LIMIT, StatusCode::TOO_MANY_REQUESTS)
    } else {
        let mut request = request.map(|body| Body::new(RequestBody::new(body, active.clone())));
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(active.clone());
        let response = shared.router.clone().oneshot(request).await;
        response.unwrap_or_else(|never| match never {})
    };
    response.map(|body| ResponseBody::new(body, active, client.flatten()))
}
