//! A campaign across a restart of the exporter.

use serde_json::Value;
use whatsapp_business_exporter::clock;

use super::{TELEPHONE, USER, message, status, stop, webhook};
use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};
use crate::trackers::durable::holds;

#[tokio::test]
async fn a_campaign_continues_after_a_restart_and_undeclared_values_appear_nowhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let secret = "undeclared-value-4711";
    let file = config_file(SELDOM, &[WABA])
        + "trackers:\n  campaigns: [spring, {value: summer-value, name: summer}]\n";
    let began = clock::now().as_millis() / 1000 - 10_000;
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    let post = async |exporter: &Exporter, field: &str, list: &str, item: Value| {
        let body = webhook(WABA, NUMBER, field, list, &item);
        assert_eq!(exporter.post_signed(body).await, 200);
    };
    let of = |campaign: &str, stage: &str| {
        format!(r#"whatsapp_campaign_messages_total{{campaign="{campaign}",stage="{stage}"}}"#)
    };
    assert_eq!(exporter.value(&of("summer", "sent")).await, Some(0.0));
    for data in ["spring", "summer-value", secret] {
        let item = status(&format!("wamid.{data}"), "sent", data, began);
        post(&exporter, "messages", "statuses", item).await;
    }
    let delivered = || status("wamid.summer-value", "delivered", "summer-value", began + 2);
    post(&exporter, "messages", "statuses", delivered()).await;
    exporter.until(of("summer", "delivered"), 1.0).await;
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    post(&exporter, "messages", "statuses", delivered()).await;
    post(
        &exporter,
        "messages",
        "messages",
        message("wamid.I", began + 90),
    )
    .await;
    post(
        &exporter,
        "user_preferences",
        "user_preferences",
        stop(began + 95),
    )
    .await;
    for (campaign, stage, count) in [
        ("summer", "replied", 1.0),
        ("summer", "opted_out", 1.0),
        ("summer", "delivered", 1.0),
        ("summer", "sent", 1.0),
        ("spring", "sent", 1.0),
        ("spring", "replied", 0.0),
    ] {
        exporter.until(of(campaign, stage), count).await;
    }
    let text = exporter.get("/metrics").await;
    assert!(!text.contains(secret) && !text.contains("summer-value"));
    exporter.stopped().await;
    for file in std::fs::read_dir(folder.path()).expect("the folder") {
        let path = file.expect("a file").path();
        for text in [secret, TELEPHONE, USER] {
            assert!(!holds(&path, text), "{}", path.display());
        }
    }
    assert!(holds(&database, "summer"), "the right file was looked into");
}
