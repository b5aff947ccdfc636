//! From Meta to the pager: the simulated Meta flags a number and lowers its rating, the exporter shows it, a real
//! Prometheus evaluates the shipped rules, and a real Alertmanager routes by the shipped configuration. The receivers
//! get warnings in a group for the account, and each critical alert by itself. Resolved alerts are sent too.

use serde_json::Value;
use whatsapp_business_exporter::simulator::change::WorldChange;

use super::chain::Chain;
use super::pages::{Page, alert_of};
use crate::exporter::meta::{Exporter, NUMBER, OFTEN, WABA, small_world};

/// Seconds for minutes.
const TIMES: f64 = 60.0;

fn rate(rating: &str) -> WorldChange {
    WorldChange::QualityRatingChanged {
        phone_number_id: NUMBER.to_owned(),
        quality_rating: rating.to_owned(),
    }
}

fn description(page: &Page, status: &str, alert: &str) -> String {
    let alert = alert_of(&page.body, status, alert).expect("it was looked for");
    let text = alert["annotations"]["description"].as_str();
    text.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_intended_receivers_get_firing_and_resolved_alerts() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    let chain = Chain::over(exporter.address(), TIMES);
    let until_received = |receiver, status, alert| {
        tokio::task::block_in_place(|| chain.until_received(receiver, status, alert))
    };

    let flag = WorldChange::NumberFlagged {
        phone_number_id: NUMBER.to_owned(),
    };
    exporter.meta.change(flag).expect("the number is there");
    let received = until_received("chat", "firing", "WhatsAppNumberFlagged");
    assert_eq!(received.body["groupLabels"]["waba_id"], WABA);
    assert_eq!(
        received.body["groupLabels"]["alertname"],
        Value::Null,
        "one group for the account"
    );
    let words = description(&received, "firing", "WhatsAppNumberFlagged");
    assert!(
        words.starts_with("Fern & Moss (+1 555-010-0199) is flagged"),
        "{words}"
    );

    exporter
        .meta
        .change(rate("RED"))
        .expect("the number is there");
    let paged = until_received("pager", "firing", "WhatsAppNumberQualityLow");
    // A critical alert is its own group: it does not join an incident that somebody has acknowledged.
    let group = &paged.body["groupLabels"];
    assert_eq!(group["waba_id"], WABA);
    assert_eq!(group["phone_number_id"], NUMBER);
    assert_eq!(group["alertname"], "WhatsAppNumberQualityLow");
    assert_eq!(group["instance"], Value::Null);
    assert_eq!(paged.body["alerts"].as_array().map(Vec::len), Some(1));
    let words = description(&paged, "firing", "WhatsAppNumberQualityLow");
    assert_eq!(words, "Fern & Moss (+1 555-010-0199) is rated RED.");

    exporter
        .meta
        .change(rate("GREEN"))
        .expect("the number is there");
    until_received("pager", "resolved", "WhatsAppNumberQualityLow");
    // The rating fell, and the alert about the low rating inhibits that. Chat gets neither meanwhile.
    let chatted = |alert| chain.pages.of("chat", "firing", alert).len();
    assert_eq!(chatted("WhatsAppNumberQualityLow"), 0);
    assert_eq!(chatted("WhatsAppNumberQualityMedium"), 0);
    assert_eq!(
        chain
            .pages
            .of("pager", "firing", "WhatsAppNumberFlagged")
            .len(),
        0
    );
}
