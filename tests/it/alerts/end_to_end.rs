//! From Meta to the pager: the simulated Meta flags a number and lets its rating fall, the exporter shows
//! it, a real Prometheus evaluates our very rules, a real Alertmanager routes by our very configuration,
//! and the receivers get it: warnings in a group for the account, critical alerts each by itself. Resolved alerts are
//! sent too.

use std::time::Duration;

use serde_json::Value;
use whatsapp_business_exporter::simulator::change::WorldChange;

use super::faster::write_rules;
use super::pages::{Page, Pages, alert_of, alertmanager};
use crate::exporter::meta::{Exporter, NUMBER, OFTEN, WABA, small_world};
use crate::process::{Process, until};
use crate::prometheus::server::Prometheus;

/// Seconds for minutes.
const TIMES: f64 = 60.0;

/// Polls, scrapes, `for`, and Alertmanager's waiting take some ten seconds altogether.
const PATIENCE: Duration = Duration::from_secs(90);

/// Everything between the exporter and the pager.
struct Chain {
    pages: Pages,
    _alertmanager: Process,
    _prometheus: Prometheus,
    _folder: tempfile::TempDir,
}

impl Chain {
    fn behind(exporter: &Exporter) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (pages, receivers) = Pages::receive();
        let (alertmanager, alerts) = alertmanager(folder.path(), TIMES, receivers);
        let data = tempfile::tempdir().expect("a temporary folder");
        let rules = write_rules(data.path(), TIMES);
        let target = exporter.url.trim_start_matches("http://");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{rules}']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alerts}']}}]}}]}}\n\
             scrape_configs: [{{job_name: whatsapp, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        Self {
            pages,
            _alertmanager: alertmanager,
            _prometheus: Prometheus::start(data, &config),
            _folder: folder,
        }
    }

    /// Waits for a notification of this alert; gives its first.
    async fn until_told(&self, receiver: &str, status: &str, alert: &str) -> Page {
        let pages = self.pages.clone();
        let what = format!("{alert} {status} to {receiver}");
        let question = [receiver, status, alert].map(str::to_owned);
        let waited = tokio::task::spawn_blocking(move || {
            let [receiver, status, alert] = question;
            until(&what, PATIENCE, || {
                let told = pages.of(&receiver, &status, &alert);
                told.into_iter().next().ok_or_else(|| "not yet".to_owned())
            })
        });
        waited.await.expect("it is told")
    }
}

fn rate(rating: &str) -> WorldChange {
    WorldChange::QualityRatingChanged {
        phone_number_id: NUMBER.to_owned(),
        quality_rating: rating.to_owned(),
    }
}

fn description(page: &Page, status: &str, alert: &str) -> String {
    let alert = alert_of(&page.body, status, alert).expect("it was looked for");
    let text = alert["annotations"]["description"].as_str();
    text.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_meant_to_be_paged_is_and_hears_when_it_is_over() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    let chain = Chain::behind(&exporter);

    let flag = WorldChange::NumberFlagged {
        phone_number_id: NUMBER.to_owned(),
    };
    exporter.meta.change(flag).expect("the number is there");
    let told = chain
        .until_told("chat", "firing", "WhatsAppNumberFlagged")
        .await;
    assert_eq!(told.body["groupLabels"]["waba_id"], WABA);
    assert_eq!(
        told.body["groupLabels"]["alertname"],
        Value::Null,
        "one group for the account"
    );
    let words = description(&told, "firing", "WhatsAppNumberFlagged");
    assert!(
        words.starts_with("Fern & Moss (+1 555-010-0199) is flagged"),
        "{words}"
    );

    exporter
        .meta
        .change(rate("RED"))
        .expect("the number is there");
    let paged = chain
        .until_told("pager", "firing", "WhatsAppNumberQualityLow")
        .await;
    // A critical alert is its own group: it does not join an incident that somebody has acknowledged.
    let group = &paged.body["groupLabels"];
    assert_eq!(group["waba_id"], WABA);
    assert_eq!(group["phone_number_id"], NUMBER);
    assert_eq!(group["alertname"], "WhatsAppNumberQualityLow");
    assert_eq!(group["instance"], Value::Null);
    assert_eq!(paged.body["alerts"].as_array().map(Vec::len), Some(1));
    let words = description(&paged, "firing", "WhatsAppNumberQualityLow");
    assert_eq!(words, "Fern & Moss (+1 555-010-0199) is rated RED.");

    exporter
        .meta
        .change(rate("GREEN"))
        .expect("the number is there");
    chain
        .until_told("pager", "resolved", "WhatsAppNumberQualityLow")
        .await;
    // It fell, and low spoke for that; chat had nothing of either while it lasted.
    let chatted = |alert| chain.pages.of("chat", "firing", alert).len();
    assert_eq!(chatted("WhatsAppNumberQualityLow"), 0);
    assert_eq!(chatted("WhatsAppNumberQualityMedium"), 0);
    assert_eq!(
        chain
            .pages
            .of("pager", "firing", "WhatsAppNumberFlagged")
            .len(),
        0
    );
}
