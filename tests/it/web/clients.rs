//! Limits per client, behind a proxy and without one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};

/// Only a failure waits as long as this.
const FOR_EVER: Duration = Duration::from_secs(60);

async fn exporter(web: &str) -> (Exporter, SocketAddr) {
    let file = format!("web: {web}\n{}", config_file(SELDOM, &[WABA]));
    let exporter = Exporter::configured(small_world(), &file).await;
    let address = exporter.url.trim_start_matches("http://");
    let address = address.parse().expect("an address");
    (exporter, address)
}

/// A connection from another address of this machine, on which this is sent.
async fn connect(from: [u8; 4], to: SocketAddr, sent: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind((from, 0).into())
        .expect("an address of this machine");
    let mut stream = socket.connect(to).await.expect("a connection");
    // It may be closed already.
    drop(stream.write_all(sent.as_bytes()).await);
    stream
}

/// The status of the response. `None` if the connection is closed without one.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(FOR_EVER, stream.read(&mut answer)).await;
    let length = read.expect("an answer or an end").unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    answer.split(' ').nth(1)?.parse().ok()
}

fn get(more: &str) -> String {
    format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\n{more}\r\n")
}

/// A request that stays under way.
fn stalled(more: &str) -> String {
    let zeros = "0".repeat(64);
    format!(
        "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={zeros}\r\nContent-Length: 9\r\n{more}\r\n"
    )
}

fn closed(reason: &str) -> String {
    format!(r#"whatsapp_exporter_connections_closed_total{{listener="web",reason="{reason}"}}"#)
}

#[tokio::test]
async fn loopback_has_no_limit_and_neither_has_anybody_by_default() {
    for web in ["{max_connections_per_client: 2}", "{max_connections: 512}"] {
        let (_exporter, address) = exporter(web).await;
        let mut held = Vec::new();
        for last in [1, 1, 1, 2, 2, 2] {
            let mut stream = connect([127, 0, 0, last], address, &get("")).await;
            assert_eq!(status(&mut stream).await, Some(200), "{web}");
            held.push(stream);
        }
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit() {
    let (exporter, address) =
        exporter("{trusted_proxies: [127.0.0.3], max_connections_per_client: 2}").await;
    let forwarded = |client: &str| format!("X-Forwarded-For: 9.9.9.9, {client}\r\n");
    let proxy = [127, 0, 0, 3];
    let (greedy, other) = (forwarded("192.0.2.1"), forwarded("192.0.2.2"));
    let _held = [
        connect(proxy, address, &stalled(&greedy)).await,
        connect(proxy, address, &stalled(&greedy)).await,
    ];
    // Once both are under way.
    let began = Instant::now();
    while status(&mut connect(proxy, address, &get(&greedy)).await).await != Some(429) {
        assert!(began.elapsed() < FOR_EVER, "it has no limit");
    }
    for (from, more) in [
        (proxy, other.as_str()),
        (proxy, ""),
        ([127, 0, 0, 1], &greedy),
    ] {
        let answered = status(&mut connect(from, address, &get(more)).await).await;
        assert_eq!(answered, Some(200), "{from:?} {more}");
    }
    let refused =
        r#"whatsapp_exporter_requests_refused_total{listener="web",reason="client_limit"}"#;
    exporter.until_above(refused, 0.0).await;
}

#[tokio::test]
async fn a_proxy_protocol_header_names_the_client_of_a_connection() {
    let web = "{trusted_proxies: [127.0.0.3], proxy_protocol: true, max_connections_per_client: 2}";
    let (exporter, address) = exporter(web).await;
    let proxy = [127, 0, 0, 3];
    let named = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 4711 80\r\n{}", get(""));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(proxy, address, &named("192.0.2.1")).await;
        assert_eq!(status(&mut stream).await, Some(200));
        held.push(stream);
    }
    let mut third = connect(proxy, address, &named("192.0.2.1")).await;
    assert_eq!(status(&mut third).await, None, "the third of one client");
    for good in [named("192.0.2.2"), format!("PROXY UNKNOWN\r\n{}", get(""))] {
        let answered = status(&mut connect(proxy, address, &good).await).await;
        assert_eq!(answered, Some(200), "{good}");
    }
    // A proxy that sends no header, and a client that is no proxy and sends one.
    assert_eq!(
        status(&mut connect(proxy, address, &get("")).await).await,
        None
    );
    let mut forged = connect([127, 0, 0, 1], address, &named("192.0.2.1")).await;
    assert_eq!(status(&mut forged).await, Some(400));
    // Probes of this machine come directly.
    let mut direct = connect([127, 0, 0, 1], address, &get("")).await;
    assert_eq!(status(&mut direct).await, Some(200));
    exporter.until(closed("client_limit"), 1.0).await;
    exporter.until(closed("proxy_protocol"), 1.0).await;
}
