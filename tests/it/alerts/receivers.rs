//! What PagerDuty, Slack and the mailbox receive of each alert, from a real Alertmanager with our configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::mail::Mails;
use super::pages::{Page, Pages, shipped};
use super::unit_tests::cases;
use crate::http::post;
use crate::process::{Process, until};
use crate::support::assert_none;

/// The longest wait, an hour for the digest, is 6 s.
const TIMES: f64 = 600.0;

const PATIENCE: Duration = Duration::from_secs(120);

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

/// In the format of Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The parts of an alert that a receiver must show.
struct Expected {
    receiver: &'static str,
    title: String,
    text: String,
}

impl Expected {
    /// `None` for the digest, which is one mail about everything, and for the dead man's switch.
    fn of(severity: &str, annotations: &BTreeMap<String, String>) -> Option<Self> {
        let texts = [&annotations["summary"], &annotations["description"]];
        let (receiver, [title, text]) = match severity {
            "critical" => ("pager", texts.map(String::clone)),
            "warning" => ("chat", texts.map(|text| escaped(text))),
            _ => return None,
        };
        Some(Self {
            receiver,
            title,
            text,
        })
    }

    fn is_shown_by(&self, page: &Page) -> bool {
        page.receiver == self.receiver
            && title(&page.body).as_ref() == Some(&self.title)
            && text(&page.body).contains(&self.text)
    }
}

/// The text below the title.
fn text(body: &Value) -> &str {
    let pagerduty = &body["payload"]["custom_details"]["alerts"];
    let slack = &body["attachments"][0]["text"];
    let text = pagerduty.as_str().or_else(|| slack.as_str());
    text.unwrap_or_default()
}

/// Every alert of the unit tests, with another group and cause each, and the parts that a receiver must show.
fn every_alert() -> (Vec<Value>, Vec<Expected>) {
    let (mut alerts, mut expected) = (Vec::new(), Vec::new());
    for case in cases() {
        for fired in case.exp_alerts {
            let mut labels = fired["exp_labels"].clone();
            let annotations = &fired["exp_annotations"];
            let Some(one) = Expected::of(&labels["severity"], annotations) else {
                continue;
            };
            let index = alerts.len();
            labels.insert("alertname".to_owned(), case.alertname.clone());
            labels.insert("cluster".to_owned(), format!("c{index}"));
            if let Some(waba_id) = labels.get_mut("waba_id") {
                *waba_id = (800_300_000_000_000 + index).to_string();
            }
            alerts.push(json!({"labels": labels, "annotations": annotations}));
            expected.push(one);
        }
    }
    (alerts, expected)
}

#[test]
fn each_alert_is_shown_at_its_receiver_with_its_summary_and_description() {
    let (alerts, expected) = every_alert();
    assert!(alerts.len() > 100, "{} alerts", alerts.len());
    let long = expected
        .iter()
        .filter(|one| one.title.len() > LONGEST_TITLE);
    assert_none(&long.map(|one| one.title.clone()).collect::<Vec<_>>());

    let receivers = Receivers::start();
    receivers.fire(&alerts);
    until("every alert", PATIENCE, || {
        let pages = receivers.pages.all();
        let missing = expected
            .iter()
            .filter(|one| !pages.iter().any(|page| one.is_shown_by(page)));
        let missing: Vec<&str> = missing.map(|one| one.title.as_str()).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{missing:#?}")),
        }
    });
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
    let text = text(&chat.expect("it was titled").body);
    assert_eq!(text.lines().count(), 7, "each alert has a line: {text}");
    let first = "firing: Fern &amp; &lt;Moss&gt; 1 is rated YELLOW. <https://example.com/runbooks.md#a|runbook> \
                 <https://example.com/d/a|dashboard>";
    assert_eq!(text.lines().next(), Some(first));
    assert_eq!(attachment["title_link"], "https://example.com/d/a");
}

#[test]
fn a_page_is_about_one_alert_and_its_end_is_sent_too() {
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
