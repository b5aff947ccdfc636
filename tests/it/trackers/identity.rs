//! The identity of a customer: by user id, by telephone number, or both, in webhooks and in events of an application. No id
//! appears in the store, the log or the metrics.

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::{Source, Timestamp};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use super::durable::{holds, series};
use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};
use crate::support::{text_at, waba};

const TOKEN: &str = "a-token-for-events";
const USER: &str = "US.13000000000000000001";
const NEW_USER: &str = "US.13000000000000000002";
const TELEPHONE: &str = "15550177342";

fn change(field: &str, mut value: Value) -> Vec<u8> {
    value["metadata"] = json!({"display_phone_number": "15550100199", "phone_number_id": NUMBER});
    let changes = json!([{"field": field, "value": value}]);
    let body =
        json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]});
    serde_json::to_vec(&body).expect("JSON")
}

async fn deliver(exporter: &Exporter, body: Vec<u8>) {
    assert_eq!(exporter.post_signed(body).await, 200);
}

async fn restarted(exporter: Exporter, file: &str, store: &str) -> Exporter {
    exporter.stopped().await;
    Exporter::stored(small_world(), file, store).await
}

fn asks(id: &str, at: i64) -> Vec<u8> {
    let message =
        json!({"from_user_id": USER, "id": id, "timestamp": at.to_string(), "type": "text"});
    let contact = json!({"profile": {"name": "A", "username": "a.b"}, "user_id": USER});
    change(
        "messages",
        json!({"contacts": [contact], "messages": [message]}),
    )
}

fn status(id: &str, status: &str, at: i64, more: Value) -> Vec<u8> {
    let mut one = more;
    one["id"] = id.into();
    one["status"] = status.into();
    one["timestamp"] = at.to_string().into();
    change("messages", json!({"statuses": [one]}))
}

#[tokio::test]
async fn a_conversation_continues_under_another_id_and_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let file = config_file(SELDOM, &[WABA]);
    let file = format!("{file}trackers:\n  token: {TOKEN}\n");
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    // Some hours ago, so that everything is settled at once.
    let began = clock::now().as_millis() / 1000 - 10_000;
    let answered = |actor: &str| {
        let labels = format!(r#"actor="{actor}",clock="wall""#);
        series("whatsapp_response_seconds_count", &labels)
    };
    let both = json!({"recipient_id": TELEPHONE, "recipient_user_id": USER});
    deliver(&exporter, asks("wamid.1", began)).await;
    deliver(&exporter, status("wamid.2", "sent", began + 60, both)).await;
    exporter.until(answered("unknown"), 1.0).await;

    // A person answers in the app, and the webhook has only the number.
    deliver(&exporter, asks("wamid.3", began + 1_000)).await;
    let echo = json!({"from": "15550100199", "to": TELEPHONE, "id": "wamid.4", "timestamp": (began + 1_060).to_string(), "type": "text"});
    deliver(
        &exporter,
        change("smb_message_echoes", json!({"message_echoes": [echo]})),
    )
    .await;
    exporter.until(answered("agent"), 1.0).await;

    // The customer gets a new id and writes with it. An application uses the telephone number.
    let system = json!({"type": "user_changed_user_id", "previous_user_id": USER, "user_id": NEW_USER, "body": "..."});
    let notice = json!({"from_user_id": USER, "id": "wamid.5", "timestamp": (began + 2_000).to_string(), "type": "system", "system": system});
    deliver(&exporter, change("messages", json!({"messages": [notice]}))).await;
    let question = json!({"from": "", "from_user_id": NEW_USER, "id": "wamid.6", "timestamp": (began + 3_000).to_string(), "type": "text"});
    deliver(
        &exporter,
        change("messages", json!({"messages": [question]})),
    )
    .await;
    let waiting = series("whatsapp_conversations_waiting", "");
    exporter.until(waiting.clone(), 1.0).await;
    let exporter = restarted(exporter, &file, &store).await;
    exporter.until(waiting.clone(), 1.0).await;
    let reply = json!({"id": "r-1", "type": "reply", "actor": "bot", "phone_number_id": NUMBER,
        "customer": "+1 555-017-7342", "at": began + 3_060});
    let url = format!("{}/v1/events", exporter.url);
    let request = exporter.http.post(url).bearer_auth(TOKEN);
    let answer = request.body(json!({"events": [reply]}).to_string()).send();
    assert_eq!(answer.await.expect("it answers").status(), 200);
    exporter.until(answered("bot"), 1.0).await;
    exporter.until(waiting, 0.0).await;
    exporter
        .until(series("whatsapp_conversations_open", ""), 1.0)
        .await;

    let page = exporter.get("/metrics").await;
    for id in [USER, NEW_USER, TELEPHONE] {
        assert!(!page.contains(id), "{id} is on the page");
        for file in std::fs::read_dir(folder.path()).expect("the folder") {
            let path = file.expect("a file").path();
            assert!(!holds(&path, id), "{id} is in {}", path.display());
        }
    }
}

/// The metrics after these deliveries, and the number of repeated events.
fn shown_after(bodies: &[Vec<u8>], now: Timestamp) -> (String, usize) {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let mut state = State::default();
    state.watch([waba()]);
    let mut repeated = 0;
    for body in bodies {
        let delivery = Delivery::parse(body, now, Some(&customers)).expect("JSON");
        for event in delivery.events {
            assert!(matches!(event.source, Source::Webhook(_)));
            repeated += usize::from(state.apply(&event).duplicate);
        }
    }
    (text_at(state.accounts(), now), repeated)
}

#[test]
fn each_message_has_one_price_whichever_status_carries_it() {
    // 2026-11-15
    let at = 1_794_700_800;
    let priced = |id: &str, word: &str, pricing: Value| {
        status(
            id,
            word,
            at,
            json!({"recipient_id": TELEPHONE, "pricing": pricing}),
        )
    };
    let free = json!({"billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"});
    let paid = json!({"billable": true, "pricing_model": "PMP", "type": "regular", "category": "AUTHENTICATION-INTERNATIONAL"});
    let exempt = json!({"billable": false, "pricing_model": "PMP", "type": "regular", "category": "service", "subtype": "paid_exempt"});
    // As it was before there were types.
    let old = json!({"billable": true, "pricing_model": "CBP", "category": "authentication_international"});
    let new = json!({"type": "free_forever", "category": "hologram"});
    let (text, repeated) = shown_after(
        &[
            priced("wamid.1", "sent", free.clone()),
            priced("wamid.1", "read", free.clone()),
            priced("wamid.1", "delivered", free.clone()),
            priced("wamid.1", "delivered", free),
            priced("wamid.2", "read", paid),
            priced("wamid.3", "delivered", old),
            priced("wamid.4", "delivered", exempt),
            priced("wamid.5", "delivered", new),
            priced("wamid.6", "delivered", json!({"type": "regular"})),
            priced("wamid.7", "delivered", Value::Null),
        ],
        Timestamp::from_seconds(at + 60),
    );
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("whatsapp_messages_priced_total"))
        .filter(|line| !line.ends_with(" 0"))
        .collect();
    let sample = |labels: &str, count: u32| {
        format!(
            "{} {count}",
            series("whatsapp_messages_priced_total", labels)
        )
    };
    assert_eq!(
        lines,
        [
            sample(
                r#"category="authentication_international",pricing_type="regular""#,
                1
            ),
            sample(
                r#"category="authentication_international",pricing_type="unknown""#,
                1
            ),
            sample(r#"category="service",pricing_type="regular""#, 1),
            sample(
                r#"category="service",pricing_type="free_customer_service""#,
                1
            ),
            sample(r#"category="OTHER",pricing_type="OTHER""#, 1),
        ]
    );
    let used = series("whatsapp_service_messages_free_tier_used", "");
    assert!(text.contains(&format!("{used} 2\n")), "{text}");
    let limit = series("whatsapp_service_messages_free_tier_limit", "");
    assert!(text.contains(&format!("{limit} 1000\n")), "{text}");
    assert_eq!(
        repeated, 4,
        "two more prices, and a retry of a status with its price"
    );
}

#[test]
fn the_free_messages_are_those_of_the_month() {
    // 2026-10-31T23:59:00Z
    let at = 1_793_491_140;
    let pricing = json!({"type": "free_customer_service", "category": "service"});
    let body = status("wamid.1", "delivered", at, json!({"pricing": pricing}));
    let used = |seconds| {
        let (text, _) = shown_after(
            std::slice::from_ref(&body),
            Timestamp::from_seconds(at + seconds),
        );
        let name = series("whatsapp_service_messages_free_tier_used", "");
        let line = text.lines().find(|line| line.starts_with(&name));
        line.and_then(|line| line.rsplit_once(' ').map(|(_, value)| value.to_owned()))
    };
    assert_eq!(used(30).as_deref(), Some("1"));
    assert_eq!(used(90).as_deref(), Some("0"));
}

#[test]
fn every_code_of_a_failure_is_its_number_up_to_a_ceiling() {
    let at = 1_794_700_800;
    let failed = |code: u32| {
        let errors = json!([{"code": code, "title": "t"}]);
        let id = format!("wamid.{code}");
        status(
            &id,
            "failed",
            at,
            json!({"recipient_id": TELEPHONE, "errors": errors}),
        )
    };
    let bodies: Vec<_> = (0..70).map(|number| failed(200_000 + number)).collect();
    let (text, _) = shown_after(&bodies, Timestamp::from_seconds(at));
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("whatsapp_message_failures_total"))
        .collect();
    assert_eq!(lines.len(), 65);
    let other = series("whatsapp_message_failures_total", r#"error_code="OTHER""#);
    assert_eq!(lines.last(), Some(&format!("{other} 6").as_str()));
}
