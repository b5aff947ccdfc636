//! The event API: who answered is told by an application, each event counts once, and what is wrong is
//! told for each.

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};

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
async fn tell(exporter: &Exporter, events: &[Value]) -> Vec<String> {
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
async fn an_application_says_who_answered_and_meta_that_it_went_out() {
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
    let told = [
        reply("1", "bot", began + 5),
        event("2", "inbound", began + 60),
        reply("3", "agent", began + 90),
    ];
    assert_eq!(
        tell(&exporter, &told).await,
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
        tell(&exporter, &told).await,
        ["1 duplicate", "2 duplicate", "3 duplicate"]
    );
    assert_eq!(exporter.value(&by_agent).await, Some(30.0));
    let duplicates = r#"whatsapp_exporter_events_total{result="duplicate"}"#;
    assert_eq!(exporter.value(duplicates).await, Some(3.0));
}

#[tokio::test]
async fn a_session_goes_on_after_a_restart() {
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
    tell(&exporter, &[step("1", "date", "entered", began)]).await;
    exporter.until(of_step("entered_total"), 1.0).await;
    exporter.stopped().await;
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let told = [
        step("2", "date", "answered", began + 40),
        step("3", "date", "entered", began + 60),
    ];
    assert_eq!(tell(&exporter, &told).await, ["2 accepted", "3 accepted"]);
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
    tell(&exporter, &batch).await;
    let sessions = |name: &str| {
        let labels = r#"journey="booking",version="1",variant="none""#;
        series(&format!("whatsapp_journey_sessions_{name}_total"), labels)
    };
    exporter.until(sessions("completed"), 1.0).await;
    assert_eq!(exporter.value(&sessions("started")).await, Some(1.0));
    assert_eq!(exporter.value(&sessions("abandoned")).await, Some(0.0));
}

#[tokio::test]
async fn one_bad_event_costs_no_other_and_is_told_what_is_wrong() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter.file.write(&with_events());
    assert_eq!(exporter.reload().await.0, 200);
    let now = clock::now().as_millis() / 1000;
    let mut elsewhere = event("2", "inbound", now);
    elsewhere["phone_number_id"] = "1".into();
    let events = [
        event("1", "inbound", now),
        elsewhere,
        json!({"id": "3"}),
        event("1", "inbound", now),
    ];
    let batch = json!({ "events": events }).to_string();
    let (status, answer) = post(&exporter, TOKEN, batch).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer["results"],
        json!([
            {"id": "1", "result": "accepted"},
            {"id": "2", "result": "rejected", "error": "phone_number_id: is not a phone number of a watched account; polls find new numbers"},
            {"id": "3", "result": "rejected", "error": "missing field `type`"},
            {"id": "1", "result": "duplicate"},
        ])
    );
    let waiting = series("whatsapp_conversations_waiting", "");
    assert_eq!(exporter.value(&waiting).await, Some(1.0));
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let exporter = Exporter::configured(small_world(), &with_events()).await;
    let batch = r#"{"events":[]}"#.to_owned();
    for token in ["", "a-token", "a-token-for-events2"] {
        assert_eq!(
            post(&exporter, token, batch.clone()).await.0,
            401,
            "{token:?}"
        );
    }
    let request = exporter.http.post(format!("{}/v1/events", exporter.url));
    let answer = request
        .body(batch.clone())
        .send()
        .await
        .expect("it answers");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        post(&exporter, TOKEN, batch).await,
        (200, json!({"results": []}))
    );
    assert_eq!(post(&exporter, TOKEN, "[]".to_owned()).await.0, 400);
    let large = "x".repeat(1_100_000);
    assert_eq!(post(&exporter, TOKEN, large).await.0, 413);
    for (reason, count) in [
        ("unauthorized", 4.0),
        ("not_a_batch", 1.0),
        ("too_large", 1.0),
    ] {
        let refused =
            format!(r#"whatsapp_exporter_event_batches_refused_total{{reason="{reason}"}}"#);
        assert_eq!(exporter.value(&refused).await, Some(count), "{reason}");
    }
    let shown = exporter.get("/metrics").await + &exporter.get("/").await;
    assert!(!shown.contains(TOKEN));
}

#[tokio::test]
async fn no_error_repeats_a_customer() {
    let exporter = Exporter::configured(small_world(), &with_events()).await;
    for event in [
        json!({"id": "1", "type": CUSTOMER}),
        json!({"id": "2", CUSTOMER: "inbound"}),
        json!(CUSTOMER),
        json!({"id": "3", "type": "inbound", "phone_number_id": CUSTOMER, "customer": CUSTOMER}),
        json!({"id": "4", "type": "inbound", "phone_number_id": NUMBER, "customer": [CUSTOMER]}),
        json!({"id": "5", "type": "inbound", "phone_number_id": NUMBER, "customer": CUSTOMER, "at": CUSTOMER}),
    ] {
        let batch = json!({ "events": [event] }).to_string();
        let (status, answer) = post(&exporter, TOKEN, batch).await;
        assert_eq!(
            (status, &answer["results"][0]["result"]),
            (200, &json!("rejected"))
        );
        assert!(!answer.to_string().contains(CUSTOMER), "{answer}");
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_event_api() {
    let exporter = Exporter::configured(small_world(), &config_file(SELDOM, &[WABA])).await;
    let (status, _) = post(&exporter, TOKEN, r#"{"events":[]}"#.to_owned()).await;
    assert_eq!(status, 404);
}

/// What the description says is needed is needed, and what it allows is taken.
#[tokio::test]
async fn the_description_is_right() {
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
            let result = tell(&exporter, &[less]).await.remove(0);
            assert_eq!(
                result.ends_with("rejected"),
                is_needed,
                "{name} without {key}: {result}"
            );
        }
        assert!(tell(&exporter, &[whole]).await[0].ends_with("accepted"));
    }
}

#[tokio::test]
async fn events_before_every_account_is_listed_are_to_be_sent_again_and_not_rejected() {
    let (other, other_number) = ("800100200300777", "900100200300777");
    let number = PhoneNumber::new(other_number, "+1 555-010-0777", "Bakery");
    let world = small_world()
        .with_account(Account::new(other, "Bakery"))
        .with_phone_number(other, number);
    let exporter = Exporter::configured(world, &with_events()).await;
    exporter.until_polled(WABA, "numbers").await;
    let watch = async |accounts: &[&str]| {
        let file = config_file("1s", accounts);
        let file = format!("{file}trackers:\n  token: {TOKEN}\n");
        exporter.file.write(&file);
        assert_eq!(exporter.reload().await.0, 200);
    };
    // A second account, whose numbers are still being read.
    let numbers = Some(Endpoint::PhoneNumbers);
    let milliseconds = 600_000;
    let hang = exporter
        .meta
        .fault(numbers, None, Fault::Hang { milliseconds });
    watch(&[WABA, other]).await;
    let now = clock::now().as_millis() / 1000;
    let of_number = |id: &str, number: &str| {
        let mut event = event(id, "inbound", now);
        event["phone_number_id"] = number.into();
        event
    };
    let (known, unlisted, foreign) = (
        of_number("known", NUMBER),
        of_number("unlisted", other_number),
        of_number("foreign", "900100200300999"),
    );
    let send = async |events: &[&Value]| {
        let body = json!({ "events": events }).to_string();
        let url = format!("{}/v1/events", exporter.url);
        let request = exporter.http.post(url).bearer_auth(TOKEN).body(body);
        let answer = request.send().await.expect("it answers");
        let retries = answer.headers().contains_key("retry-after");
        (answer.status().as_u16(), retries)
    };
    // A known number is served; a batch with any other waits as a whole.
    assert_eq!(send(&[&known]).await, (200, false));
    for batch in [
        vec![&unlisted],
        vec![&foreign],
        vec![&known, &unlisted],
        vec![&unlisted, &known, &foreign],
    ] {
        assert_eq!(send(&batch).await, (503, true), "{batch:?}");
    }
    let refused = r#"whatsapp_exporter_event_batches_refused_total{reason="not_listed"}"#;
    assert_eq!(exporter.value(refused).await, Some(4.0));
    // What is no event is told at once, whatever is listed.
    let broken =
        json!({"id": "broken", "type": "inbound", "phone_number_id": "x", "customer": CUSTOMER});
    assert_eq!(send(&[&broken]).await, (200, false));
    // Meta's webhooks do not wait for a listing.
    let message = inbound(CUSTOMER, "wamid.EARLY", now);
    assert_eq!(exporter.post_signed(message).await, 200);

    // Polled again, it turns out to be one that cannot be listed, which may last for ever.
    exporter.meta.clear_fault(hang);
    watch(&[WABA]).await;
    let failure = exporter.meta.fault(numbers, None, Fault::ServerErrorPage);
    watch(&[WABA, other]).await;
    let up = format!(
        r#"whatsapp_exporter_poll_up{{app="default",waba_id="{other}",collector="numbers"}}"#
    );
    exporter.until(up, 0.0).await;
    let results = tell(&exporter, &[known.clone(), foreign.clone()]).await;
    assert_eq!(results, ["known duplicate", "foreign rejected"]);

    exporter.meta.clear_fault(failure);
    exporter.until_polled(other, "numbers").await;
    let results = tell(&exporter, &[known, unlisted, foreign]).await;
    assert_eq!(
        results,
        ["known duplicate", "unlisted accepted", "foreign rejected"]
    );
}
