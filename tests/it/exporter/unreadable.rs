//! Deliveries that a strict JSON parser rejects as a whole are processed, tested over real sockets.

use super::meta::{Exporter, SELDOM, TEMPLATE, WABA, small_world, this_second};

const DELIVERIES: &str = "whatsapp_exporter_webhook_deliveries_total";
const DUPLICATES: &str = "whatsapp_exporter_webhook_duplicates_total";
const NOT_JSON: &str = r#"whatsapp_exporter_webhook_rejected_total{reason="not_json"}"#;

/// A delivery that pauses a template at this time, with `description` copied verbatim into the body.
fn paused(description: &[u8], time: u64) -> Vec<u8> {
    let head = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":{time},"changes":[{{"field":"message_template_status_update","value":{{"event":"PAUSED","message_template_id":{TEMPLATE},"message_template_name":"spring_offer","message_template_language":"en_US","other_info":{{"description":"#
    );
    let tail = br#","title":"FIRST_PAUSE"}}}]}]}"#;
    [head.as_bytes(), description, tail].concat()
}

fn status(word: &str) -> String {
    format!(
        r#"whatsapp_message_template_status{{waba_id="{WABA}",template_id="{TEMPLATE}",status="{word}"}}"#
    )
}

#[tokio::test]
async fn a_pause_is_seen_despite_an_unreadable_description() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for description in [
        br#""cut \ud83d""#.as_slice(),
        b"1e999",
        b"\"caf\xe9\"",
        b"\"two\nlines\"",
        deep.as_bytes(),
    ] {
        let exporter = Exporter::watching(small_world(), SELDOM).await;
        exporter.until(status("APPROVED"), 1.0).await;
        let time = this_second();
        let body = paused(description, time);
        assert_eq!(exporter.post_signed(body.clone()).await, 200);
        exporter.until(status("PAUSED"), 1.0).await;
        let metrics = exporter.get("/metrics").await;
        let counted = metrics.lines().filter(|line| {
            line.starts_with("whatsapp_exporter_malformed_values_total{") && line.contains(".json")
        });
        let counted: Vec<&str> = counted.collect();
        assert!(
            counted.len() == 1 && counted[0].contains(".json\"} 1"),
            "{counted:?}"
        );
        // An identical body is a retry, and a body that differs only in the unreadable part is not.
        assert_eq!(exporter.post_signed(body).await, 200);
        exporter.until(DUPLICATES, 1.0).await;
        assert_eq!(
            exporter.post_signed(paused(b"\"\\ud83e\"", time)).await,
            200
        );
        exporter.until(DELIVERIES, 3.0).await;
        assert_eq!(exporter.value(DUPLICATES).await, Some(1.0));
    }
}

#[tokio::test]
async fn a_truncated_delivery_is_refused() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let whole = paused(br#""cut \ud83d""#, this_second());
    for length in [1, whole.len() / 2, whole.len() - 20, whole.len() - 1] {
        assert_eq!(exporter.post_signed(whole[..length].to_vec()).await, 400);
    }
    assert_eq!(exporter.value(NOT_JSON).await, Some(4.0));
    assert_eq!(exporter.value(&status("APPROVED")).await, Some(1.0));
}
