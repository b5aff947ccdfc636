//! One phone number that two accounts list: it has the series of both, and counts once.

use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::world::Account;

use super::meta::{Exporter, NUMBER, OFTEN, WABA, config_file, small_world};

/// An account whose id comes after the other's.
const OTHER: &str = "900800200300400";

fn of(waba_id: &str, metric: &str, label: &str) -> String {
    format!(r#"{metric}{{waba_id="{waba_id}",phone_number_id="{NUMBER}"{label}}}"#)
}

#[tokio::test]
async fn a_shared_number_is_under_both_accounts_and_counts_once() {
    let world = small_world().with_account(Account::new(OTHER, "Reseller"));
    let exporter = Exporter::configured(world, &config_file(OFTEN, &[WABA, OTHER])).await;
    let share = |is_shared| {
        let change = WorldChange::NumberShared {
            phone_number_id: NUMBER.into(),
            waba_id: OTHER.into(),
            is_shared,
        };
        exporter.meta.change(change).expect("the world has both");
    };
    let again = |waba_id| of(waba_id, "whatsapp_phone_number_listed_again", "");
    share(true);
    exporter.until(again(OTHER), 1.0).await;
    exporter
        .meta
        .change(WorldChange::QualityRatingChanged {
            phone_number_id: NUMBER.into(),
            quality_rating: "RED".into(),
        })
        .expect("the world has the number");
    let rating = |waba_id| {
        let label = r#",quality_rating="RED""#;
        of(waba_id, "whatsapp_phone_number_quality_rating", label)
    };
    exporter.until(rating(WABA), 1.0).await;
    exporter.until(rating(OTHER), 1.0).await;
    assert_eq!(exporter.value(&again(WABA)).await, None);
    let status = exporter.get("/api/v1/status").await;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["summary"]["accounts"], 2);
    assert_eq!(status["summary"]["phone_numbers"], 1);
    assert_eq!(status["summary"]["phone_numbers_by_rating"]["RED"], 1);
    let items = status["attention"]["items"].as_array().expect("a list");
    let of_number = items
        .iter()
        .filter(|item| item["phone_number_id"] == NUMBER);
    let accounts: Vec<_> = of_number.map(|item| item["waba_id"].clone()).collect();
    assert_eq!(accounts, [WABA]);
    // Both accounts show the number, and have its state.
    for account in status["accounts"].as_array().expect("a list") {
        assert_eq!(account["phone_numbers_total"], 1, "{account}");
        assert_eq!(account["level"], "critical", "{account}");
    }

    share(false);
    exporter
        .until_metrics("one account", |text| {
            !text.contains("whatsapp_phone_number_listed_again{") && !text.contains(&rating(OTHER))
        })
        .await;
}
