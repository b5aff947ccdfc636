//! The real program under load and attack. It stays within the memory that docs/security.md states, answers health
//! probes, and acknowledges good deliveries meanwhile.

mod bodies;
mod bombs;
mod connections;
mod floods;
mod memory;
mod methods;
mod slow;
mod stalls;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Client;
use whatsapp_business_exporter::ingest::graph::http_client;
use whatsapp_business_exporter::simulator::signature::header_value;

use crate::http::until_metric;
use crate::process::{Process, exported_by, program, quiet_meta};

/// Limit of the peak of memory in MiB. An idle program has about 30, and a debug build a little more than a release.
const MOST_MEMORY_MIB: u64 = 384;

/// An orchestrator gives up on a health probe after some failures, which is half a minute with the usual settings. On an
/// idle machine, a response takes milliseconds; on one that runs many tests, it has taken 11 s.
const HEALTH_WITHIN: Duration = Duration::from_secs(30);

/// Three accounts of the simulated Meta, each with the collectors `numbers`, `account` and `templates`.
const POLLS: usize = 9;

/// Only a failure waits as long as this.
const PATIENCE: Duration = Duration::from_secs(240);

/// Times that a good request may be closed before it is answered. On a busy machine a good client may send it so late
/// that the connection counts as idle at the connection limit. Where clients are locked out, all requests are closed.
const MOST_CLOSED: usize = 20;

/// Repeats a request until it is answered.
async fn until_answered<T>(request: impl AsyncFn() -> reqwest::Result<T>) -> T {
    let mut closed = 0;
    loop {
        match request().await {
            Ok(answer) => return answer,
            Err(error) => {
                closed += 1;
                assert!(closed <= MOST_CLOSED, "{error:?}");
            }
        }
    }
}

/// The program, watching a simulated Meta's accounts.
struct Target {
    exporter: Process,
    address: SocketAddr,
    /// Where webhooks are received.
    public: SocketAddr,
    secret: String,
    http: Client,
    _meta: Process,
}

impl Target {
    /// With this limit to the connections of each listener.
    fn with_room_for(most_connections: usize, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("exporter.yml");
        let limit = format!("{{max_connections: {most_connections}}}");
        let settings = format!("web: {limit}\nwebhook: {limit}\n");
        std::fs::write(&file, settings).expect("the folder is ours");
        let config_file = format!("--config.file={}", file.display());
        let mut target = Self::start(&[&[config_file.as_str()], flags].concat());
        if !flags.is_empty() {
            let public = target.exporter.address_after("receiving webhooks address=");
            target.public = public;
        }
        target
    }

    /// With these flags. Both listeners share a port, unless the flags name another one.
    fn start(flags: &[&str]) -> Self {
        let (meta, graph) = quiet_meta(&[]);
        let variables = exported_by(&meta);
        let secret = variables
            .iter()
            .find(|(name, _)| name == "WHATSAPP_APP_SECRET");
        let secret = secret.expect("the simulated Meta has one").1.clone();
        let base_url = format!("--graph.base-url=http://{graph}");
        let mut arguments = vec!["serve", &base_url, "--web.listen-address=127.0.0.1:0"];
        arguments.extend(flags);
        let exporter = program(&arguments, &variables);
        let address = exporter.address_after("the status page address=");
        until_metric(address, "whatsapp_phone_number_info");
        let own = format!("http://{address}").parse().expect("a URL");
        Self {
            exporter,
            address,
            public: address,
            secret,
            http: http_client(&own, PATIENCE).expect("a client"),
            _meta: meta,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Posts a delivery with the right signature.
    async fn deliver(&self, body: Vec<u8>) -> u16 {
        let status = self.try_deliver(&self.http, body).await;
        status.expect("an answer")
    }

    /// Posts a delivery with the right signature, by this client.
    async fn try_deliver(&self, http: &Client, body: Vec<u8>) -> reqwest::Result<u16> {
        let signature = header_value(&self.secret, &body);
        let url = format!("http://{}/webhook", self.public);
        let request = http.post(url).body(body);
        let answer = request.header("X-Hub-Signature-256", signature).send();
        answer.await.map(|answer| answer.status().as_u16())
    }

    /// Asserts that a health probe is answered in time, and that a good delivery is accepted.
    async fn is_well(&self, number: u64) {
        let began = Instant::now();
        let probe = async || self.http.get(self.url("/-/healthy")).send().await;
        let answer = until_answered(probe).await;
        let took = began.elapsed();
        assert_eq!(answer.status(), 200);
        assert!(took < HEALTH_WITHIN, "health took {took:?}");
        let delivery = async || self.try_deliver(&self.http, good(number)).await;
        assert_eq!(until_answered(delivery).await, 200);
    }

    fn is_within_its_memory(&self) {
        is_within_its_memory(&self.exporter);
    }

    /// Waits until a series is no less than this.
    async fn until_at_least(&self, series: &str, least: f64) {
        let began = Instant::now();
        while self.value(series).await < least {
            assert!(began.elapsed() < PATIENCE, "{series} stays below {least}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the last poll of each collector of each account succeeded.
    async fn until_polled(&self) {
        let began = Instant::now();
        loop {
            let page = self.page().await;
            let polls = page
                .lines()
                .filter(|line| line.starts_with("whatsapp_exporter_poll_up{"));
            let polls: Vec<&str> = polls.collect();
            if polls.len() >= POLLS && polls.iter().all(|line| line.ends_with(" 1")) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{polls:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The page of metrics. A request that is closed at the connection limit is repeated.
    async fn page(&self) -> String {
        let began = Instant::now();
        loop {
            let answer = self.http.get(self.url("/metrics")).send().await;
            if let Ok(answer) = answer
                && let Ok(text) = answer.text().await
            {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "no page of metrics");
        }
    }

    /// The value of a series as `/metrics` has it.
    async fn value(&self, series: &str) -> f64 {
        let text = self.page().await;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series}"));
        value.parse().expect("a number")
    }
}

/// A delivery in the form of Meta, another one for each number.
fn good(number: u64) -> Vec<u8> {
    let time = 1_774_000_000 + number;
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800100200300401","time":{time},"changes":[{{"field":"account_alerts","value":{{"entity_type":"BUSINESS","entity_id":"{number}","alert_severity":"INFORMATIONAL","alert_status":"NONE","alert_type":"OBA_APPROVED","alert_description":"Sample"}}}}]}}]}}"#
    )
    .into_bytes()
}

/// Peak of the memory of a process.
fn peak_mib(process: &Process) -> u64 {
    let status = format!("/proc/{}/status", process.id());
    let status = std::fs::read_to_string(status).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("Linux says so in kB") / 1024
}

fn is_within_its_memory(process: &Process) {
    let peak = peak_mib(process);
    assert!(peak < MOST_MEMORY_MIB, "{peak} MiB");
}
