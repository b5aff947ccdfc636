//! Changes are posted to receivers: each at least once, in order, despite failures of the receiver and of the exporter.

mod commands;
mod failures;
mod kills;
mod load;

use serde_json::{Value, json};
use whatsapp_business_exporter::notify::alerts;
use whatsapp_business_exporter::simulator::change::{PauseReason, WorldChange};
use whatsapp_business_exporter::simulator::signature::header_value;
use whatsapp_business_exporter::simulator::world::{Template, World};

use crate::exporter::meta::{Exporter, NUMBER, SELDOM, TEMPLATE, WABA, config_file, small_world};
use crate::relay::upstream::{Manner, Taken, Upstream};

const SECRET: &str = "a-signing-secret-of-these-tests";

const SENT: &str = r#"whatsapp_exporter_notify_sent_total{receiver="app"}"#;
const PENDING: &str = r#"whatsapp_exporter_notify_pending{receiver="app"}"#;
const OLDEST: &str = r#"whatsapp_exporter_notify_oldest_pending_timestamp_seconds{receiver="app"}"#;

fn at_once() -> Manner {
    Manner::Takes(std::time::Duration::ZERO)
}

fn failures(reason: &str) -> String {
    format!(r#"whatsapp_exporter_notify_failures_total{{receiver="app",reason="{reason}"}}"#)
}

fn dropped(reason: &str) -> String {
    format!(r#"whatsapp_exporter_notify_dropped_total{{receiver="app",reason="{reason}"}}"#)
}

/// A configuration with the receiver `app` at this URL, and more lines about it.
fn notifying(url: &str, more: &str) -> String {
    let file = config_file(SELDOM, &[WABA]);
    format!("{file}notify:\n  webhooks:\n    - name: app\n      url: {url}\n{more}")
}

/// An exporter whose first polls are over.
async fn polled(world: World, file: &str, more: &[(&str, &str)]) -> Exporter {
    let exporter = Exporter::with_files(world, file, "sqlite::memory:", more).await;
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    exporter
}

async fn change(exporter: &Exporter, change: WorldChange) {
    exporter.meta.change(change).expect("it exists");
    exporter.meta.settled().await;
}

async fn flag(exporter: &Exporter) {
    let phone_number_id = NUMBER.to_owned();
    change(exporter, WorldChange::NumberFlagged { phone_number_id }).await;
}

async fn pause(exporter: &Exporter, template_id: &str) {
    let template_id = template_id.to_owned();
    let pause = PauseReason::First;
    change(exporter, WorldChange::TemplatePaused { template_id, pause }).await;
}

async fn reject(exporter: &Exporter) {
    let (waba_id, decision) = (WABA.to_owned(), "REJECTED".to_owned());
    change(exporter, WorldChange::AccountReviewed { waba_id, decision }).await;
}

fn json_of(taken: &Taken) -> Value {
    serde_json::from_slice(&taken.body).expect("JSON")
}

/// Attribute and value after the change of each event.
fn steps(upstream: &Upstream) -> Vec<String> {
    let step = |taken: &Taken| {
        let data = &json_of(taken)["data"];
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("attribute"), text("to"))
    };
    upstream.taken().iter().map(step).collect()
}

#[tokio::test]
async fn a_change_is_a_signed_cloud_event_and_text_for_slack() {
    let (events, slack) = (
        Upstream::new(at_once()).await,
        Upstream::new(at_once()).await,
    );
    let file = notifying(&events.url(), "      secret_file: secret\n");
    let file = format!("{file}    - name: chat\n      url_file: chat\n      format: slack\n");
    let files = [("secret", SECRET), ("chat", &slack.url())];
    let exporter = polled(small_world(), &file, &files).await;
    flag(&exporter).await;
    let in_chat = r#"whatsapp_exporter_notify_sent_total{receiver="chat"}"#;
    exporter.until(SENT, 1.0).await;
    exporter.until(in_chat, 1.0).await;
    exporter.until(PENDING, 0.0).await;

    let taken = &events.taken()[0];
    let event = json_of(taken);
    assert_eq!(taken.signature, header_value(SECRET, &taken.body));
    let media_type = "application/cloudevents+json; charset=utf-8";
    assert_eq!(taken.content_type, media_type);
    let kind = "io.github.whatsapp-business-exporter.phone_number.flagged.changed";
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(
        (&event["type"], &event["subject"]),
        (&json!(kind), &json!(format!("phone_number/{NUMBER}")))
    );
    assert_eq!(
        event["source"],
        format!("/whatsapp-business-exporter/{WABA}")
    );
    let data = &event["data"];
    for (field, expected) in [
        ("app", "default"),
        ("entity_id", NUMBER),
        ("name", "Fern & Moss"),
        ("display_phone_number", "+1 555-010-0199"),
        ("from", "false"),
        ("to", "true"),
        ("severity", "critical"),
        ("source", "webhook"),
    ] {
        assert_eq!(data[field], expected, "{event}");
    }
    let runbook = data["runbook_url"].as_str().unwrap_or_default();
    assert!(
        runbook.ends_with("runbooks.md#whatsappnumberflagged"),
        "{event}"
    );

    let taken = &slack.taken()[0];
    assert_eq!(
        (taken.signature.as_str(), taken.content_type.as_str()),
        ("", "application/json")
    );
    let text = json_of(taken)["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let begin = ":red_circle: *Fern &amp; Moss (+1 555-010-0199)*: flagged false → true\n";
    assert!(text.starts_with(begin), "{text}");
}

#[tokio::test]
async fn a_receiver_gets_what_its_filter_selects() {
    let [critical, templates, other] = [
        Upstream::new(at_once()).await,
        Upstream::new(at_once()).await,
        Upstream::new(at_once()).await,
    ];
    let mut file = notifying(&critical.url(), "      severity: critical\n");
    file += &format!(
        "    - name: b\n      url: {}\n      kinds: [template]\n",
        templates.url()
    );
    file += &format!(
        "    - name: c\n      url: {}\n      waba_ids: [1]\n",
        other.url()
    );
    let exporter = polled(small_world(), &file, &[]).await;
    pause(&exporter, TEMPLATE).await;
    flag(&exporter).await;
    let phone_number_id = NUMBER.to_owned();
    change(
        &exporter,
        WorldChange::NumberUnflagged {
            phone_number_id,
            quality_rating: "GREEN".to_owned(),
        },
    )
    .await;
    exporter.until(SENT, 2.0).await;
    for receiver in ["app", "b", "c"] {
        let pending = format!(r#"whatsapp_exporter_notify_pending{{receiver="{receiver}"}}"#);
        exporter.until(pending, 0.0).await;
    }
    assert_eq!(steps(&critical), ["flagged true", "flagged false"]);
    assert_eq!(steps(&templates), ["status PAUSED"]);
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn many_changes_alike_within_a_window_are_one_post() {
    let upstream = Upstream::new(at_once()).await;
    let ids: Vec<String> = (0..12)
        .map(|which| format!("70010020030050{which:02}"))
        .collect();
    let world = ids.iter().fold(small_world(), |world, id| {
        world.with_template(WABA, Template::new(id, &format!("offer_{id}")))
    });
    // All changes are made within the window, also on a busy machine.
    let file = notifying(&upstream.url(), "      digest: 30s\n");
    let exporter = polled(world, &file, &[]).await;
    flag(&exporter).await;
    for id in &ids {
        pause(&exporter, id).await;
    }
    assert_eq!(upstream.asked(), 0, "the window is open");
    assert_eq!(exporter.value(OLDEST).await, None, "nothing is due");
    exporter.until(PENDING, 0.0).await;
    // On a busy machine, a poll in between shows more of the flagged number.
    let taken = upstream.taken();
    let events = taken.iter().map(json_of);
    let events: Vec<Value> = events
        .filter(|event| event["data"]["source"] != "poll")
        .collect();
    let digests = events.iter().filter(|event| event["data"]["count"] == 12);
    let digests: Vec<&Value> = digests.collect();
    assert_eq!((events.len(), digests.len()), (2, 1), "{events:#?}");
    let kind = "io.github.whatsapp-business-exporter.template.status.digest";
    assert_eq!(digests[0]["type"], kind);
    let names = digests[0]["data"]["changes"].as_array().map(Vec::len);
    assert_eq!(names, Some(12));
}

#[tokio::test]
async fn a_new_receiver_starts_with_the_next_change() {
    let (one, other) = (
        Upstream::new(at_once()).await,
        Upstream::new(at_once()).await,
    );
    let without = config_file(SELDOM, &[WABA]);
    let exporter = polled(small_world(), &without, &[]).await;
    let shows = |text: &str| text.contains("whatsapp_exporter_notify_");
    assert!(!shows(&exporter.get("/metrics").await));
    pause(&exporter, TEMPLATE).await;
    exporter.file.write(&notifying(&one.url(), ""));
    assert_eq!(exporter.reload().await.0, 200);
    flag(&exporter).await;
    exporter.until(SENT, 1.0).await;
    assert_eq!(steps(&one), ["flagged true"]);

    // The same receiver at another address keeps its position, also while it fails.
    one.answer(Manner::Answers(503));
    reject(&exporter).await;
    exporter.until_above(&failures("unavailable"), 0.0).await;
    exporter.file.write(&notifying(&other.url(), ""));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.until(SENT, 2.0).await;
    assert_eq!(steps(&other), ["review_status REJECTED"]);
    exporter.file.write(&without);
    assert_eq!(exporter.reload().await.0, 200);
    exporter
        .until_metrics("nothing about receivers", |text| !shows(text))
        .await;
}

#[test]
fn every_linked_runbook_exists() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts");
    let runbooks = std::fs::read_to_string(folder.join("runbooks.md")).expect("the runbooks");
    for alert in alerts() {
        let heading = format!("## {alert}");
        assert!(
            runbooks
                .lines()
                .any(|line| line.trim_start_matches('#').trim() == alert),
            "{heading}"
        );
    }
}
