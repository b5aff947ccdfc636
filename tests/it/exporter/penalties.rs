//! Penalties and take-over signals of the simulated Meta, sent through its control interface.

use serde_json::{Value, json};
use whatsapp_business_exporter::simulator::change::WorldChange;

use super::meta::{Exporter, NUMBER, SELDOM, WABA, small_world};

/// Lets it happen, and waits for its webhooks.
async fn happen(exporter: &Exporter, change: Value) {
    let change: WorldChange = serde_json::from_value(change).expect("a change");
    exporter.meta.change(change).expect("it can happen");
    exporter.meta.settled().await;
}

fn direct_send(step: &str) -> Value {
    let violation_type = format!("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_{step}");
    json!({"change": "direct_send_changed", "waba_id": WABA, "violation_type": violation_type, "in_seconds": null})
}

fn restriction(kind: &str, number: &str) -> String {
    format!(
        r#"whatsapp_business_account_restriction{{waba_id="{WABA}",restriction_type="{kind}",phone_number_id="{number}"}}"#
    )
}

#[tokio::test]
async fn a_direct_send_restriction_follows_a_warning_and_is_lifted() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let restricted = restriction("RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", "");
    for (step, expected) in [
        ("WARN", None),
        ("STRIKE_1", Some(1.0)),
        ("UNBAN", None),
        ("RATE_LIMIT", Some(1.0)),
        ("RATE_LIMIT_RECOVERY", None),
    ] {
        // Two steps in one second are in doubt, and Meta's times have no smaller unit.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        happen(&exporter, direct_send(step)).await;
        assert_eq!(exporter.value(&restricted).await, expected, "{step}");
    }
    let violation = |step: &str| {
        format!(
            r#"whatsapp_business_account_violations_total{{waba_id="{WABA}",violation_type="DIRECT_SEND_UTILITY_CATEGORY_ABUSE_{step}"}}"#
        )
    };
    assert_eq!(exporter.value(&violation("WARN")).await, Some(1.0));
    assert_eq!(exporter.value(&violation("UNBAN")).await, None);
}

#[tokio::test]
async fn reports_about_a_number_are_on_its_series() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter.until_polled(WABA, "numbers").await;
    let calling = "RESTRICTED_USER_INITIATED_CALLING";
    for change in [
        json!({"change": "number_restricted", "phone_number_id": NUMBER, "restriction_type": calling, "in_seconds": null}),
        json!({"change": "security_event", "phone_number_id": NUMBER, "event": "PIN_CHANGED"}),
        json!({"change": "group_suspended", "phone_number_id": NUMBER, "group_id": "g1", "is_suspended": true}),
        json!({"change": "name_decided", "phone_number_id": NUMBER, "decision": "REJECTED",
            "requested_verified_name": "Fern", "rejection_reason": "NAME_NOT_CONSISTENT"}),
        json!({"change": "flow_alert_changed", "waba_id": WABA, "flow_id": "500100", "event": "ENDPOINT_LATENCY", "is_active": true}),
        json!({"change": "account_event", "waba_id": WABA, "event": "ACCOUNT_OFFBOARDED"}),
    ] {
        happen(&exporter, change).await;
    }
    let number = format!(r#"waba_id="{WABA}",phone_number_id="{NUMBER}""#);
    for series in [
        restriction(calling, NUMBER),
        format!(r#"whatsapp_phone_number_security_events_total{{{number},event="PIN_CHANGED"}}"#),
        format!("whatsapp_phone_number_groups_suspended{{{number}}}"),
        format!(
            r#"whatsapp_phone_number_name_rejection_reason{{{number},rejection_reason="NAME_NOT_CONSISTENT"}}"#
        ),
        format!(
            r#"whatsapp_business_account_flow_alert{{waba_id="{WABA}",flow_id="500100",event="ENDPOINT_LATENCY"}}"#
        ),
    ] {
        assert_eq!(exporter.value(&series).await, Some(1.0), "{series}");
    }
    let removed = format!(
        r#"whatsapp_business_account_removed_timestamp_seconds{{waba_id="{WABA}",event="ACCOUNT_OFFBOARDED",reason="",initiated_by=""}}"#
    );
    assert!(exporter.value(&removed).await.is_some(), "{removed}");
}
