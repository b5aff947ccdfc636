//! Notifications: a real Alertmanager with the shipped routes, groups and inhibitions, whose receivers are
//! this test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use regex::Regex;
use serde_json::Value;

use super::received::Received;
use super::{faster::faster, text};
use crate::process::Process;

/// A notification.
#[derive(Clone, Debug)]
pub struct Page {
    /// The receiver of our configuration: `pager`, `chat`, `mail` or `dead-mans-switch`.
    pub receiver: String,
    /// The payload of Alertmanager.
    pub body: Value,
    /// When it was sent.
    pub at: SystemTime,
}

/// Everything that was sent so far.
#[derive(Clone)]
pub struct Pages(Received<Page>);

impl Pages {
    /// Starts a listener. Each receiver has another path.
    pub fn receive() -> (Self, SocketAddr) {
        let (pages, address) = Received::by(read);
        (Self(pages), address)
    }

    /// Everything that was sent so far.
    pub fn all(&self) -> Vec<Page> {
        self.0.all()
    }

    /// The notifications of an alert to a receiver, with this status.
    pub fn of(&self, receiver: &str, status: &str, alert: &str) -> Vec<Page> {
        let pages = self.all();
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

fn read(stream: TcpStream) -> std::io::Result<Option<Page>> {
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
    let at = SystemTime::now();
    Ok(Some(Page { receiver, body, at }))
}

/// The shipped configuration, so many times faster, at any hour of the day, with receivers of this test.
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

/// The shipped configuration with its receivers, so many times faster and at any hour of the day. PagerDuty and Slack are
/// at `http`, the mail server is at `smtp`, and none requires a password.
pub fn shipped(
    folder: &Path,
    times: f64,
    http: SocketAddr,
    smtp: SocketAddr,
) -> (Process, SocketAddr) {
    let ours = faster(&text("alertmanager.yml"), times);
    let with_password = Regex::new(r"(?m)^ +smtp_auth_.*\n").expect("a good pattern");
    let mut config = with_password.replace_all(&ours, "").into_owned();
    for (there, here) in [
        ("active_time_intervals: [business-hours]", String::new()),
        (
            "smtp_smarthost: smtp.example.com:587",
            format!("smtp_smarthost: {smtp}\n  smtp_require_tls: false"),
        ),
        (
            "routing_key_file: /etc/alertmanager/pagerduty-routing-key",
            format!("routing_key: test\n        url: http://{http}/pager"),
        ),
        (
            "api_url_file: /etc/alertmanager/chat-webhook-url",
            format!("api_url: http://{http}/chat"),
        ),
        (
            "https://dead-mans-switch.example.com/whatsapp",
            format!("http://{http}/dead-mans-switch"),
        ),
    ] {
        assert!(config.contains(there), "{there} is not in alertmanager.yml");
        config = config.replace(there, &here);
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
