//! A stop takes seconds, even if an upstream, Meta, a client or a file does not respond.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::deliveries::{Fact, body_of, signature};
use super::service::{PATIENCE, Service, send, variables};
use crate::http::{get, metrics, until_metric};
use crate::process::{program_in, until};

/// The documented limit is 8 s; a busy machine may add to it. Kubernetes kills a pod 30 s after SIGTERM.
const STOPS_WITHIN: Duration = Duration::from_secs(25);

/// Accepts connections and requests, and never responds.
fn silent_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let connections: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
        drop(connections);
    });
    address
}

/// Replaces the file by a named pipe without a writer.
pub fn block(path: &Path) {
    fs::remove_file(path).expect("it is there");
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("coreutils are part of every Debian").success());
}

/// An exporter whose Meta and whose upstream do not respond, with an access token in a file.
pub fn start(folder: &Path) -> Service {
    let (graph, upstream) = (silent_server(), silent_server());
    fs::write(folder.join("token"), "a-token").expect("the folder is ours");
    fs::write(folder.join("web.yml"), "http_server_config: {http2: true}")
        .expect("the folder is ours");
    let file = format!("relay: {{upstreams: [{{name: silent, url: 'http://{upstream}/'}}]}}");
    fs::write(folder.join("config.yml"), file).expect("the folder is ours");
    let mut variables = variables();
    variables.retain(|(name, _)| name != "WHATSAPP_ACCESS_TOKEN");
    variables.push(("WHATSAPP_ACCESS_TOKEN_FILE".into(), "token".into()));
    let base_url = format!("--graph.base-url=http://{graph}");
    let arguments = [
        "serve",
        "--config.file=config.yml",
        "--web.config.file=web.yml",
        "--web.listen-address=127.0.0.1:0",
        "--store.url=sqlite:state.db",
        "--web.enable-lifecycle",
        &base_url,
    ];
    Service::new(program_in(folder, &arguments, &variables))
}

/// A client that stops in the middle of its delivery.
pub fn stalled_client(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("it listens");
    let head = "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 1000\r\n\r\n{";
    client.write_all(head.as_bytes()).expect("it reads");
    client
}

fn stops_in_time(service: &mut Service) {
    let began = Instant::now();
    service.process.signal(Signal::TERM);
    let status = service.process.ended_within(PATIENCE);
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{:?}", service.process);
    assert!(took < STOPS_WITHIN, "{took:?}\n{:?}", service.process);
}

#[test]
fn nothing_that_hangs_delays_the_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = start(folder.path());
    let fact = Fact {
        time: 1_775_000_000,
        template: 7_001_002_003_000,
        event: "PAUSED",
    };
    assert_eq!(
        send(service.address, &[fact]).expect("it answers").status,
        200
    );
    until_metric(
        service.address,
        "whatsapp_exporter_relay_pending_deliveries{upstream=\"silent\"} 1",
    );
    let mut client = stalled_client(service.address);
    block(&folder.path().join("token"));
    block(&folder.path().join("web.yml"));
    service.process.signal(Signal::HUP);
    // The files of the listeners are checked without a signal.
    service
        .process
        .until_logged("could not reload the listeners' certificates");
    stops_in_time(&mut service);
    let mut answer = String::new();
    // The connection is closed, with or without a response.
    let _ = client.read_to_string(&mut answer);
}

#[test]
fn a_blocked_file_fails_the_reload_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = start(folder.path());
    let token = folder.path().join("token");
    block(&token);
    let failed = "whatsapp_exporter_config_last_reload_successful 0";
    for _ in 0..3 {
        service.process.signal(Signal::HUP);
        until_metric(service.address, failed);
    }
    service
        .process
        .until_logged("could not reload the configuration; keeping the current one");
    let log = service.process.log();
    assert!(log.contains("token does not respond"), "{log}");
    let fact = Fact {
        time: 1_775_000_000,
        template: 7_001_002_003_000,
        event: "PAUSED",
    };
    let body = body_of(&[fact]);
    assert!(signature(&body).starts_with("X-Hub-Signature-256"));
    assert_eq!(
        send(service.address, &[fact]).expect("it answers").status,
        200
    );
    assert_eq!(
        get(service.address, "/-/ready", "")
            .expect("it answers")
            .status,
        200
    );
    // One thread waits for the file, however often a reload reads it.
    let threads = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("process_threads "));
        line.and_then(|count| count.parse::<u32>().ok())
    };
    let before = threads(&metrics(service.address).expect("it answers"));
    for _ in 0..20 {
        service.process.signal(Signal::HUP);
    }
    let after = threads(&metrics(service.address).expect("it answers"));
    assert!(
        after <= before.map(|count| count + 4),
        "{before:?} {after:?}"
    );
    // A write releases the reader: the next reload reads a file again.
    fs::write(&token, "a-token").expect("a reader waits");
    fs::remove_file(&token).expect("it is there");
    fs::write(&token, "a-token").expect("the folder is ours");
    until("the reload to succeed", PATIENCE, || {
        service.process.signal(Signal::HUP);
        let text = metrics(service.address)?;
        let is_reloaded = text.contains("whatsapp_exporter_config_last_reload_successful 1");
        if is_reloaded { Ok(()) } else { Err(text) }
    });
    stops_in_time(&mut service);
}
