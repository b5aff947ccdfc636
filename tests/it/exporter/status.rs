//! The status page and its JSON.

use serde_json::{Value, json};
use whatsapp_business_exporter::app::ConfigSources;
use whatsapp_business_exporter::app::doctor::{examine, keep};
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};

use super::meta::{Exporter, NUMBER, OFTEN, SELDOM, WABA, config_file, small_world};

/// An account in which all is well, whose id comes before the other's.
const CALM: &str = "100100200300400";

impl Exporter {
    /// The status and the JSON of a response.
    async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await;
        let answer = answer.expect("the exporter answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    async fn status(&self) -> Value {
        let (status, body) = self.json("/api/v1/status").await;
        assert_eq!(status, 200, "{body}");
        body
    }
}

fn flag() -> WorldChange {
    WorldChange::NumberFlagged {
        phone_number_id: NUMBER.to_owned(),
    }
}

/// The values of a timeline, oldest first, `?` for an unknown one.
fn values(timeline: &Value) -> Vec<&str> {
    let segments = timeline.as_array().expect("a list");
    segments
        .iter()
        .map(|segment| segment["value"].as_str().unwrap_or("?"))
        .collect()
}

#[tokio::test]
async fn a_flag_is_on_the_page_and_in_the_json_when_its_webhook_is_acknowledged() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    assert_eq!(
        exporter.status().await["accounts"][0]["phone_numbers"][0]["level"],
        "fine"
    );
    exporter.meta.change(flag()).expect("the number is there");
    exporter.meta.settled().await;
    let status = exporter.status().await;
    let number = &status["accounts"][0]["phone_numbers"][0];
    assert_eq!(number["level"], "critical");
    let left = number["flag"]["meta_acts"]["in_seconds"].as_i64();
    let week = 7 * 86_400;
    assert!(
        left.is_some_and(|left| (week - 600..=week).contains(&left)),
        "{number}"
    );
    let page = exporter.get("/").await.replace('\u{a0}', " ");
    assert!(
        page.contains("flagged; Meta takes action in 6 d 23 h"),
        "{page}"
    );
    assert!(page.contains("1 critical"), "{page}");
}

#[tokio::test]
async fn timelines_show_earlier_states() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    exporter.meta.change(flag()).expect("the number is there");
    let red = format!(
        r#"whatsapp_phone_number_quality_rating{{waba_id="{WABA}",phone_number_id="{NUMBER}",quality_rating="RED"}}"#
    );
    exporter.until(red, 1.0).await;
    let status = exporter.status().await;
    let timelines = &status["accounts"][0]["phone_numbers"][0]["timelines"];
    assert_eq!(values(&timelines["quality_rating"]), ["?", "GREEN", "RED"]);
    assert_eq!(values(&timelines["status"]), ["?", "CONNECTED", "FLAGGED"]);
    let page = exporter.get("/").await;
    assert!(
        page.contains("unknown for 29\u{a0}days, then GREEN for "),
        "{page}"
    );
}

#[tokio::test]
async fn losses_reported_by_meta_are_critical_with_their_time() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    assert_eq!(exporter.status().await["level"], "fine");
    let removed = json!({"change": "account_event", "waba_id": WABA, "event": "PARTNER_REMOVED"});
    let removed = serde_json::from_value(removed).expect("a change");
    exporter.meta.change(removed).expect("the account is there");
    exporter
        .meta
        .change(WorldChange::NumberStatusChanged {
            phone_number_id: NUMBER.to_owned(),
            status: "DISCONNECTED".to_owned(),
        })
        .expect("the number is there");
    exporter.meta.settled().await;
    let disconnected = format!(
        r#"whatsapp_phone_number_status{{waba_id="{WABA}",phone_number_id="{NUMBER}",status="DISCONNECTED"}}"#
    );
    exporter.until(disconnected, 1.0).await;
    let status = exporter.status().await;
    let account = &status["accounts"][0];
    assert_eq!(account["last_events"][0]["event"], "PARTNER_REMOVED");
    assert_eq!(account["last_events"][0]["level"], "critical");
    let number = &account["phone_numbers"][0];
    assert_eq!(
        (&number["status_level"], &number["level"]),
        (&json!("critical"), &json!("critical"))
    );
    assert!(
        number["status_since"]["age_seconds"]
            .as_u64()
            .is_some_and(|age| age < 600),
        "{number}"
    );
    let last_event = format!(
        r#"whatsapp_business_account_last_event_timestamp_seconds{{waba_id="{WABA}",event="PARTNER_REMOVED"}}"#
    );
    assert!(exporter.value(&last_event).await > Some(1_700_000_000.0));
    let page = exporter.get("/").await;
    assert!(page.contains(", previously CONNECTED"), "{page}");
}

#[tokio::test]
async fn a_number_that_was_always_disconnected_is_not_an_issue() {
    let mut world = small_world();
    let number = world.phone_numbers.get_mut(NUMBER).expect("it is there");
    "DISCONNECTED".clone_into(&mut number.status);
    let exporter = Exporter::watching(world, OFTEN).await;
    let status = exporter.status().await;
    assert_eq!(status["level"], "fine", "{status}");
    assert_eq!(
        status["accounts"][0]["phone_numbers"][0]["status_level"],
        "neutral"
    );
}

#[tokio::test]
async fn watching_no_accounts_is_shown() {
    let file =
        "poll: {discovery_interval: 1h}\napps:\n  - {discover_by_token: true, exclude: '.*'}\n";
    let exporter = Exporter::configured(small_world(), file).await;
    let status = exporter.status().await;
    assert_eq!(status["level"], "critical");
    assert_eq!(status["attention"]["items"][0]["subject"], "Accounts");
    let page = exporter.get("/").await;
    assert!(page.contains("no accounts are watched"), "{page}");
}

#[tokio::test]
async fn accounts_come_worst_first_and_in_parts() {
    let world = small_world()
        .with_account(Account::new(CALM, "Harbour Lane Bakery"))
        .with_phone_number(
            CALM,
            PhoneNumber::new("900100200300401", "+1 555-010-0101", "Harbour Lane Bakery"),
        );
    let exporter = Exporter::watching(world, SELDOM).await;
    exporter.meta.change(flag()).expect("the number is there");
    exporter.meta.settled().await;
    let (_, first) = exporter.json("/api/v1/status?limit=1").await;
    assert_eq!(first["accounts"][0]["waba_id"], WABA);
    assert_eq!(first["next_offset"], 1);
    let (_, second) = exporter.json("/api/v1/status?limit=1&offset=1").await;
    assert_eq!(second["accounts"][0]["waba_id"], CALM);
    assert_eq!(second["next_offset"], Value::Null);
    let (_, one) = exporter
        .json(&format!("/api/v1/status?waba_id={CALM}"))
        .await;
    assert_eq!(one["accounts"][0]["level"], "fine");
    assert_eq!(one["level"], "critical", "elsewhere it is not");
    assert_eq!(second["previous_offset"], 0);
    let (_, found) = exporter.json("/api/v1/status?q=%2B1%20555-010-0101").await;
    assert_eq!(found["accounts_found"], 1);
    assert_eq!(found["accounts"][0]["waba_id"], CALM);
    let page = exporter.get(&format!("/?waba_id={CALM}")).await;
    assert!(page.contains("1 account more"), "{page}");
    assert!(
        page.contains(&format!("\"?waba_id={WABA}#number-{NUMBER}\"")),
        "{page}"
    );
}

#[tokio::test]
async fn a_bad_query_is_rejected_with_the_reason() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    for (query, status, why) in [
        (
            "q=fern&waba_id=1",
            400,
            "waba_id: cannot be combined with q",
        ),
        ("waba_id=fern", 400, "waba_id: must be the digits"),
        ("waba_id=1", 404, "waba_id: 1 is not watched"),
        ("limit=0", 400, "limit: must be 1 to 100"),
        ("limit=101", 400, "limit: must be 1 to 100"),
        ("limit=many", 400, "limit"),
        ("offset=-1", 400, "offset"),
        ("account=1", 400, "account"),
    ] {
        let (answered, body) = exporter.json(&format!("/api/v1/status?{query}")).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert_eq!(answered, status, "{query}: {body}");
        assert!(error.contains(why), "{query}: {body}");
        let page = exporter
            .http
            .get(format!("{}/?{query}", exporter.url))
            .send()
            .await;
        assert_eq!(
            page.expect("it answers").status().as_u16(),
            status,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_page_lets_nothing_in_but_its_own_style() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let page = exporter.http.get(format!("{}/", exporter.url)).send().await;
    let page = page.expect("it answers");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn findings_of_doctor_are_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}/exporter.db", folder.path().display());
    let file = config_file(SELDOM, &[WABA]);
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "numbers").await;
    assert_eq!(exporter.status().await["doctor"]["looked"], Value::Null);
    let source = ConfigSources {
        flags: exporter.flags(),
        environment: Box::new(exporter.file.clone()),
    };
    let report = examine(&source).await.expect("it can look");
    assert!(report.unknown > 0, "no public address is configured");
    keep(&source, &report).await.expect("the folder is ours");
    let status = exporter.status().await;
    assert_eq!(status["doctor"]["problems"], report.problems);
    assert_eq!(status["doctor"]["unknown"], report.unknown);
    let page = exporter.get("/").await;
    assert!(page.contains("webhook.callback_url is not set"), "{page}");

    let kept = folder.path().join("exporter.db.doctor.json");
    std::fs::write(&kept, "{").expect("the file is there");
    let page = exporter.get("/").await;
    assert!(page.contains("is not a report of `doctor`"), "{page}");
    assert!(
        page.contains("+1 555-010-0199"),
        "the rest is shown: {page}"
    );
}
