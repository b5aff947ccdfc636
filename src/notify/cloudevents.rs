//! CloudEvents 1.0 in the structured JSON mode:
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

use reqwest::Url;
use serde::Serialize;

use super::links::{manager_url, runbook_url};
use super::message::Message;
use crate::clock;
use crate::domain::{Assignments, WabaId};
use crate::store::Signal;

/// The media type of an event.
pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Prefix of every `type`.
const TYPES: &str = "io.github.whatsapp-business-exporter";

/// Prefix of every `source`; it does not depend on the replica.
const SOURCE: &str = "/whatsapp-business-exporter";

/// Maximum number of changes in a digest, which bounds the body at some 60 KiB.
const MAX_CHANGES: usize = 100;

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Change(Box<ChangeData<'a>>),
    Digest(DigestData<'a>),
    Test { text: &'static str },
}

/// One change.
#[derive(Serialize)]
struct ChangeData<'a> {
    waba_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    entity: &'a str,
    entity_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    attribute: &'a str,
    from: Option<&'a str>,
    to: &'a str,
    severity: &'static str,
    source: &'a str,
    at: String,
    whatsapp_manager_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook_url: Option<String>,
}

#[derive(Serialize)]
struct DigestData<'a> {
    entity: &'a str,
    attribute: &'a str,
    to: &'a str,
    severity: &'static str,
    count: usize,
    /// The first changes; `omitted` counts the others.
    changes: Vec<ChangeData<'a>>,
    omitted: usize,
}

/// The body of the event. `assignments` name the app of each account.
pub(super) fn body(
    message: &Message,
    runbooks: Option<&Url>,
    assignments: &Assignments,
) -> Vec<u8> {
    let change = |signal| change(signal, runbooks, assignments);
    let (kind, data) = match message {
        Message::Change(signal) => (
            kind(signal, "changed"),
            Data::Change(Box::new(change(signal.as_ref()))),
        ),
        Message::Digest(signals) => (
            kind(&signals[0], "digest"),
            Data::Digest(DigestData {
                entity: &signals[0].row.entity,
                attribute: &signals[0].row.attribute,
                to: &signals[0].row.to,
                severity: message.severity().as_str(),
                count: signals.len(),
                changes: signals.iter().take(MAX_CHANGES).map(change).collect(),
                omitted: signals.len().saturating_sub(MAX_CHANGES),
            }),
        ),
        Message::Test(_) => {
            let text = "Test of notify.webhooks by whatsapp-business-exporter.";
            (format!("{TYPES}.test"), Data::Test { text })
        }
    };
    let envelope = Envelope {
        specversion: "1.0",
        id: message.id(),
        source: source(message.signals()),
        kind,
        subject: subject(message),
        time: time(message),
        datacontenttype: "application/json",
        data,
    };
    serde_json::to_vec(&envelope).expect("plain data with text for keys")
}

fn kind(signal: &Signal, suffix: &str) -> String {
    let row = &signal.row;
    format!("{TYPES}.{}.{}.{suffix}", row.entity, row.attribute)
}

/// The account, if all changes are of one.
fn source(signals: &[Signal]) -> String {
    let mut waba_ids = signals.iter().map(|signal| &signal.row.waba_id);
    match waba_ids.next() {
        Some(first) if waba_ids.all(|other| other == first) => format!("{SOURCE}/{first}"),
        _ => SOURCE.to_owned(),
    }
}

fn subject(message: &Message) -> Option<String> {
    match message {
        Message::Change(signal) => {
            let row = &signal.row;
            Some(format!("{}/{}", row.entity, row.entity_id))
        }
        Message::Digest(_) | Message::Test(_) => None,
    }
}

/// The time of the change; of a digest, that of its last one.
fn time(message: &Message) -> String {
    match message {
        Message::Test(at) => at.clone(),
        Message::Change(_) | Message::Digest(_) => {
            let times = message.signals().iter().map(|signal| signal.row.at);
            let last = times.max().unwrap_or_default();
            clock::calendar(last.at_whole_seconds())
        }
    }
}

fn change<'a>(
    signal: &'a Signal,
    runbooks: Option<&Url>,
    assignments: &Assignments,
) -> ChangeData<'a> {
    let row = &signal.row;
    ChangeData {
        waba_id: &row.waba_id,
        app: app(&row.waba_id, assignments),
        entity: &row.entity,
        entity_id: &row.entity_id,
        account_name: signal.account_name.as_deref(),
        name: signal.name.as_deref(),
        display_phone_number: signal.display_phone_number.as_deref(),
        language: signal.language.as_deref(),
        attribute: &row.attribute,
        from: row.from.as_deref(),
        to: &row.to,
        severity: signal.severity().as_str(),
        source: &row.source,
        at: clock::calendar(row.at.at_whole_seconds()),
        whatsapp_manager_url: manager_url(signal),
        runbook_url: runbook_url(signal, runbooks),
    }
}

fn app(waba_id: &str, assignments: &Assignments) -> Option<String> {
    let waba_id = WabaId::parse(waba_id)?;
    assignments.app_of(&waba_id).map(|app| app.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notify::message::tests::signal;

    fn event(message: &Message) -> Value {
        let runbooks: Url = "https://wiki.example.com/runbooks".parse().expect("a URL");
        let body = body(message, Some(&runbooks), &Assignments::none());
        serde_json::from_slice(&body).expect("JSON")
    }

    #[test]
    fn a_change_is_a_cloud_event() {
        let rated = signal("phone_number", "quality_rating", Some("GREEN"), "RED");
        let message = Message::Change(Box::new(rated));
        let at = "2026-03-31T23:33:20Z";
        let expected = json!({
            "specversion": "1.0",
            "id": message.id(),
            "source": "/whatsapp-business-exporter/800100200300400",
            "type": "io.github.whatsapp-business-exporter.phone_number.quality_rating.changed",
            "subject": "phone_number/900100200300400",
            "time": at,
            "datacontenttype": "application/json",
            "data": {
                "waba_id": "800100200300400",
                "entity": "phone_number",
                "entity_id": "900100200300400",
                "account_name": "Fern & Moss",
                "name": "Fern & Moss <Service>",
                "display_phone_number": "+1 555-010-0101",
                "attribute": "quality_rating",
                "from": "GREEN",
                "to": "RED",
                "severity": "critical",
                "source": "webhook",
                "at": at,
                "whatsapp_manager_url":
                    "https://business.facebook.com/latest/whatsapp_manager/phone_numbers?asset_id=800100200300400",
                "runbook_url": "https://wiki.example.com/runbooks#whatsappnumberqualitylow",
            }
        });
        assert_eq!(event(&message), expected);
    }

    #[test]
    fn a_digest_counts_all_its_changes_and_lists_the_first() {
        let paused = || signal("template", "status", Some("APPROVED"), "PAUSED");
        let mut signals: Vec<Signal> = (0..130).map(|_| paused()).collect();
        let event_of_one_account = event(&Message::Digest(signals.clone()));
        let source = "/whatsapp-business-exporter/800100200300400";
        assert_eq!(event_of_one_account["source"], source);
        signals[7].row.waba_id = "1".to_owned();
        let event = event(&Message::Digest(signals));
        assert_eq!(event["source"], "/whatsapp-business-exporter");
        let kind = "io.github.whatsapp-business-exporter.template.status.digest";
        assert_eq!(
            (&event["type"], &event["subject"]),
            (&json!(kind), &Value::Null)
        );
        let data = &event["data"];
        assert_eq!(
            (&data["count"], &data["omitted"]),
            (&json!(130), &json!(30))
        );
        assert_eq!(data["changes"].as_array().map(Vec::len), Some(100));
        assert_eq!(
            (&data["to"], &data["severity"]),
            (&json!("PAUSED"), &json!("warning"))
        );
    }
}
