//! Reads `/metrics` of the exporter with this configuration, if it runs on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::{StatusCode, Url};

use super::Finding;
use super::fold::fold;
use crate::app::own;
use crate::clock;
use crate::config::Config;
use crate::domain::WabaId;
use crate::ingest::graph::own_client;

const EXPORTER: &str = "exporter";
const LAST_WEBHOOK: &str = "last_webhook";

const DELIVERIES: &str = "whatsapp_exporter_webhook_deliveries_total ";
const LAST_RECEIVED: &str = "whatsapp_exporter_webhook_last_received_timestamp_seconds";

/// An exporter on this machine responds within milliseconds, even with thousands of accounts.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Metrics of a running exporter.
pub(super) struct RunningExporter {
    url: Url,
    text: String,
}

/// Why no metrics could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMetrics {
    /// It requires a password or a client certificate.
    LoginRequired,
    /// No exporter responds.
    NoResponse,
}

impl RunningExporter {
    /// Number of accepted deliveries.
    pub fn deliveries(&self) -> Option<u64> {
        let count = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix(DELIVERIES))?;
        // OpenMetrics writes counters with `.0`.
        count.trim().split('.').next()?.parse().ok()
    }

    /// Unix time in seconds of each account's last webhook.
    fn last_received(&self) -> BTreeMap<&str, f64> {
        let series = self.text.lines().filter_map(|line| {
            let rest = line.strip_prefix(LAST_RECEIVED)?;
            let (waba_id, value) = rest.strip_prefix("{waba_id=\"")?.split_once("\"} ")?;
            Some((waba_id, value.trim().parse().ok()?))
        });
        series.collect()
    }
}

/// Reads the metrics of the exporter.
pub(super) async fn read(config: &Config) -> Result<RunningExporter, NoMetrics> {
    try_read(config).await.unwrap_or(Err(NoMetrics::NoResponse))
}

async fn try_read(config: &Config) -> Option<Result<RunningExporter, NoMetrics>> {
    let url = own::web_url(&config.web, "/metrics").ok()?;
    let http = own_client(&url, TIMEOUT).ok()?;
    let answer = http.get(url.clone()).send().await.ok()?;
    if matches!(
        answer.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        return Some(Err(NoMetrics::LoginRequired));
    }
    let answer = answer.error_for_status().ok()?;
    let text = answer.text().await.ok()?;
    let is_ours = text.contains("whatsapp_exporter_build_info");
    is_ours.then_some(Ok(RunningExporter { url, text }))
}

/// Reports whether the exporter runs, and the time since each account's last webhook.
pub(super) fn report(
    config: &Config,
    accounts: &BTreeSet<WabaId>,
    running: Result<&RunningExporter, NoMetrics>,
) -> Vec<Finding> {
    let address = config.web.listen_address;
    let running = match running {
        Ok(running) => running,
        Err(NoMetrics::NoResponse) => {
            return vec![Finding::unknown(
                EXPORTER,
                format!("no exporter responds on this machine at {address}"),
                "Start the exporter, then run `doctor` again: it can then follow a delivery to the metrics.",
            )];
        }
        Err(NoMetrics::LoginRequired) => {
            return vec![Finding::unknown(
                EXPORTER,
                format!("an exporter runs at {address}, but its metrics require a login"),
                "Check whatsapp_exporter_webhook_deliveries_total in Prometheus: this self-test increases \
                 it if deliveries arrive.",
            )];
        }
    };
    let mut findings = vec![Finding::fine(EXPORTER, format!("running: {}", running.url))];
    if config.webhook.enabled {
        let last_received = running.last_received();
        let of_accounts = accounts.iter().map(|waba_id| {
            let at = last_received.get(waba_id.as_str());
            let silence = at.map(|at| clock::now().as_seconds_f64() - at);
            let finding = match silence {
                Some(seconds) => {
                    let ago = Duration::from_secs(seconds.max(0.0) as u64);
                    let ago = humantime::format_duration(ago);
                    Finding::fine(LAST_WEBHOOK, format!("received {ago} ago"))
                }
                None => Finding::unknown(
                    LAST_WEBHOOK,
                    "none received since the exporter started",
                    "Management webhooks are rare. The Test button of the App Dashboard sends one, for account 0.",
                ),
            };
            finding.about(waba_id.as_str())
        });
        findings.extend(fold(of_accounts.collect(), accounts.len(), None));
    }
    findings
}
