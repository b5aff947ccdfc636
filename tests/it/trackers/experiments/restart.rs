//! An experiment across a restart of the exporter.

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;

use super::walk::{Walk, body};
use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};
use crate::trackers::durable::holds;

#[tokio::test]
async fn an_experiment_continues_after_a_restart_without_customer_ids() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let file = config_file(SELDOM, &[WABA])
        + "trackers:\n  journeys:\n    - {name: booking, steps: [date], variants: [short, long], idle_timeout: 10m}\n  \
           experiments:\n    - {name: wording, journey: booking, variants: [short, long], metric: completion, smallest_effect: 10%}\n";
    let began = clock::now().as_millis() / 1000 - 10_000;
    let users = |variant: &str| {
        format!(r#"whatsapp_experiment_users{{experiment="wording",variant="{variant}"}}"#)
    };
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    assert_eq!(exporter.value(&users("short")).await, Some(0.0));
    let mut walk = Walk::new(7, began);
    let asks_and_completes = "journey=booking&step=date&variant=short&goal=1";
    walk.status(0, 1, "sent", asks_and_completes);
    let mut later = Walk::new(7, began);
    later.asked(5_000, 2, "sent", "1", "long");
    let mut other = Walk::new(8, began);
    other.asked(5_000, 1, "sent", "1", "long");
    for (_, change) in &walk.changes {
        assert_eq!(exporter.post_signed(body(change)).await, 200);
    }
    exporter.until(users("short"), 1.0).await;
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    assert_eq!(exporter.value(&users("short")).await, Some(1.0));
    for (_, change) in later.changes.iter().chain(&other.changes) {
        assert_eq!(exporter.post_signed(body(change)).await, 200);
    }
    exporter.until(users("long"), 1.0).await;
    assert_eq!(exporter.value(&users("short")).await, Some(1.0));
    let page: Value = {
        let text = exporter.get("/api/v1/experiments").await;
        serde_json::from_str(&text).expect("JSON")
    };
    let experiment = &page["experiments"][0];
    assert_eq!(experiment["name"], "wording");
    assert_eq!(experiment["metric"], "completion");
    assert_eq!(experiment["smallest_effect"], 0.1);
    let [short, long] = [&experiment["arms"][0], &experiment["arms"][1]];
    assert_eq!(
        (&short["variant"], &long["variant"]),
        (&json!("short"), &json!("long"))
    );
    assert_eq!(
        (&short["users"], &short["successes"]),
        (&json!(1), &json!(1))
    );
    assert_eq!((&long["users"], &long["successes"]), (&json!(1), &json!(0)));
    let needed = short["users_needed"].as_u64().expect("a number");
    assert_eq!(short["users_still_needed"], needed - 1);
    let comparison = &experiment["comparisons"][0];
    assert_eq!(comparison["variant"], "long");
    assert_eq!(comparison["difference"], -1.0);
    assert_eq!(comparison["verdict"], "not_enough");
    assert_eq!(experiment["split"], Value::Null);
    exporter.stopped().await;
    for file in std::fs::read_dir(folder.path()).expect("the folder") {
        let path = file.expect("a file").path();
        assert!(!holds(&path, "15550000007"), "{}", path.display());
    }
}
