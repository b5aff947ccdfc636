//! Daily figures, from the configuration to `/metrics`, the API and the backfill.

use std::time::Duration;

use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::world::{
    InsightsAccess, MessageBatch, MessageStage, World,
};
use whatsapp_business_exporter::simulator::{Endpoint, Handle};

use super::meta::{Exporter, NUMBER, OFTEN, TEMPLATE, WABA, config_file, small_world};
use crate::process::outcome;

const DAY: i64 = 86_400;

/// Start of the current day of UTC.
fn today() -> i64 {
    let now = clock::now().as_millis() / 1000;
    now - now.rem_euclid(DAY)
}

/// The small world, with messages of the template on the last two days.
fn world_with_messages(insights: InsightsAccess) -> World {
    let mut world = small_world();
    world.accounts.get_mut(WABA).expect("it exists").insights = insights;
    for (days_ago, count) in [(1, 10), (2, 20)] {
        let batch = MessageBatch {
            template_id: Some(TEMPLATE.to_owned()),
            phone_number_id: NUMBER.to_owned(),
            category: "marketing".to_owned(),
            pricing_type: "regular".to_owned(),
            sent_at: today() - days_ago * DAY + 3_600,
            count,
        };
        let price = 100_000;
        let stages = [
            MessageStage::Sent,
            MessageStage::Delivered { price },
            MessageStage::Read,
        ];
        for stage in stages {
            world.messages.count(&batch, stage, batch.sent_at);
        }
    }
    world
}

fn enabled() -> String {
    config_file(OFTEN, &[WABA]) + &format!("insights:\n  enabled: true\n  interval: {OFTEN}\n")
}

fn sent() -> String {
    format!(
        "whatsapp_message_template_daily_messages{{waba_id=\"{WABA}\",template_id=\"{TEMPLATE}\",stage=\"sent\"}} 10"
    )
}

/// The exporter's series about the account's polls of insights.
fn polls_of_insights(text: &str) -> Vec<&str> {
    let account = format!("waba_id=\"{WABA}\"");
    let is_poll = |line: &&str| {
        line.starts_with("whatsapp_exporter_poll_")
            && line.contains("collector=\"insights\"")
            && line.contains(&account)
    };
    text.lines().filter(is_poll).collect()
}

/// The series of a poll that is under way when insights are turned off do not come back when it ends.
#[tokio::test]
async fn a_poll_that_is_under_way_when_insights_are_turned_off_has_no_series() {
    let world = world_with_messages(InsightsAccess::Enabled);
    let off = config_file(OFTEN, &[WABA]);
    let exporter = Exporter::configured(world, &off).await;
    exporter.until_polled(WABA, "templates").await;
    for endpoint in [Endpoint::TemplateAnalytics, Endpoint::PricingAnalytics] {
        let slow = Fault::Hang { milliseconds: 500 };
        exporter.meta.fault(Some(endpoint), None, slow);
    }
    exporter.file.write(&enabled());
    assert_eq!(exporter.reload().await.0, 200);
    let asked = |meta: &Handle| {
        let of = |endpoint| meta.request_count(endpoint);
        of(Endpoint::TemplateAnalytics) + of(Endpoint::PricingAnalytics) > 0
    };
    exporter.meta.until(asked).await;
    exporter.file.write(&off);
    assert_eq!(exporter.reload().await.0, 200);
    // Several times as long as the poll would take.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let text = exporter.get("/metrics").await;
    assert_eq!(polls_of_insights(&text), [""; 0]);
}

#[tokio::test]
async fn figures_are_polled_where_enabled_and_leave_with_the_setting() {
    let world = world_with_messages(InsightsAccess::Enabled);
    let exporter = Exporter::configured(world, &enabled()).await;
    exporter
        .until_metrics("the figures", |text| text.contains(&sent()))
        .await;
    let text = exporter.get("/metrics").await;
    for line in [
        format!(
            "whatsapp_message_template_daily_cost{{waba_id=\"{WABA}\",template_id=\"{TEMPLATE}\",currency=\"EUR\"}} 1\n"
        ),
        format!(
            "whatsapp_phone_number_daily_volume{{waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\",category=\"marketing\",pricing_type=\"regular\"}} 10\n"
        ),
        format!("whatsapp_business_account_insights_enabled{{waba_id=\"{WABA}\"}} 1\n"),
        format!(
            "whatsapp_exporter_poll_up{{app=\"default\",collector=\"insights\",waba_id=\"{WABA}\"}} 1\n"
        ),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    let page = exporter.get("/").await;
    assert!(page.contains("insights"), "the age of the figures");
    exporter.file.write(&config_file(OFTEN, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let text = exporter.get("/metrics").await;
    assert_eq!(polls_of_insights(&text), [""; 0]);
    let calls = exporter.meta.request_count(Endpoint::PricingAnalytics);
    exporter.until_polled(WABA, "numbers").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        exporter.meta.request_count(Endpoint::PricingAnalytics),
        calls
    );
}

#[tokio::test]
async fn without_the_setting_nothing_is_requested() {
    let world = world_with_messages(InsightsAccess::Enabled);
    let exporter = Exporter::watching(world, OFTEN).await;
    exporter.until_polled(WABA, "numbers").await;
    for endpoint in [Endpoint::TemplateAnalytics, Endpoint::PricingAnalytics] {
        assert_eq!(exporter.meta.request_count(endpoint), 0);
    }
    let text = exporter.get("/metrics").await;
    assert!(!text.contains("collector=\"insights\",waba_id"), "{text}");
    assert!(!exporter.get("/").await.contains("insights not yet"));
}

#[tokio::test]
async fn a_refusal_does_not_fail_the_poll() {
    let world = world_with_messages(InsightsAccess::Disabled);
    let exporter = Exporter::configured(world, &enabled()).await;
    exporter.until_polled(WABA, "insights").await;
    let text = exporter.get("/metrics").await;
    let line = format!("whatsapp_business_account_insights_enabled{{waba_id=\"{WABA}\"}} 0\n");
    assert!(text.contains(&line), "{text}");
    assert_eq!(exporter.meta.request_count(Endpoint::TemplateAnalytics), 0);
    assert!(exporter.meta.request_count(Endpoint::PricingAnalytics) > 0);
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
async fn the_api_returns_days_as_json_and_csv_in_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let world = world_with_messages(InsightsAccess::Enabled);
    let exporter = Exporter::stored(world, &enabled(), &store).await;
    exporter
        .until_metrics("the figures", |text| text.contains(&sent()))
        .await;
    let json = |query: String| {
        let path = format!("/api/v1/insights?{query}");
        let exporter = &exporter;
        async move {
            let text = exporter.get(&path).await;
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
        }
    };
    let all = json(String::new()).await;
    assert_eq!(all["days"].as_array().map(Vec::len), Some(4), "{all}");
    assert_eq!(all["next_offset"], serde_json::Value::Null);
    let template = json(format!("template_id={TEMPLATE}")).await;
    let days = template["days"].as_array().expect("a list");
    assert_eq!(days.len(), 2, "{template}");
    assert_eq!(
        (&days[0]["sent"], &days[1]["sent"]),
        (&20.into(), &10.into())
    );
    assert_eq!(
        (&days[1]["cost"], &days[1]["currency"]),
        (&1.0.into(), &"EUR".into())
    );
    assert_eq!(days[1]["clicked"], 0, "its id is odd, so it has buttons");
    assert_eq!(days[1]["volume"], serde_json::Value::Null);
    let number = json(format!("phone_number_id={NUMBER}&limit=1")).await;
    assert_eq!(number["days"][0]["volume"], 20, "{number}");
    assert_eq!(number["next_offset"], 1);
    let rest = json(format!("phone_number_id={NUMBER}&limit=1&offset=1")).await;
    assert_eq!(
        (&rest["days"][0]["volume"], &rest["next_offset"]),
        (&10.into(), &serde_json::Value::Null)
    );
    let recent = json(format!("from={}", today() - DAY)).await;
    assert_eq!(recent["days"].as_array().map(Vec::len), Some(2), "{recent}");
    let none = json("waba_id=1".to_owned()).await;
    assert_eq!(none["days"], serde_json::json!([]));
    let csv = exporter
        .get(&format!(
            "/api/v1/insights?template_id={TEMPLATE}&format=csv&limit=1"
        ))
        .await;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 2, "{csv}");
    assert!(
        lines[0].starts_with("start,waba_id,template_id,") && lines[0].ends_with(",cost,currency")
    );
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    assert!(lines[1].ends_with(",2.0,EUR"), "{csv}");
    for (query, why) in [
        ("limit=0", "limit: must be 1 to 10000"),
        ("limit=10001", "limit: must be 1 to 10000"),
        ("template_id=x", "template_id: must be digits"),
        ("from=now&to=30d", "from: must not be after to"),
        ("from=yesterday", "from: "),
        ("colour=red", "colour"),
    ] {
        let url = format!("{}/api/v1/insights?{query}", exporter.url);
        let answer = exporter.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{query}");
        let text = answer.text().await.expect("a body");
        assert!(text.contains(why), "{query}: {text}");
    }
    // The past of the same store, while the exporter runs.
    let since = format!("--since={}", today() - 2 * DAY);
    let until = format!("--until={}", today() + DAY);
    let store = format!("--store.url={store}");
    let arguments = [
        "backfill",
        &store,
        &since,
        &until,
        "--step=4m",
        "--label=job=w",
    ];
    let arguments = arguments.map(ToOwned::to_owned);
    let written = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        outcome(&arguments, &[])
    });
    let written = written.await.expect("it ends");
    assert_eq!(written.code, Some(0), "{}", written.log);
    let series = format!(
        "whatsapp_message_template_daily_messages{{waba_id=\"{WABA}\",template_id=\"{TEMPLATE}\",job=\"w\",stage=\"sent\"}}"
    );
    let value_at = |time: i64| {
        let mut lines = written
            .out
            .lines()
            .filter_map(|line| line.strip_prefix(&series));
        let end = format!(" {time}");
        let value = lines.find(|line| line.ends_with(&end))?;
        value.trim().split(' ').next().map(str::to_owned)
    };
    assert_eq!(
        value_at(today() - 2 * DAY),
        None,
        "the first day is not over"
    );
    assert_eq!(value_at(today() - DAY).as_deref(), Some("20"));
    assert_eq!(value_at(today() - 240).as_deref(), Some("20"));
    assert_eq!(value_at(today()).as_deref(), Some("10"));
    let volume = format!(
        "whatsapp_phone_number_daily_volume{{waba_id=\"{WABA}\",phone_number_id=\"{NUMBER}\",job=\"w\",category=\"marketing\",pricing_type=\"regular\"}} 20 {}",
        today() - DAY
    );
    assert!(written.out.contains(&volume), "{volume}");
}
