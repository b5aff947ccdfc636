//! Those who are paged: a real Alertmanager with our routes, groups and inhibitions, whose receivers are
//! this test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{faster::faster, text};
use crate::process::Process;

/// What was sent to whom.
#[derive(Clone, Debug)]
pub struct Page {
    /// The receiver of our configuration: `pager`, `chat`, `mail` or `dead-mans-switch`.
    pub receiver: String,
    /// Alertmanager's own words.
    pub body: Value,
}

/// Everything that was sent so far.
#[derive(Clone, Default)]
pub struct Pages(Arc<Mutex<Vec<Page>>>);

impl Pages {
    /// Listens; each receiver has a path of its own.
    pub fn receive() -> (Self, SocketAddr) {
        let pages = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let to = pages.clone();
        // It ends with the test's process: a listener cannot be asked to.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let page = read(stream).expect("Alertmanager speaks HTTP");
                to.0.lock().expect("no panic").push(page);
            }
        });
        (pages, address)
    }

    /// One alert's notifications to a receiver, with this status.
    pub fn of(&self, receiver: &str, status: &str, alert: &str) -> Vec<Page> {
        let pages = self.0.lock().expect("no panic").clone();
        let about = |page: &Page| alert_of(&page.body, status, alert).is_some();
        let to = pages.into_iter().filter(|page| page.receiver == receiver);
        to.filter(about).collect()
    }
}

/// The alert of this name and status in a notification.
pub fn alert_of<'a>(body: &'a Value, status: &str, alert: &str) -> Option<&'a Value> {
    let alerts = body["alerts"].as_array()?;
    alerts
        .iter()
        .find(|one| one["status"] == status && one["labels"]["alertname"] == alert)
}

fn read(stream: TcpStream) -> std::io::Result<Page> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let receiver = line.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();
    let mut length = 0;
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(answer)?;
    let body = serde_json::from_slice(&body)?;
    Ok(Page { receiver, body })
}

/// Our configuration, so many times faster, at any hour of the day, with the receivers listening here.
pub fn alertmanager(folder: &Path, times: f64, receivers: SocketAddr) -> (Process, SocketAddr) {
    let ours = faster(&text("alertmanager.yml"), times);
    let ours = ours.replace("active_time_intervals: [business-hours]", "");
    let (before, _) = ours.split_once("\nreceivers:\n").expect("they come last");
    let mut config = format!("{before}\nreceivers:\n");
    for name in ["pager", "chat", "mail", "dead-mans-switch"] {
        config += &format!(
            "  - name: {name}\n    webhook_configs:\n      - url: http://{receivers}/{name}\n"
        );
    }
    let path = folder.join("alertmanager.yml");
    std::fs::write(&path, config).expect("the folder is ours");
    start(&path, folder)
}

/// A real Alertmanager with this configuration.
pub fn start(config: &Path, folder: &Path) -> (Process, SocketAddr) {
    let process = Process::start(
        Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                folder.join("alertmanager").display()
            ))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ]),
    );
    let process = process.unwrap_or_else(|error| {
        panic!("{error}; install Debian's package `prometheus-alertmanager`, or run `make test`")
    });
    let address = process.address_after("msg=\"Listening on\" address=");
    (process, address)
}
