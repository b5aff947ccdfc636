//! Open conversations continue after a restart, each event counts once, and no id of a customer appears in the store, the
//! log or the metrics.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;

use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};

pub const CUSTOMER: &str = "15550177342";
const OTHER_CUSTOMER: &str = "15550177343";

pub fn series(name: &str, labels: &str) -> String {
    let comma = if labels.is_empty() { "" } else { "," };
    format!(r#"{name}{{waba_id="{WABA}",phone_number_id="{NUMBER}"{comma}{labels}}}"#)
}

fn body(list: &str, content: &Value) -> Vec<u8> {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100199", "phone_number_id": NUMBER},
        list: [content],
    });
    let changes = json!([{"field": "messages", "value": value}]);
    let body =
        json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]});
    serde_json::to_vec(&body).expect("JSON")
}

pub fn inbound(customer: &str, id: &str, at: i64) -> Vec<u8> {
    let content = json!({
        "from": customer, "id": id, "timestamp": at.to_string(), "type": "text",
        "text": {"body": format!("call me at {customer}")},
    });
    body("messages", &content)
}

pub fn sent(customer: &str, id: &str, at: i64) -> Vec<u8> {
    let content =
        json!({"recipient_id": customer, "id": id, "timestamp": at.to_string(), "status": "sent"});
    body("statuses", &content)
}

/// Whether the file has this text. SQLite may have removed one of its files since it was listed.
pub fn holds(path: &Path, text: &str) -> bool {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return false,
        read => read.expect("a readable file"),
    };
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_conversation_continues_after_a_restart_without_customer_ids() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let file = config_file(SELDOM, &[WABA]);
    // Some hours ago, so that everything is settled at once.
    let began = clock::now().as_millis() / 1000 - 10_000;
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let post = async |exporter: &Exporter, body: Vec<u8>| {
        assert_eq!(exporter.post_signed(body).await, 200);
    };
    post(&exporter, inbound(CUSTOMER, "wamid.A", began)).await;
    post(&exporter, inbound(OTHER_CUSTOMER, "wamid.B", began + 60)).await;
    let waiting = series("whatsapp_conversations_waiting", "");
    let received = series("whatsapp_messages_received_total", r#"kind="text""#);
    exporter.until(waiting.clone(), 2.0).await;
    let before = exporter.get("/metrics").await;
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    assert_eq!(exporter.value(&waiting).await, Some(2.0));
    post(&exporter, inbound(CUSTOMER, "wamid.A", began)).await;
    post(&exporter, sent(CUSTOMER, "wamid.C", began + 90)).await;
    post(&exporter, sent(CUSTOMER, "wamid.C", began + 90)).await;
    exporter.until(waiting, 1.0).await;
    assert_eq!(
        exporter.value(&received).await,
        Some(2.0),
        "the repeat counts once"
    );
    let labels = r#"actor="unknown",clock="wall""#;
    let sum = series("whatsapp_first_response_seconds_sum", labels);
    exporter.until(sum, 90.0).await;
    let count = series("whatsapp_response_seconds_count", labels);
    assert_eq!(exporter.value(&count).await, Some(1.0));
    let oldest = series(
        "whatsapp_conversations_oldest_waiting_timestamp_seconds",
        "",
    );
    assert_eq!(exporter.value(&oldest).await, Some((began + 60) as f64));
    let mut shown = before + &exporter.get("/metrics").await;
    for path in ["/", "/api/v1/history?since=30d"] {
        shown += &exporter.get(path).await;
    }
    for customer in [CUSTOMER, OTHER_CUSTOMER] {
        assert!(!shown.contains(customer));
        for file in std::fs::read_dir(folder.path()).expect("the folder") {
            let path = file.expect("a file").path();
            assert!(!holds(&path, customer), "{}", path.display());
        }
    }
    exporter.stopped().await;
    assert!(holds(&database, NUMBER), "the right file was looked into");
}

/// A message that is a step, the customer's reply after a restart, and the goal: by the sender's mark alone.
#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
async fn a_marked_journey_continues_after_a_restart_without_texts_of_customers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let journeys = "trackers:\n  journeys:\n    - name: booking\n      steps: [{name: date, answers: [\"day_*\"]}]\n      \
                    goals: [confirm]\n      idle_timeout: 1d\n";
    let file = config_file(SELDOM, &[WABA]) + journeys;
    let began = clock::now().as_millis() / 1000 - 10_000;
    let asked = |id: &str, at: i64| {
        let data = "journey=booking&step=date&note=private-note";
        let content = json!({
            "recipient_id": CUSTOMER, "id": id, "timestamp": at.to_string(), "status": "sent",
            "biz_opaque_callback_data": data,
        });
        body("statuses", &content)
    };
    let pressed = |id: &str, to: &str, reply: &str, at: i64| {
        let content = json!({
            "from": CUSTOMER, "id": id, "timestamp": at.to_string(), "type": "interactive",
            "context": {"from": "15550100199", "id": to},
            "interactive": {"type": "button_reply", "button_reply": {"id": reply, "title": "private-title"}},
        });
        body("messages", &content)
    };
    let post = async |exporter: &Exporter, body: Vec<u8>| {
        assert_eq!(exporter.post_signed(body).await, 200);
    };
    let step = |name: &str, more: &str| {
        let labels = r#"journey="booking",version="1",variant="none",step="date""#;
        series(
            &format!("whatsapp_journey_step_{name}"),
            &format!("{labels}{more}"),
        )
    };
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(&exporter, asked("wamid.first", began)).await;
    post(&exporter, asked("wamid.second", began + 60)).await;
    exporter.until(step("entered_total", ""), 2.0).await;
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(
        &exporter,
        pressed("wamid.A", "wamid.second", "day_private-day", began + 90),
    )
    .await;
    exporter.until(step("answered_total", ""), 1.0).await;
    exporter.until(step("seconds_sum", ""), 30.0).await;
    exporter
        .until(step("answers_total", r#",answer="day_*""#), 1.0)
        .await;
    let again = step("confused_total", r#",reason="asked_again""#);
    assert_eq!(exporter.value(&again).await, Some(1.0));
    post(
        &exporter,
        pressed("wamid.B", "wamid.second", "confirm", began + 120),
    )
    .await;
    let completed = series(
        "whatsapp_journey_sessions_completed_total",
        r#"journey="booking",version="1",variant="none""#,
    );
    exporter.until(completed, 1.0).await;
    let shown = exporter.get("/metrics").await;
    exporter.stopped().await;
    for secret in ["private", "wamid", CUSTOMER] {
        assert!(!shown.contains(secret));
        for file in std::fs::read_dir(folder.path()).expect("the folder") {
            let path = file.expect("a file").path();
            assert!(!holds(&path, secret), "{}", path.display());
        }
    }
    assert!(
        holds(&database, "booking"),
        "the right file was looked into"
    );
}

fn preference(customer: (&str, &str), value: &str, at: i64) -> Vec<u8> {
    let mut choice = json!({"category": "marketing_messages", "value": value, "timestamp": at});
    choice[customer.0] = customer.1.into();
    let text = String::from_utf8(body("user_preferences", &choice)).expect("text");
    text.replace(r#""field":"messages""#, r#""field":"user_preferences""#)
        .into_bytes()
}

#[tokio::test]
async fn each_choice_about_marketing_counts_once_without_customer_ids() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let file = config_file(SELDOM, &[WABA]);
    let began = clock::now().as_millis() / 1000 - 10_000;
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let post = async |exporter: &Exporter, body: Vec<u8>| {
        assert_eq!(exporter.post_signed(body).await, 200);
    };
    let of = |value: &str| {
        let label = format!(r#"preference="{value}""#);
        series("whatsapp_marketing_preferences_total", &label)
    };
    let by_number = ("wa_id", CUSTOMER);
    let by_user_id = ("user_id", "US.13000000000000177342");
    post(&exporter, preference(by_number, "stop", began)).await;
    exporter.until(of("stop"), 1.0).await;
    assert_eq!(exporter.value(&of("resume")).await, Some(0.0));
    assert_eq!(exporter.value(&of("OTHER")).await, None);
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    assert_eq!(exporter.value(&of("stop")).await, Some(1.0));
    // A retry, and choices in the wrong order.
    post(&exporter, preference(by_number, "stop", began)).await;
    post(&exporter, preference(by_number, "stop", began + 20)).await;
    post(&exporter, preference(by_number, "resume", began + 10)).await;
    post(&exporter, preference(by_user_id, "stop", began)).await;
    post(&exporter, preference(by_user_id, "stop", began)).await;
    exporter.until(of("stop"), 3.0).await;
    assert_eq!(exporter.value(&of("resume")).await, Some(1.0));
    let mut shown = exporter.get("/metrics").await;
    for path in ["/", "/api/v1/status", "/api/v1/history?since=30d"] {
        shown += &exporter.get(path).await;
    }
    exporter.stopped().await;
    for customer in [CUSTOMER, by_user_id.1] {
        assert!(!shown.contains(customer));
        for file in std::fs::read_dir(folder.path()).expect("the folder") {
            let path = file.expect("a file").path();
            assert!(!holds(&path, customer), "{}", path.display());
        }
    }
}
