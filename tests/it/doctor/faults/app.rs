//! Faults of the app: its secret, its id, and its subscription to webhooks.

use whatsapp_business_exporter::app::doctor::Finding;
use whatsapp_business_exporter::app::doctor::Verdict::{Problem, Unknown};
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;

use crate::doctor::patient::{Patient, assert_among, assert_found};
use crate::exporter::meta::{SELDOM, WABA, config_file};

#[tokio::test]
async fn the_app_secret() {
    let patient = Patient::healthy()
        .await
        .with_variable("WHATSAPP_APP_SECRET", "another");
    let cure = "Copy it from the App Dashboard of the token's app";
    let other = "belongs to another app than the access token";
    let report = patient.examined().await;
    let of = |check: &str| -> Vec<Finding> {
        let findings = report.findings.iter();
        findings.filter(|one| one.check == check).cloned().collect()
    };
    assert!(of("token")[0].is_fine(), "{report:#?}");
    assert_among(&of("app_secret"), Problem, other, cure);
    assert_eq!(of("app_secret").len(), 1, "told once: {report:#?}");
    let first = "Fix this first";
    assert_among(&of("account"), Unknown, "1 account was not checked", first);

    // If every call requires the proof, the token cannot be checked.
    patient
        .exporter
        .meta
        .edit(|world| world.app.requires_appsecret_proof = true);
    assert_found(&patient, "app_secret", Problem, other, cure).await;
    assert_eq!(patient.found("token").await, []);
    patient
        .exporter
        .meta
        .edit(|world| world.app.requires_appsecret_proof = false);

    let secret = patient.exporter.meta.look(|world| world.app.secret.clone());
    let patient = patient
        .with_variable("WHATSAPP_APP_SECRET", &secret)
        .with_variable("WHATSAPP_APP_ID", "1");
    assert_found(&patient, "app_secret", Problem, other, cure).await;
}

#[tokio::test]
async fn an_app_secret_that_is_required_and_not_configured() {
    let patient = Patient::healthy()
        .await
        .without_variable("WHATSAPP_APP_SECRET")
        .with_file(&without_webhooks());
    patient
        .exporter
        .meta
        .edit(|world| world.app.requires_appsecret_proof = true);
    let cure = "Set the app secret (WHATSAPP_APP_SECRET)";
    assert_found(&patient, "app_secret", Problem, "is not configured", cure).await;
    let first = "Fix this first";
    let left = "1 account was not checked: Meta requires appsecret_proof";
    assert_found(&patient, "account", Unknown, left, first).await;
}

/// Only webhooks require a secret.
fn without_webhooks() -> String {
    format!(
        "webhook:\n  enabled: false\n{}",
        config_file(SELDOM, &[WABA])
    )
}

#[tokio::test]
async fn an_app_without_a_known_id() {
    let patient = Patient::healthy().await.without_variable("WHATSAPP_APP_ID");
    let field = String::from("app_id");
    let value = serde_json::Value::Null;
    let fault = Fault::FieldReplaced { field, value };
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::DebugToken), None, fault);
    let cure = "Set the app's id (WHATSAPP_APP_ID).";
    let unknown = "Meta does not report which app the token belongs to";
    assert_found(&patient, "webhook_fields", Unknown, unknown, cure).await;
    let unknown = "cannot determine whether the app is subscribed";
    assert_found(&patient, "subscribed_apps", Unknown, unknown, cure).await;
}

#[tokio::test]
async fn the_apps_subscription() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::WebhookFieldSubscribed {
        field: "account_update".into(),
        is_subscribed: false,
    });
    let cure = "Run `subscribe`, or subscribe to them in the App Dashboard";
    let missing = "not subscribed: account_update";
    assert_found(&patient, "webhook_fields", Problem, missing, cure).await;
    patient
        .exporter
        .meta
        .set_callback_url(Some("https://production.example.com/hook".into()));
    let cure = "run `subscribe --move-callback`";
    assert_found(
        &patient,
        "callback_url",
        Problem,
        "Meta sends webhooks to another URL",
        cure,
    )
    .await;
    let field = String::from("active");
    let value = false.into();
    let off = patient.exporter.meta.fault(
        Some(Endpoint::AppSubscriptions),
        None,
        Fault::FieldReplaced { field, value },
    );
    let cure = "Run `subscribe`, or set the callback URL and the verify token";
    assert_found(&patient, "callback_url", Problem, "is inactive", cure).await;
    patient.exporter.meta.clear_fault(off);
    patient.exporter.meta.set_callback_url(None);
    assert_found(
        &patient,
        "callback_url",
        Problem,
        "not set: Meta sends no webhooks",
        cure,
    )
    .await;
    let broken = Fault::ServerErrorPage;
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::AppSubscriptions), None, broken);
    let cure = "check the App Dashboard, WhatsApp, Configuration";
    let unknown = "cannot read the app's subscription";
    assert_found(&patient, "webhook_fields", Unknown, unknown, cure).await;
}

#[tokio::test]
async fn an_override_of_the_callback() {
    let patient = Patient::healthy().await;
    let check = "messages_callback";
    assert!(patient.found(check).await[0].is_fine());
    let elsewhere = Some("https://crm.example/in?token=s3cret".to_owned());
    patient.let_happen(WorldChange::AccountCallbackOverridden {
        waba_id: WABA.into(),
        callback_url: elsewhere,
    });
    let cure = "Remove the override";
    let moved = "moves the messages of 1 of 1 phone numbers to https://crm.example/in, not to http";
    assert_found(&patient, check, Problem, moved, cure).await;
    let report = format!("{:?}", patient.examined().await);
    assert!(!report.contains("s3cret"), "{report}");
    patient.let_happen(WorldChange::AccountCallbackOverridden {
        waba_id: WABA.into(),
        callback_url: None,
    });
    assert!(patient.found(check).await[0].is_fine());
}
