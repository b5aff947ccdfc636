//! Polls or webhooks alone are enough, and changes seen by only one source are counted.

use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::webhooks::Travel;

use super::meta::{Exporter, NUMBER, OFTEN, SELDOM, TEMPLATE, WABA, config_file, small_world};

fn template_status(status: &str) -> String {
    format!(
        r#"whatsapp_message_template_status{{waba_id="{WABA}",template_id="{TEMPLATE}",status="{status}"}}"#
    )
}

fn flagged() -> String {
    format!(r#"whatsapp_phone_number_flagged{{waba_id="{WABA}",phone_number_id="{NUMBER}"}}"#)
}

fn disable() -> WorldChange {
    WorldChange::TemplateDisabled {
        template_id: TEMPLATE.to_owned(),
    }
}

#[tokio::test]
async fn a_change_is_on_metrics_when_its_webhook_is_acknowledged() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    assert_eq!(
        exporter.value(&template_status("APPROVED")).await,
        Some(1.0)
    );
    exporter
        .meta
        .change(disable())
        .expect("the template is there");
    exporter.meta.settled().await;
    // An acknowledged delivery is committed, so the test need not wait.
    assert_eq!(
        exporter.value(&template_status("DISABLED")).await,
        Some(1.0)
    );
    exporter
        .meta
        .change(WorldChange::NumberFlagged {
            phone_number_id: NUMBER.to_owned(),
        })
        .expect("the number is there");
    exporter.meta.settled().await;
    assert_eq!(exporter.value(&flagged()).await, Some(1.0));
}

#[tokio::test]
async fn without_webhooks_a_poll_finds_it_and_counts_a_missed_webhook() {
    let file = config_file(OFTEN, &[WABA]).replace("poll:\n", "poll:\n  drift_grace: 1s\n");
    let exporter = Exporter::configured(small_world(), &file).await;
    for collector in ["numbers", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    exporter.meta.webhooks_on(false);
    exporter
        .meta
        .change(disable())
        .expect("the template is there");
    exporter.until(template_status("DISABLED"), 1.0).await;
    exporter
        .meta
        .change(WorldChange::NumberFlagged {
            phone_number_id: NUMBER.to_owned(),
        })
        .expect("the number is there");
    exporter.until(flagged(), 1.0).await;
    exporter
        .until(
            r#"whatsapp_exporter_drift_total{attribute="template_status",source="poll"}"#,
            1.0,
        )
        .await;
    assert_eq!(
        exporter
            .value("whatsapp_exporter_webhook_deliveries_total")
            .await,
        Some(0.0)
    );
}

#[tokio::test]
async fn repeats_and_latecomers_change_nothing() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter
        .meta
        .change_all(&[disable()], Travel::Repeated)
        .expect("the template is there");
    exporter.meta.settled().await;
    let events = format!(
        r#"whatsapp_message_template_status_events_total{{waba_id="{WABA}",event="DISABLED"}}"#
    );
    assert_eq!(exporter.value(&events).await, Some(1.0));
    assert_eq!(
        exporter
            .value("whatsapp_exporter_webhook_duplicates_total")
            .await,
        Some(1.0)
    );
    // Sent before the first poll, received after it.
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":1700000000,"changes":[{{"field":"message_template_status_update","value":{{"event":"PENDING","message_template_id":{TEMPLATE},"message_template_name":"spring_offer","message_template_language":"en_US","reason":null}}}}]}}]}}"#
    );
    assert_eq!(exporter.post_signed(body.into_bytes()).await, 200);
    assert_eq!(
        exporter.value(&template_status("DISABLED")).await,
        Some(1.0)
    );
    assert_eq!(
        exporter
            .value("whatsapp_exporter_webhook_stale_total")
            .await,
        Some(1.0)
    );
}

#[tokio::test]
async fn a_quality_event_carries_no_colour() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let flag = WorldChange::NumberFlagged {
        phone_number_id: NUMBER.to_owned(),
    };
    exporter.meta.change(flag).expect("the number is there");
    exporter.meta.settled().await;
    // The rating at Meta is RED, which only a poll reports.
    let green = format!(
        r#"whatsapp_phone_number_quality_rating{{waba_id="{WABA}",phone_number_id="{NUMBER}",quality_rating="GREEN"}}"#
    );
    assert_eq!(exporter.value(&green).await, Some(1.0));
}
