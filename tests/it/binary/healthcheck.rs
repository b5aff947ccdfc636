//! `healthcheck`, as a container's health check runs it: with a healthy exporter, one that accepts no webhooks, one that
//! requires a password, and none.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use crate::durability::deliveries::Fact;
use crate::durability::faults::Tool;
use crate::durability::service::{PATIENCE, Service};
use crate::http::get;
use crate::process::{Outcome, outcome, until};

fn healthcheck(address: SocketAddr, more: &[&str]) -> Outcome {
    let address = format!("--web.listen-address={address}");
    // No variable: the command does not need the secrets of the exporter.
    outcome(&[&["healthcheck", &address], more].concat(), &[])
}

fn assert_fails(outcome: &Outcome, says: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert_eq!(outcome.out, "");
    assert_eq!(outcome.log.lines().count(), 1, "{}", outcome.log);
    for text in says {
        assert!(outcome.log.contains(text), "{}", outcome.log);
    }
}

#[test]
fn a_running_exporter_is_healthy_and_ready_and_a_stopped_one_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    for (more, answer) in [([].as_slice(), "healthy"), (&["--ready"], "ready")] {
        let outcome = healthcheck(service.address, more);
        assert_eq!(outcome.code, Some(0), "{}", outcome.log);
        assert_eq!((outcome.out.as_str(), outcome.log.as_str()), (answer, ""));
    }
    let address = service.address;
    drop(service);
    let nobody = healthcheck(address, &[]);
    assert_fails(
        &nobody,
        &["error: no exporter responds at http://127.0.0.1:"],
    );
}

#[test]
fn an_exporter_that_cannot_store_is_healthy_and_not_ready() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let mut tool = Tool::on(folder.path());
    tool.execute("BEGIN EXCLUSIVE");
    let fact = Fact {
        time: 1_775_000_000,
        template: 7_001_002_003_000,
        event: "PAUSED",
    };
    let refused = service.send(&[fact]).expect("it answers");
    assert_eq!(refused.status, 503);
    until("the exporter to be not ready", PATIENCE, || {
        let answer = get(service.address, "/-/ready", "")?;
        if answer.status == 503 {
            Ok(())
        } else {
            Err(answer.body)
        }
    });
    assert_eq!(healthcheck(service.address, &[]).code, Some(0));
    let not_ready = healthcheck(service.address, &["--ready"]);
    assert_fails(&not_ready, &["/-/ready responds with 503", "locked"]);
}

/// A listener that sends this response to the next request.
fn one_answer(head: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let read = stream.read(&mut [0; 1024]).expect("its head");
        assert!(read > 0, "an empty request");
        stream
            .write_all(answer.as_bytes())
            .expect("somebody waits for it");
    });
    address
}

#[test]
fn an_exporter_that_requires_a_password_is_alive_and_may_be_unready() {
    let alive = healthcheck(one_answer("401 Unauthorized"), &[]);
    assert_eq!(alive.code, Some(0), "{}", alive.log);
    let unknown = healthcheck(one_answer("401 Unauthorized"), &["--ready"]);
    assert_fails(&unknown, &["responds with 401"]);
    // A redirect leads to another server.
    let elsewhere = healthcheck(
        one_answer("302 Found\r\nLocation: http://127.0.0.1:9/"),
        &[],
    );
    assert_fails(&elsewhere, &["responds with 302"]);
}

#[test]
fn an_unusable_address_is_an_error_that_names_it() {
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    assert_fails(&healthcheck(any, &[]), &["web.listen_address: port 0"]);
    let bad = outcome(&["healthcheck", "--web.listen-address=nine"], &[]);
    assert_fails(&bad, &["--web.listen-address: "]);
}
