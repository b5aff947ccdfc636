//! Hundreds of clients that stall in the head, in the body, or in the response, and reconnect as soon as they are closed.
//! Meanwhile every good delivery, scrape and probe is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Target, good, until_answered};

/// More than the connection limit of a listener by default, as in the attack that this test repeats.
const MANY: usize = 800;

/// The same attack at a quarter of its size, for machines that run other tests at the same time. The connection limit is
/// two thirds of the number of clients.
const FEW: usize = MANY / 4;
const ROOM_FOR_FEW: usize = 128;

/// Rounds of good requests. In the attack, all of 43 failed within a minute.
const ROUNDS: u64 = 20;

/// Time between two rounds.
const PAUSE: Duration = Duration::from_millis(100);

/// Only a failure waits as long as this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Receive buffer of a client that reads nothing, so that the response stays with the exporter.
const SMALL_BUFFER: u32 = 4096;

/// What a client sends before it stalls.
#[derive(Clone, Copy, Debug)]
enum Stall {
    /// Nothing.
    Idle,
    /// A part of the head.
    Head,
    /// A part of a body, with a header that is no signature.
    NamelessBody,
    /// A part of a body with a signature of the right form.
    SignedBody,
    /// Some of a body as large as Meta's largest, which takes memory.
    LargeBody,
    /// A byte of a body each second.
    DrippingBody,
    /// A scrape whose response is not read.
    Scrape,
}

impl Stall {
    fn sent(self) -> Vec<u8> {
        let zeros = "0".repeat(64);
        let post = |signature: &str, length: usize, body: &str| {
            format!(
                "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
        };
        let signed = format!("sha256={zeros}");
        match self {
            Self::Idle => String::new(),
            Self::Head => "GET / HTTP/1.1\r\nHost: x\r\nX-".to_owned(),
            Self::NamelessBody => post("x", 1_000, "{"),
            Self::SignedBody | Self::DrippingBody => post(&signed, 1_000, "{"),
            Self::LargeBody => post(&signed, 3_000_000, &" ".repeat(70_000)),
            Self::Scrape => "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        }
        .into_bytes()
    }

    /// Stalls again and again, until the task is aborted.
    async fn again_and_again(self, address: SocketAddr) {
        loop {
            if let Ok(stream) = self.connect(address).await {
                self.hold(stream).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn connect(self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if matches!(self, Self::Scrape) {
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        let mut stream = socket.connect(address).await?;
        stream.write_all(&self.sent()).await?;
        Ok(stream)
    }

    /// Waits until the exporter closes the connection, or for a while if only reading would show that.
    async fn hold(self, mut stream: TcpStream) {
        match self {
            Self::Scrape => tokio::time::sleep(Duration::from_secs(5)).await,
            Self::DrippingBody => {
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Self::Idle | Self::Head | Self::NamelessBody | Self::SignedBody | Self::LargeBody => {
                let mut rest = Vec::new();
                // A reset is an end as well.
                drop(stream.read_to_end(&mut rest).await);
            }
        }
    }
}

async fn read(http: &Client, url: &str) -> reqwest::Result<(u16, String)> {
    let answer = http.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// Lets so many clients stall in these ways, and sends good requests meanwhile. The attack must first reach the
/// connection limit of these listeners; otherwise, the test shows nothing.
async fn all_good_requests_pass(
    target: &Target,
    clients: usize,
    stalls: &[(Stall, SocketAddr)],
    listeners: &[&str],
) {
    let mut closed = Vec::new();
    for listener in listeners {
        let series = closed_at_the_limit(listener);
        closed.push((target.value(&series).await, series));
    }
    let mut attackers = JoinSet::new();
    for (number, (stall, address)) in (0..clients).zip(stalls.iter().copied().cycle()) {
        attackers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number as u64)).await;
            stall.again_and_again(address).await;
        });
    }
    // Each request has a new connection, because Meta and Prometheus may connect at any time.
    let http = Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    for (before, series) in closed {
        target.until_at_least(&series, before + 1.0).await;
    }
    for round in 0..ROUNDS {
        for path in ["/-/healthy", "/-/ready", "/metrics"] {
            let (status, text) =
                until_answered(async || read(&http, &target.url(path)).await).await;
            assert_eq!(status, 200, "{path}");
            assert!(!text.is_empty(), "{path}");
        }
        let deliver = async || target.try_deliver(&http, good(round)).await;
        assert_eq!(until_answered(deliver).await, 200, "{round}");
        tokio::time::sleep(PAUSE).await;
    }
    attackers.abort_all();
    target.is_within_its_memory();
}

async fn stalled_bodies_lock_out_no_client(target: &Target, clients: usize) {
    assert_eq!(target.address, target.public);
    for stall in [Stall::SignedBody, Stall::NamelessBody, Stall::LargeBody] {
        all_good_requests_pass(target, clients, &[(stall, target.public)], &["web"]).await;
    }
}

async fn all_stalls_together_lock_out_no_client(target: &Target, clients: usize) {
    let kinds = [
        Stall::Idle,
        Stall::Head,
        Stall::NamelessBody,
        Stall::SignedBody,
        Stall::LargeBody,
        Stall::DrippingBody,
        Stall::Scrape,
    ];
    let kinds = kinds.map(|kind| (kind, target.public));
    all_good_requests_pass(target, clients, &kinds, &["web"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_shared_port_stalled_bodies_lock_out_no_client() {
    stalled_bodies_lock_out_no_client(&Target::with_room_for(ROOM_FOR_FEW, &[]), FEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_shared_port_all_stalls_together_lock_out_no_client() {
    all_stalls_together_lock_out_no_client(&Target::with_room_for(ROOM_FOR_FEW, &[]), FEW).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "two cores for eight hundred clients; docs/development.md has its command"]
async fn the_whole_attack_on_a_shared_port_locks_out_no_client() {
    stalled_bodies_lock_out_no_client(&Target::start(&[]), MANY).await;
    all_stalls_together_lock_out_no_client(&Target::start(&[]), MANY).await;
}

/// Number of connections that a listener closed because it had reached its limit.
fn closed_at_the_limit(listener: &str) -> String {
    let labels = format!(r#"{{listener="{listener}",reason="no_room"}}"#);
    format!("whatsapp_exporter_connections_closed_total{labels}")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_separate_ports_neither_attack_locks_out_a_client() {
    let target = Target::with_room_for(FEW / 4, &["--webhook.listen-address=127.0.0.2:0"]);
    let small = [
        (Stall::SignedBody, target.public),
        (Stall::LargeBody, target.public),
        (Stall::Head, target.address),
        (Stall::Scrape, target.address),
    ];
    all_good_requests_pass(&target, FEW, &small, &["web", "webhook"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_templates_and_hundreds_of_slow_readers_stay_within_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("exporter.yml");
    std::fs::write(
        &file,
        "templates: {series_limit: 200000, state_sets: full}\n",
    )
    .expect("the folder is ours");
    let target = Arc::new(Target::start(&[&format!(
        "--config.file={}",
        file.display()
    )]));
    for thousand in 0..9 {
        assert_eq!(target.deliver(thousand_templates(thousand)).await, 200);
    }
    let page = target.http.get(target.url("/metrics")).send().await;
    let page = page.expect("an answer").text().await.expect("text");
    assert!(page.len() > 2_000_000, "{} bytes", page.len());
    let readers = [(Stall::Scrape, target.address)];
    all_good_requests_pass(&target, MANY, &readers, &["web"]).await;
}

/// A delivery that pauses a thousand templates of one account.
fn thousand_templates(thousand: u64) -> Vec<u8> {
    let account = 800_100_200_300_401 + thousand % 3;
    let now = crate::exporter::meta::this_second();
    let changes: Vec<String> = (thousand * 1_000..(thousand + 1) * 1_000)
        .map(|number| {
            let id = 5_000_000_000 + number;
            format!(
                r#"{{"field":"message_template_status_update","value":{{"event":"PAUSED","message_template_id":{id},"message_template_name":"t{id}","message_template_language":"en","reason":null}}}}"#
            )
        })
        .collect();
    let changes = changes.join(",");
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{account}","time":{now},"changes":[{changes}]}}]}}"#)
        .into_bytes()
}
