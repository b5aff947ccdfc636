//! The event API: applications report who answered, each event counts once, and each rejected event has an error.

mod refusals;

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;

use super::durable::{CUSTOMER, inbound, sent, series};
use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};

const TOKEN: &str = "a-token-for-events";

fn with_events() -> String {
    let file = config_file(SELDOM, &[WABA]);
    format!("{file}trackers:\n  token: {TOKEN}\n")
}

fn event(id: &str, kind: &str, at: i64) -> Value {
    json!({"id": id, "type": kind, "phone_number_id": NUMBER, "customer": CUSTOMER, "at": at})
}

fn reply(id: &str, actor: &str, at: i64) -> Value {
    let mut reply = event(id, "reply", at);
    reply["actor"] = actor.into();
    reply
}

async fn post(exporter: &Exporter, token: &str, body: String) -> (u16, Value) {
    let url = format!("{}/v1/events", exporter.url);
    let request = exporter.http.post(url).bearer_auth(token).body(body);
    let answer = request.send().await.expect("it answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// What became of each, as `id result`.
async fn post_events(exporter: &Exporter, events: &[Value]) -> Vec<String> {
    let (status, answer) = post(exporter, TOKEN, json!({ "events": events }).to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().expect("a list").iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    results
        .map(|one| format!("{} {}", text(one, "id"), text(one, "result")))
        .collect()
}

fn first_responses(actor: &str, end: &str) -> String {
    let name = format!("whatsapp_first_response_seconds_{end}");
    series(&name, &format!(r#"actor="{actor}",clock="wall""#))
}

#[tokio::test]
async fn an_application_reports_who_answered_and_meta_the_delivery() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let exporter = Exporter::stored(small_world(), &with_events(), &store).await;
    let began = clock::now().as_millis() / 1000 - 10_000;
    assert_eq!(
        exporter
            .post_signed(inbound(CUSTOMER, "wamid.A", began))
            .await,
        200
    );
    let batch = [
        reply("1", "bot", began + 5),
        event("2", "inbound", began + 60),
        reply("3", "agent", began + 90),
    ];
    assert_eq!(
        post_events(&exporter, &batch).await,
        ["1 accepted", "2 accepted", "3 accepted"]
    );
    assert_eq!(
        exporter
            .post_signed(sent(CUSTOMER, "wamid.B", began + 6))
            .await,
        200
    );
    exporter.until(first_responses("bot", "sum"), 5.0).await;
    let by_agent = series(
        "whatsapp_response_seconds_sum",
        r#"actor="agent",clock="wall""#,
    );
    exporter.until(by_agent.clone(), 30.0).await;
    assert_eq!(
        exporter.value(&first_responses("unknown", "count")).await,
        Some(0.0)
    );
    let received = series("whatsapp_messages_received_total", r#"kind="text""#);
    assert_eq!(
        exporter.value(&received).await,
        Some(1.0),
        "Meta alone counts messages"
    );
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &with_events(), &store).await;
    assert_eq!(
        post_events(&exporter, &batch).await,
        ["1 duplicate", "2 duplicate", "3 duplicate"]
    );
    assert_eq!(exporter.value(&by_agent).await, Some(30.0));
    let duplicates = r#"whatsapp_exporter_events_total{result="duplicate"}"#;
    assert_eq!(exporter.value(duplicates).await, Some(3.0));
}

#[tokio::test]
async fn a_session_continues_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let file = with_events()
        + "  journeys:\n    - {name: booking, steps: [date, time], idle_timeout: 1d}\n";
    let began = clock::now().as_millis() / 1000 - 10_000;
    let step = |id: &str, step: &str, outcome: &str, at: i64| {
        let mut event = event(id, "step", at);
        event["journey"] = "booking".into();
        event["step"] = step.into();
        event["outcome"] = outcome.into();
        event
    };
    let of_step = |name: &str| {
        let labels = r#"journey="booking",version="1",variant="none",step="date""#;
        series(&format!("whatsapp_journey_step_{name}"), labels)
    };
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "numbers").await;
    post_events(&exporter, &[step("1", "date", "entered", began)]).await;
    exporter.until(of_step("entered_total"), 1.0).await;
    exporter.stopped().await;
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let batch = [
        step("2", "date", "answered", began + 40),
        step("3", "date", "entered", began + 60),
    ];
    assert_eq!(
        post_events(&exporter, &batch).await,
        ["2 accepted", "3 accepted"]
    );
    exporter.until(of_step("seconds_sum"), 40.0).await;
    assert_eq!(exporter.value(&of_step("reentries_total")).await, Some(1.0));
    let started = series(
        "whatsapp_journey_sessions_started_total",
        r#"journey="booking",version="1",variant="none""#,
    );
    assert_eq!(exporter.value(&started).await, Some(1.0));
}

/// The batch may be in any order, and come hours later: an application was offline.
#[tokio::test]
async fn an_old_batch_of_a_whole_session_is_one_session() {
    let file = with_events()
        + "  journeys:\n    - {name: booking, steps: [date, time], idle_timeout: 10m}\n";
    let exporter = Exporter::configured(small_world(), &file).await;
    exporter.until_polled(WABA, "numbers").await;
    let began = clock::now().as_millis() / 1000 - 10_000;
    let of_journey = |id: &str, kind: &str, at: i64, more: Value| {
        let mut event = event(id, kind, began + at);
        event["journey"] = "booking".into();
        let fields = more.as_object().expect("fields").clone();
        event.as_object_mut().expect("an event").extend(fields);
        event
    };
    let step = |id: &str, step: &str, outcome: &str, at: i64| {
        of_journey(id, "step", at, json!({"step": step, "outcome": outcome}))
    };
    let batch = [
        of_journey("5", "goal", 1_200, json!({})),
        step("1", "date", "entered", 0),
        step("4", "time", "answered", 1_100),
        step("2", "date", "answered", 500),
        step("3", "time", "entered", 600),
    ];
    post_events(&exporter, &batch).await;
    let sessions = |name: &str| {
        let labels = r#"journey="booking",version="1",variant="none""#;
        series(&format!("whatsapp_journey_sessions_{name}_total"), labels)
    };
    exporter.until(sessions("completed"), 1.0).await;
    assert_eq!(exporter.value(&sessions("started")).await, Some(1.0));
    assert_eq!(exporter.value(&sessions("abandoned")).await, Some(0.0));
}

/// The API requires the fields that its description requires, and accepts those that it allows.
#[tokio::test]
async fn the_description_matches_the_api() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter.file.write(&with_events());
    assert_eq!(exporter.reload().await.0, 200);
    let text = exporter.get("/v1/openapi.json").await;
    let description: Value = serde_json::from_str(&text).expect("JSON");
    let now = clock::now().as_millis() / 1000;
    let on_journey = |id: &str, kind: &str, more: Value| {
        let mut event = event(id, kind, now);
        event["journey"] = "booking".into();
        event["version"] = "2".into();
        let fields = more.as_object().expect("an object").clone();
        event.as_object_mut().expect("an object").extend(fields);
        event
    };
    let step = json!({"step": "date", "outcome": "entered", "variant": "A"});
    for (name, whole) in [
        ("Inbound", event("a", "inbound", now)),
        ("Reply", reply("b", "agent", now)),
        ("Step", on_journey("c", "step", step)),
        ("Goal", on_journey("d", "goal", json!({}))),
        (
            "Variant",
            on_journey("e", "variant", json!({"variant": "A"})),
        ),
    ] {
        let schema = &description["components"]["schemas"][name];
        let properties = schema["properties"].as_object().expect("properties");
        let written = whole.as_object().expect("an object");
        assert!(
            properties.keys().eq(written.keys()),
            "{name}: {properties:?}"
        );
        assert_eq!(schema["properties"]["type"]["const"], whole["type"]);
        for key in properties.keys() {
            let mut less = whole.clone();
            less.as_object_mut().expect("an object").remove(key);
            less["id"] = format!("{name} without {key}").into();
            if key == "id" {
                less.as_object_mut().expect("an object").remove("id");
            }
            let is_needed = schema["required"]
                .as_array()
                .expect("a list")
                .contains(&json!(key));
            let result = post_events(&exporter, &[less]).await.remove(0);
            assert_eq!(
                result.ends_with("rejected"),
                is_needed,
                "{name} without {key}: {result}"
            );
        }
        assert!(post_events(&exporter, &[whole]).await[0].ends_with("accepted"));
    }
}
