//! What PagerDuty, Slack and the mailbox receive of each alert, from a real Alertmanager with our configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::mail::Mails;
use super::pages::{Pages, shipped};
use super::unit_tests::cases;
use crate::http::post;
use crate::process::{Process, until};
use crate::support::assert_none;

/// The longest wait, an hour for the digest, is 6 s.
const TIMES: f64 = 600.0;

const PATIENCE: Duration = Duration::from_secs(60);

/// PagerDuty cuts a longer summary, Slack a longer title.
const LONGEST_TITLE: usize = 250;

struct Receivers {
    pages: Pages,
    mails: Mails,
    alerts: SocketAddr,
    _alertmanager: Process,
    _folder: tempfile::TempDir,
}

impl Receivers {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (pages, http) = Pages::receive();
        let (mails, smtp) = Mails::receive();
        let (alertmanager, alerts) = shipped(folder.path(), TIMES, http, smtp);
        Self {
            pages,
            mails,
            alerts,
            _alertmanager: alertmanager,
            _folder: folder,
        }
    }

    /// Sends alerts as Prometheus does.
    fn fire(&self, alerts: &[Value]) {
        let answer = post(self.alerts, "/api/v2/alerts", &json!(alerts)).expect("it answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// The titles so far of one receiver.
    fn titles(&self, receiver: &str) -> Vec<String> {
        if receiver == "mail" {
            return self.mails.subjects();
        }
        let pages = self.pages.all().into_iter();
        let to = pages.filter(|page| page.receiver == receiver);
        to.filter_map(|page| title(&page.body)).collect()
    }

    fn until_titled(&self, receiver: &str, title: &str) {
        until(title, PATIENCE, || {
            let titles = self.titles(receiver);
            match titles.iter().any(|one| one == title) {
                true => Ok(()),
                false => Err(format!("{titles:?}")),
            }
        });
    }
}

/// The title in an event of PagerDuty or a message of Slack.
fn title(body: &Value) -> Option<String> {
    let pagerduty = &body["payload"]["summary"];
    let slack = &body["attachments"][0]["title"];
    let title = pagerduty.as_str().or_else(|| slack.as_str())?;
    Some(title.to_owned())
}

/// As Slack wants it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn alert(labels: &BTreeMap<String, String>, annotations: &BTreeMap<String, String>) -> Value {
    json!({"labels": labels, "annotations": annotations})
}

#[test]
fn each_alert_has_a_title_at_its_receiver_that_is_its_summary() {
    let mut expected: Vec<(String, String)> = Vec::new();
    let mut alerts = Vec::new();
    for case in cases() {
        for fired in case.exp_alerts {
            let (mut labels, annotations) =
                (fired["exp_labels"].clone(), &fired["exp_annotations"]);
            let receiver = match labels["severity"].as_str() {
                "critical" => "pager",
                "warning" => "chat",
                // The digest of everything is one mail, and nobody reads the title of the switch.
                _ => continue,
            };
            // A group, and a cause, of its own.
            let index = alerts.len();
            labels.insert("alertname".to_owned(), case.alertname.clone());
            labels.insert("cluster".to_owned(), format!("c{index}"));
            if let Some(waba_id) = labels.get_mut("waba_id") {
                *waba_id = (800_300_000_000_000 + index).to_string();
            }
            alerts.push(alert(&labels, annotations));
            let summary = &annotations["summary"];
            let summary = match receiver {
                "chat" => escaped(summary),
                _ => summary.clone(),
            };
            expected.push((receiver.to_owned(), summary));
        }
    }
    assert!(alerts.len() > 100, "{} alerts", alerts.len());

    let receivers = Receivers::start();
    receivers.fire(&alerts);
    expected.sort();
    until("every title", PATIENCE, || {
        let mut shown = Vec::new();
        for receiver in ["pager", "chat"] {
            let titles = receivers.titles(receiver).into_iter();
            shown.extend(titles.map(|title| (receiver.to_owned(), title)));
        }
        shown.sort();
        // A receiver that is slow to answer is told again.
        shown.dedup();
        let mut missing = expected.clone();
        missing.dedup();
        missing.retain(|one| shown.binary_search(one).is_err());
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{missing:#?}")),
        }
    });
    let long = expected
        .iter()
        .filter(|(_, title)| title.len() > LONGEST_TITLE);
    assert_none(&long.map(|(_, title)| title.clone()).collect::<Vec<_>>());
    let odd = receivers.pages.all().into_iter().filter(|page| {
        let text = page.body.to_string();
        text.contains("no value") || text.contains("{{")
    });
    assert_none(&odd.map(|page| page.body.to_string()).collect::<Vec<_>>());
}

/// Alerts of one account, each about another number.
fn numbers(count: usize, alertname: &str, severity: &str) -> Vec<Value> {
    let one = |index: usize| {
        json!({
            "labels": {
                "alertname": alertname, "severity": severity, "job": "whatsapp",
                "waba_id": "800100200300400", "phone_number_id": format!("90010020030040{index}"),
            },
            "annotations": {
                "summary": format!("Fern & <Moss> {index}: rated YELLOW"),
                "description": format!("Fern & <Moss> {index} is rated YELLOW."),
                "runbook_url": "https://example.com/runbooks.md#a",
                "dashboard_url": "https://example.com/d/a",
            },
        })
    };
    (1..=count).map(one).collect()
}

#[test]
fn a_group_lists_five_titles_and_counts_the_rest() {
    let receivers = Receivers::start();
    receivers.fire(&numbers(7, "WhatsAppNumberQualityMedium", "warning"));
    let five =
        [1, 2, 3, 4, 5].map(|index| format!("Fern &amp; &lt;Moss&gt; {index}: rated YELLOW"));
    receivers.until_titled("chat", &format!("{} +2 more", five.join("; ")));
    let pages = receivers.pages.all();
    let chat = pages.iter().find(|page| page.receiver == "chat");
    let attachment = &chat.expect("it was titled").body["attachments"][0];
    let text = attachment["text"].as_str().unwrap_or_default();
    assert_eq!(text.lines().count(), 7, "each alert has a line: {text}");
    let first = "firing: Fern &amp; &lt;Moss&gt; 1 is rated YELLOW. <https://example.com/runbooks.md#a|runbook> \
                 <https://example.com/d/a|dashboard>";
    assert_eq!(text.lines().next(), Some(first));
    assert_eq!(attachment["title_link"], "https://example.com/d/a");
}

#[test]
fn a_page_is_about_one_alert_and_says_when_it_is_over() {
    let receivers = Receivers::start();
    let mut critical = numbers(2, "WhatsAppNumberQualityLow", "critical");
    receivers.fire(&critical);
    for index in 1..=2 {
        receivers.until_titled("pager", &format!("Fern & <Moss> {index}: rated YELLOW"));
    }
    let keys = receivers.pages.all().into_iter();
    let keys = keys.filter_map(|page| Some(page.body["dedup_key"].as_str()?.to_owned()));
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2, "each is an incident of its own");
    for one in &mut critical {
        one["endsAt"] = "2020-01-01T00:00:00Z".into();
        one["startsAt"] = "2019-01-01T00:00:00Z".into();
    }
    receivers.fire(&critical);
    receivers.until_titled("pager", "Resolved: Fern & <Moss> 2: rated YELLOW");
}

#[test]
fn the_digest_is_one_mail() {
    let receivers = Receivers::start();
    receivers.fire(&numbers(6, "WhatsAppUnknownValues", "info"));
    let five = [1, 2, 3, 4, 5].map(|index| format!("Fern & <Moss> {index}: rated YELLOW"));
    receivers.until_titled("mail", &format!("{} +1 more", five.join("; ")));
    assert_eq!(receivers.mails.subjects().len(), 1);
}
