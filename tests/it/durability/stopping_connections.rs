//! What a stop does with connections: new ones are refused at once, one without a request delays nothing, and a reload
//! that waits for a file is answered.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustix::process::Signal;

use super::service::{NO_META, PATIENCE, Service};
use super::stopping::{block, stalled_client, start};
use crate::http::until_metric;
use crate::process::{SOON, until};
use crate::support::ports::unused_address;
use crate::web::authority::Authority;

const IN_FLIGHT: &str = "grace period ended with requests in flight";

/// The exporter waits so many seconds for requests in flight. A busy machine may need all of them to refuse a connection.
const ATTEMPTS: usize = 5;

/// Whether it is open, and has received nothing.
fn is_waiting(client: &TcpStream) -> bool {
    client.set_nonblocking(true).expect("a socket");
    let peeked = client.peek(&mut [0]);
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Whether connections are refused while a request is still in flight.
fn refuses_at_once(folder: &Path) -> bool {
    let mut service = Service::configured(folder, "", &[NO_META]);
    let client = stalled_client(service.address);
    until_metric(
        service.address,
        "whatsapp_exporter_connections{listener=\"web\"} 2",
    );
    service.process.signal(Signal::TERM);
    until("a refused connection", SOON, || {
        match TcpStream::connect(service.address) {
            Ok(_) => Err("it is accepted".to_owned()),
            Err(_) => Ok(()),
        }
    });
    let at_once = is_waiting(&client);
    drop(client);
    let status = service.process.ended_within(PATIENCE);
    assert_eq!(status.code(), Some(0), "{:?}", service.process);
    at_once
}

#[test]
fn new_connections_are_refused_while_requests_are_in_flight() {
    let refused = (0..ATTEMPTS).any(|_| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        refuses_at_once(folder.path())
    });
    assert!(refused, "new connections wait until the end");
}

#[test]
fn a_connection_without_a_handshake_delays_no_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pair = Authority::new().server();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    };
    write("server.crt", &pair.certificate);
    write("server.key", &pair.key);
    write(
        "tls.yml",
        "tls_server_config: {cert_file: server.crt, key_file: server.key}\n",
    );
    let public = unused_address();
    let listen = format!("--webhook.listen-address={public}");
    let flags = [NO_META, &listen, "--webhook.config.file=tls.yml"];
    let mut service = Service::configured(folder.path(), "", &flags);
    let silent = TcpStream::connect(public).expect("it listens");
    let open = "whatsapp_exporter_connections{listener=\"webhook\"} 1";
    until_metric(service.address, open);
    service.process.signal(Signal::TERM);
    let status = service.process.ended_within(PATIENCE);
    drop(silent);
    let log = service.process.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains(IN_FLIGHT), "{log}");
}

fn request_reload(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("it listens");
    let request =
        "POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).expect("it reads");
    client
}

#[test]
fn a_reload_that_is_under_way_is_answered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = start(folder.path());
    block(&folder.path().join("token"));
    // One is refused while the other one is under way.
    let requests = [(); 2].map(|()| request_reload(service.address));
    let refused = until("the reload to be under way", SOON, || {
        let refused = requests.iter().position(|request| !is_waiting(request));
        refused.ok_or_else(|| service.process.log())
    });
    service.process.signal(Signal::TERM);
    let answers = requests.map(|mut request| {
        let mut answer = String::new();
        request.set_nonblocking(false).expect("a socket");
        request.read_to_string(&mut answer).expect("an answer");
        answer
    });
    assert!(answers[refused].starts_with("HTTP/1.1 429"), "{answers:?}");
    let answer = &answers[1 - refused];
    let status = service.process.ended_within(PATIENCE);
    let log = service.process.log();
    assert_eq!(status.code(), Some(0), "{log}");
    // On a busy machine, the time limit of the file comes first.
    assert!(
        answer.contains("stopping") || answer.contains("does not respond"),
        "{answer}\n{log}"
    );
    assert!(!log.contains(IN_FLIGHT), "{log}");
}
