//! The scrape configuration of several replicas in a real Prometheus: an account moves from one target to another, and its
//! series continues.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regex::Regex;

use super::server::Prometheus;
use crate::process::until;

const SOON: Duration = Duration::from_secs(120);

const ACCOUNT: &str = "whatsapp_business_account_info{waba_id=\"1\",waba_name=\"Fern\"} 1\n";

/// What each replica exports.
const OF_A_PROCESS: &str = "whatsapp_exporter_build_info{version=\"1\"} 1\nwhatsapp_exporter_accounts{app=\"main\"} 2\n\
                            whatsapp_exporter_objects_refused_total{waba_id=\"1\"} 3\n";

/// A page that can be replaced.
#[derive(Clone)]
struct Target {
    page: Arc<Mutex<String>>,
    address: SocketAddr,
}

impl Target {
    fn start(of_accounts: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let target = Self {
            page: Arc::default(),
            address: listener.local_addr().expect("it is bound"),
        };
        target.export(of_accounts);
        let page = Arc::clone(&target.page);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.expect("a connection");
                // Prometheus sends its request in one segment, and closes after the response.
                let mut request = [0; 4096];
                if client.read(&mut request).is_ok_and(|length| length > 0) {
                    let page = page.lock().expect("nobody panics").clone();
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; version=0.0.4\r\n";
                    let length = page.len();
                    // A scrape that has ended early shows in `up`.
                    drop(write!(
                        client,
                        "{head}Content-Length: {length}\r\n\r\n{page}"
                    ));
                }
            }
        });
        target
    }

    fn export(&self, of_accounts: &str) {
        *self.page.lock().expect("nobody panics") = format!("{OF_A_PROCESS}{of_accounts}");
    }
}

fn messages(count: u32) -> String {
    format!(
        "{ACCOUNT}whatsapp_messages_received_total{{waba_id=\"1\"}} {count}\n\
         whatsapp_exporter_poll_up{{app=\"main\",waba_id=\"1\",collector=\"numbers\"}} 1\n"
    )
}

/// The shipped file with other targets, without rules and Alertmanager.
fn config(targets: [SocketAddr; 2]) -> String {
    let shipped = include_str!("../../../deploy/cluster/prometheus.yml");
    let scrapes = shipped
        .split("# Listed individually")
        .next()
        .expect("a first part");
    let [first, second] = targets.map(|address| address.to_string());
    let intervals = Regex::new("_interval: .*").expect("a good pattern");
    intervals
        .replace_all(scrapes, "_interval: 1s")
        .replace("exporter-1:10131", &first)
        .replace("exporter-2:10131", &second)
}

#[test]
fn a_series_about_meta_continues_when_another_replica_exports_it() {
    let (old, new) = (Target::start(&messages(5)), Target::start(""));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prometheus = Prometheus::start(folder, &config([old.address, new.address]));
    let received = "whatsapp_messages_received_total{waba_id=\"1\"}";
    let is = |expression: &str, expected: f64| {
        let value = prometheus.value(expression)?;
        let is_right = (value - expected).abs() < 0.5;
        is_right
            .then_some(())
            .ok_or(format!("{expression}: {value}"))
    };
    until("both targets", SOON, || is("sum(up)", 2.0));
    until("the old owner's series", SOON, || is(received, 5.0));

    old.export("");
    new.export(&messages(6));
    until("the new owner's series", SOON, || is(received, 6.0));

    for (expression, expected) in [
        // One series before and after.
        (format!("count(count_over_time({received}[10m]))"), 1.0),
        (format!("resets({received}[10m])"), 0.0),
        (
            format!("count({received}{{instance=\"\"}})").replace("}{", ","),
            1.0,
        ),
        (
            "count(count_over_time(whatsapp_exporter_poll_up[10m]))".into(),
            1.0,
        ),
        (
            "count(count_over_time(whatsapp_business_account_info[10m]))".into(),
            1.0,
        ),
        // What each replica exports stays apart.
        ("count(whatsapp_exporter_objects_refused_total)".into(), 2.0),
        ("count(whatsapp_exporter_accounts)".into(), 2.0),
        ("count(whatsapp_exporter_build_info)".into(), 2.0),
    ] {
        until(&expression, SOON, || is(&expression, expected));
    }
}
