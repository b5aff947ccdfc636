//! A real Prometheus as a child process, with its own data and port.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::alerts::faster::write_rules;
use crate::http::get;
use crate::process::Process;

/// A running Prometheus, with its address.
pub struct Prometheus {
    _process: Process,
    _data: tempfile::TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one that scrapes `target` every second.
    pub fn scraping(target: SocketAddr) -> Self {
        let text = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: exporter\n    \
             static_configs:\n      - targets: ['{target}']\n"
        );
        Self::start(tempfile::tempdir().expect("a temporary folder"), &text)
    }

    /// Starts one that scrapes `target` and evaluates our rules, so many times faster, every second.
    pub fn with_rules(target: SocketAddr, times: f64) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let rules = write_rules(data.path(), times);
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{rules}']\n\
             scrape_configs: [{{job_name: whatsapp, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        Self::start(data, &config)
    }

    /// Starts one with this configuration; blocks in `data` of the folder are there from the start.
    pub fn start(data: tempfile::TempDir, config_text: &str) -> Self {
        Self::start_with(data, config_text, &[])
    }

    /// The same with more flags.
    pub fn start_with(data: tempfile::TempDir, config_text: &str, flags: &[&str]) -> Self {
        let config = data.path().join("prometheus.yml");
        std::fs::write(&config, config_text).expect("the folder is ours");
        let storage = data.path().join("data");
        let process = Process::start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", storage.display()))
                .arg("--storage.tsdb.retention.time=90d")
                .arg("--web.listen-address=127.0.0.1:0")
                .args(flags),
        );
        let process = process.unwrap_or_else(|error| {
            panic!("{error}; install Debian's package `prometheus`, or run `make test`")
        });
        let address = process.address_after("msg=\"Listening on\" address=");
        Self {
            _process: process,
            _data: data,
            address,
        }
    }

    /// The data of a response of its HTTP API.
    pub fn ask(&self, path: &str) -> Result<Value, String> {
        let answer = get(self.address, path, "")?;
        let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
        if body["status"] == "success" {
            Ok(body["data"].clone())
        } else {
            Err(body.to_string())
        }
    }

    /// The data of an expression.
    pub fn query(&self, expression: &str) -> Result<Value, String> {
        self.ask(&format!("/api/v1/query?query={}", escaped(expression)))
    }

    /// The data of an expression since a time, a step a second.
    pub fn range(&self, expression: &str, start: f64) -> Result<Value, String> {
        let now = self.value("vector(time())")?;
        self.between(expression, start, now, 1)
    }

    /// The data of an expression between two times.
    pub fn between(
        &self,
        expression: &str,
        start: f64,
        end: f64,
        step: u64,
    ) -> Result<Value, String> {
        let expression = escaped(expression);
        self.ask(&format!(
            "/api/v1/query_range?query={expression}&start={start}&end={end}&step={step}"
        ))
    }

    /// The one value of an expression that gives one series.
    pub fn value(&self, expression: &str) -> Result<f64, String> {
        let data = self.query(expression)?;
        let text = data["result"][0]["value"][1].as_str();
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("{expression}: {data}"))
    }

    /// The samples of an expression that gives one series, one for each second of the last `seconds`.
    pub fn values(&self, expression: &str, seconds: u64) -> Vec<f64> {
        let now = self.value("vector(time())").expect("the time");
        let data = self
            .range(expression, now - seconds as f64)
            .expect("a range");
        let samples = data["result"][0]["values"].as_array().cloned();
        let samples = samples.unwrap_or_default();
        let texts = samples.iter().filter_map(|sample| sample[1].as_str());
        texts.filter_map(|text| text.parse().ok()).collect()
    }
}

/// Percent-encodes a query parameter.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
