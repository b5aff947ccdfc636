//! The path from an exporter to the receivers of alerts: a real Prometheus with the shipped rules, and a real
//! Alertmanager with the shipped routes. All durations are divided by a factor.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::faster::write_rules;
use super::pages::{Page, Pages, alertmanager};
use crate::process::{Process, until};
use crate::prometheus::server::Prometheus;

const PATIENCE: Duration = Duration::from_secs(120);

pub struct Chain {
    pub pages: Pages,
    pub prometheus: Prometheus,
    /// The address of Alertmanager.
    pub alertmanager: SocketAddr,
    targets: PathBuf,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Chain {
    /// Watches the exporter at this address.
    pub fn over(target: SocketAddr, times: f64) -> Self {
        Self::with_rules(target, times, |_| ())
    }

    /// Watches these replicas, with the relabelings of `deploy/cluster/prometheus.yml`.
    pub fn over_replicas(targets: &[SocketAddr], times: f64) -> Self {
        Self::start(targets, times, &relabelings(), |_| ())
    }

    /// The same with rules that differ: `change` gets the folder with them.
    pub fn with_rules(target: SocketAddr, times: f64, change: impl FnOnce(&Path)) -> Self {
        Self::start(&[target], times, "", change)
    }

    fn start(
        replicas: &[SocketAddr],
        times: f64,
        relabelings: &str,
        change: impl FnOnce(&Path),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (pages, receivers) = Pages::receive();
        let (process, alertmanager) = alertmanager(folder.path(), times, receivers);
        let data = tempfile::tempdir().expect("a temporary folder");
        let rules = write_rules(data.path(), times);
        change(&data.path().join("rules"));
        let targets = data.path().join("targets.json");
        write_targets(&targets, replicas);
        let discovery = format!("{{files: ['{}'], refresh_interval: 1s}}", targets.display());
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{rules}']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n\
             scrape_configs:\n  - job_name: whatsapp\n    file_sd_configs: [{discovery}]\n{relabelings}"
        );
        Self {
            pages,
            prometheus: Prometheus::start(data, &config),
            alertmanager,
            targets,
            _process: process,
            _folder: folder,
        }
    }

    /// Watches another exporter instead.
    pub fn watch_instead(&self, target: SocketAddr) {
        write_targets(&self.targets, &[target]);
    }

    /// Waits until this expression gives a series.
    pub fn until(&self, expression: &str) {
        until(expression, PATIENCE, || self.prometheus.value(expression));
    }

    /// Waits for a notification of this alert. Returns the first.
    pub fn until_received(&self, receiver: &str, status: &str, alert: &str) -> Page {
        until(&format!("{alert} {status} to {receiver}"), PATIENCE, || {
            let received = self.pages.of(receiver, status, alert).into_iter().next();
            received.ok_or_else(|| "not yet".to_owned())
        })
    }

    /// Notifications so far, but those of the dead man's switch.
    pub fn received(&self) -> Vec<Page> {
        let mut pages = self.pages.all();
        pages.retain(|page| page.receiver != "dead-mans-switch");
        pages
    }
}

fn write_targets(file: &Path, targets: &[SocketAddr]) {
    let targets = json!([{"targets": targets}]);
    // The file is replaced atomically, so that Prometheus never reads a part of it.
    let half = file.with_extension("tmp");
    std::fs::write(&half, targets.to_string()).expect("the folder is ours");
    std::fs::rename(half, file).expect("the folder is ours");
}

/// The relabelings that give a series the same identity whichever replica exports it, as lines of a scrape configuration.
pub fn relabelings() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/cluster/prometheus.yml");
    let shipped = std::fs::read_to_string(path).expect("a scrape configuration");
    let begin = shipped.find("    metric_relabel_configs:\n");
    let lines = shipped[begin.expect("it has relabelings")..].lines();
    let lines = lines.take_while(|line| line.starts_with("    "));
    lines.map(|line| format!("{line}\n")).collect()
}
