//! Real sockets: signed webhooks to `/webhook`, the figures on `/metrics`, and a restart between them.

use serde_json::json;
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::world::HOME_BUSINESS_ID;

use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};
use crate::trackers::durable::{CUSTOMER, holds, inbound};

const OTHER_CUSTOMER: &str = "15550177343";

fn delivered(customer: &str, id: &str, at: i64) -> Vec<u8> {
    let status = json!({
        "recipient_id": customer, "recipient_user_id": user_id(customer), "id": id, "timestamp": at.to_string(), "status": "delivered",
    });
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100199", "phone_number_id": NUMBER},
        "statuses": [status],
    });
    let changes = json!([{"field": "messages", "value": value}]);
    let body =
        json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]});
    serde_json::to_vec(&body).expect("JSON")
}

fn user_id(customer: &str) -> String {
    format!("US.77{customer}")
}

#[tokio::test]
async fn a_call_and_a_late_message_open_windows_and_a_restart_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("state.db");
    let store = format!("sqlite:{}", database.display());
    let file = config_file(SELDOM, &[WABA]);
    let series =
        |name: &str| format!(r#"whatsapp_portfolio_{name}{{business_id="{HOME_BUSINESS_ID}"}}"#);
    let recipients = series("recipients");
    let now = clock::now().as_millis() / 1000;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "account").await;
    exporter.until_polled(WABA, "numbers").await;
    assert_eq!(
        exporter
            .post_signed(delivered(CUSTOMER, "wamid.A", now - 600))
            .await,
        200
    );
    exporter.until(recipients.clone(), 1.0).await;
    // The other customer calls, so a message to them is free.
    let call = json!({"change": "customer_called", "phone_number_id": NUMBER, "wa_id": OTHER_CUSTOMER,
        "user_id": user_id(OTHER_CUSTOMER), "is_answered": false});
    let call: WorldChange = serde_json::from_value(call).expect("a change");
    exporter.meta.change(call).expect("it can happen");
    exporter.meta.settled().await;
    let called = r#"whatsapp_exporter_webhook_changes_total{field="calls"}"#;
    exporter.until(called.to_owned(), 2.0).await;
    let later = clock::now().as_millis() / 1000 + 1;
    assert_eq!(
        exporter
            .post_signed(delivered(OTHER_CUSTOMER, "wamid.B", later))
            .await,
        200
    );
    assert_eq!(exporter.value(&recipients).await, Some(1.0));
    let limit = exporter.value(&series("messaging_limit")).await;
    let used = exporter.value(&series("messaging_limit_used_ratio")).await;
    assert_eq!(used, limit.map(|limit| 1.0 / limit));
    exporter.stopped().await;

    let exporter = Exporter::stored(small_world(), &file, &store).await;
    assert_eq!(exporter.value(&recipients).await, Some(1.0));
    // Again, and with another id: the same customers, at times when nothing changes.
    for (customer, id, at) in [
        (CUSTOMER, "wamid.A", now - 600),
        (CUSTOMER, "wamid.C", now - 600),
        (OTHER_CUSTOMER, "wamid.D", later),
    ] {
        assert_eq!(exporter.post_signed(delivered(customer, id, at)).await, 200);
    }
    assert_eq!(exporter.value(&recipients).await, Some(1.0));
    // The first customer had written an hour before, by the telephone number alone.
    assert_eq!(
        exporter
            .post_signed(inbound(CUSTOMER, "wamid.E", now - 4_200))
            .await,
        200
    );
    assert_eq!(exporter.value(&recipients).await, Some(0.0));
    let page = exporter.get("/").await;
    assert!(page.contains("customers in 24 h (coverage"), "{page}");
    exporter.stopped().await;
    for customer in [CUSTOMER, OTHER_CUSTOMER] {
        assert!(!holds(&database, customer), "{customer} is in the store");
    }
}
