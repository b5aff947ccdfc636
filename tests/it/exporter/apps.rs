//! Several apps with their own tokens, secrets and accounts, some of them shared.

use std::collections::BTreeSet;

use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::simulator::signature::header_value;
use whatsapp_business_exporter::simulator::world::World;

use super::discovery::{OTHER, two_accounts};
use super::meta::{Exporter, SELDOM, TEMPLATE, WABA};

const OTHER_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// Two apps with one id. `alpha` is the simulated app; the token of `beta` is invalid.
fn file(world: &World, alpha: &[&str], beta: &[&str], beta_secret: &str) -> String {
    let app = &world.app;
    format!(
        "poll: {{numbers_interval: {SELDOM}, account_interval: {SELDOM}, templates_interval: {SELDOM}}}\n\
         apps:\n  - {{name: alpha, app_id: {id}, access_token: {token}, app_secret: {secret}, webhook_verify_token: {verify}, accounts: [{}]}}\n  \
         - {{name: beta, app_id: {id}, access_token: EAAGdead, app_secret: {beta_secret}, webhook_verify_token: {verify}, accounts: [{}]}}\n",
        alpha.join(", "),
        beta.join(", "),
        id = app.id,
        token = app.token.text,
        secret = app.secret,
        verify = app.verify_token,
    )
}

async fn exporter(alpha: &[&str], beta: &[&str], beta_secret: &str) -> Exporter {
    let world = two_accounts();
    let file = file(&world, alpha, beta, beta_secret);
    let exporter = Exporter::configured(world, &file).await;
    exporter.until_polled(WABA, "templates").await;
    exporter
}

/// A webhook that disables a template of this account.
fn disabled(waba_id: &str, time: i64) -> Vec<u8> {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{waba_id}","time":{time},"changes":[{{"field":"message_template_status_update","value":{{"event":"DISABLED","message_template_id":{TEMPLATE},"message_template_name":"spring_offer","message_template_language":"en_US","reason":null}}}}]}}]}}"#
    )
    .into_bytes()
}

fn events(waba_id: &str) -> String {
    format!(
        r#"whatsapp_message_template_status_events_total{{waba_id="{waba_id}",event="DISABLED"}}"#
    )
}

fn wrong_app(app: &str) -> String {
    format!(r#"whatsapp_exporter_webhook_wrong_app_total{{app="{app}"}}"#)
}

/// Fails if two samples have the same name and labels.
fn assert_unique(metrics: &str) {
    let mut seen = BTreeSet::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a sample");
        assert!(seen.insert(series), "{series} is there twice");
    }
}

#[tokio::test]
async fn apps_that_share_an_id_have_separate_series() {
    let exporter = exporter(&[WABA], &[OTHER], OTHER_SECRET).await;
    let id = exporter.meta.look(|world| world.app.id.clone());
    let valid = |app: &str| format!(r#"whatsapp_access_token_valid{{app="{app}",app_id="{id}"}}"#);
    exporter.until(valid("alpha"), 1.0).await;
    exporter.until(valid("beta"), 0.0).await;
    let failing = format!(
        r#"whatsapp_exporter_poll_failure{{app="beta",waba_id="{OTHER}",collector="numbers",reason="token"}}"#
    );
    exporter.until(failing, 1.0).await;
    for (app, waba_id, up) in [("alpha", WABA, 1.0), ("beta", OTHER, 0.0)] {
        let polls = format!(
            r#"whatsapp_exporter_poll_up{{app="{app}",waba_id="{waba_id}",collector="numbers"}}"#
        );
        exporter.until(polls, up).await;
    }
    assert_unique(&exporter.get("/metrics").await);
}

#[tokio::test]
async fn a_secret_is_valid_only_for_the_accounts_of_its_app() {
    let exporter = exporter(&[WABA], &[OTHER], OTHER_SECRET).await;
    for app in ["alpha", "beta"] {
        assert_eq!(exporter.value(&wrong_app(app)).await, Some(0.0), "{app}");
    }
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    exporter
        .accept(disabled(WABA, 1_790_000_000), OTHER_SECRET)
        .await;
    assert_eq!(exporter.value(&events(WABA)).await, Some(0.0));
    assert_eq!(exporter.value(&wrong_app("beta")).await, Some(1.0));
    let last =
        format!(r#"whatsapp_exporter_webhook_last_received_timestamp_seconds{{waba_id="{WABA}"}}"#);
    assert_eq!(exporter.value(&last).await, None, "not even a sign of life");
    // The rejected delivery does not count as a first one: the same, signed by the right app, is applied.
    exporter
        .accept(disabled(WABA, 1_790_000_000), &secret)
        .await;
    assert_eq!(exporter.value(&events(WABA)).await, Some(1.0));
    exporter
        .accept(disabled(OTHER, 1_790_000_000), OTHER_SECRET)
        .await;
    assert_eq!(exporter.value(&events(OTHER)).await, Some(1.0));
    exporter
        .accept(disabled(OTHER, 1_790_000_001), &secret)
        .await;
    assert_eq!(exporter.value(&events(OTHER)).await, Some(1.0));
    assert_eq!(exporter.value(&wrong_app("alpha")).await, Some(1.0));
    // An account that no app watches is only that.
    exporter
        .accept(disabled("800", 1_790_000_000), &secret)
        .await;
    assert_eq!(exporter.value(&wrong_app("alpha")).await, Some(1.0));
    let unwatched = "whatsapp_exporter_webhook_unwatched_total";
    assert_eq!(exporter.value(unwatched).await, Some(1.0));
}

#[tokio::test]
async fn a_delivery_about_two_accounts_is_accepted_only_for_the_signers_account() {
    let exporter = exporter(&[WABA], &[OTHER], OTHER_SECRET).await;
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    let both: Vec<serde_json::Value> = [WABA, OTHER]
        .iter()
        .map(|waba_id| {
            let body: serde_json::Value =
                serde_json::from_slice(&disabled(waba_id, 1_790_000_000)).expect("JSON");
            body["entry"][0].clone()
        })
        .collect();
    let body = serde_json::json!({"object": "whatsapp_business_account", "entry": both});
    exporter
        .accept(body.to_string().into_bytes(), &secret)
        .await;
    assert_eq!(exporter.value(&events(WABA)).await, Some(1.0));
    assert_eq!(exporter.value(&events(OTHER)).await, Some(0.0));
    assert_eq!(exporter.value(&wrong_app("alpha")).await, Some(1.0));
}

#[tokio::test]
async fn an_account_of_two_apps_is_polled_by_the_first_and_accepts_webhooks_of_both() {
    let exporter = exporter(&[WABA], &[WABA, OTHER], OTHER_SECRET).await;
    let secret = exporter.meta.look(|world| world.app.secret.clone());
    let polls = |app: &str| {
        format!(r#"whatsapp_exporter_poll_up{{app="{app}",waba_id="{WABA}",collector="numbers"}}"#)
    };
    assert_eq!(exporter.value(&polls("alpha")).await, Some(1.0));
    assert_eq!(exporter.value(&polls("beta")).await, None);
    exporter
        .accept(disabled(WABA, 1_790_000_000), OTHER_SECRET)
        .await;
    exporter
        .accept(disabled(WABA, 1_790_000_000), &secret)
        .await;
    assert_eq!(
        exporter.value(&events(WABA)).await,
        Some(1.0),
        "Meta tells each app"
    );
    let repeats = "whatsapp_exporter_webhook_duplicates_total";
    assert_eq!(exporter.value(repeats).await, Some(1.0));
    for (app, source) in [("alpha", 1.0), ("beta", 2.0)] {
        let watched = format!(r#"whatsapp_exporter_accounts{{app="{app}",source="configured"}}"#);
        assert_eq!(exporter.value(&watched).await, Some(source), "{app}");
    }
    assert_unique(&exporter.get("/metrics").await);
}

#[tokio::test]
async fn apps_with_the_same_secret_are_one_signer() {
    let world = two_accounts();
    let secret = world.app.secret.clone();
    let exporter = exporter(&[WABA], &[OTHER], &secret).await;
    exporter
        .accept(disabled(WABA, 1_790_000_000), &secret)
        .await;
    exporter
        .accept(disabled(OTHER, 1_790_000_000), &secret)
        .await;
    for waba_id in [WABA, OTHER] {
        assert_eq!(exporter.value(&events(waba_id)).await, Some(1.0));
    }
}

#[tokio::test]
async fn an_account_that_moves_to_another_app_leaves_no_stale_series() {
    let exporter = exporter(&[WABA, OTHER], &["800100200300498"], OTHER_SECRET).await;
    let world = two_accounts();
    exporter
        .file
        .write(&file(&world, &[WABA], &[OTHER], OTHER_SECRET));
    assert_eq!(exporter.reload().await.0, 200);
    let moved =
        format!(r#"whatsapp_exporter_poll_up{{app="beta",waba_id="{OTHER}",collector="account"}}"#);
    exporter.until(moved, 0.0).await;
    let metrics = exporter.get("/metrics").await;
    let left = format!(r#"app="alpha",collector="account",waba_id="{OTHER}""#);
    assert!(!metrics.contains(&left), "{left}");
    assert_unique(&metrics);
}

const NEW_SECRET: &str = "00112233445566778899aabbccddeeff";

fn previous(app: &str) -> String {
    format!(r#"whatsapp_exporter_webhook_previous_secret_total{{app="{app}"}}"#)
}

#[tokio::test]
async fn a_secret_is_rotated_without_losing_a_delivery() {
    let world = two_accounts();
    let old = world.app.secret.clone();
    let before = file(&world, &[WABA], &[OTHER], OTHER_SECRET);
    let during = before.replace(
        &format!("app_secret: {old}"),
        &format!("app_secret: {NEW_SECRET}, app_secret_previous: {old}"),
    );
    let after = before.replace(&old, NEW_SECRET);
    let exporter = Exporter::configured(world, &before).await;
    assert_eq!(exporter.value(&previous("alpha")).await, None);
    // The configuration first: nothing is signed with the new secret yet.
    exporter.file.write(&during);
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(&previous("alpha")).await, Some(0.0));
    assert_eq!(exporter.value(&previous("beta")).await, None);
    exporter.accept(disabled(WABA, 1_790_000_000), &old).await;
    assert_eq!(exporter.value(&previous("alpha")).await, Some(1.0));
    // Then the secret is changed in the App Dashboard: retries with the old one arrive among new deliveries.
    exporter
        .accept(disabled(WABA, 1_790_000_001), NEW_SECRET)
        .await;
    exporter.accept(disabled(WABA, 1_790_000_002), &old).await;
    assert_eq!(exporter.value(&events(WABA)).await, Some(3.0));
    assert_eq!(exporter.value(&previous("alpha")).await, Some(2.0));
    // The secret is valid only for the accounts of its app.
    exporter.accept(disabled(OTHER, 1_790_000_003), &old).await;
    assert_eq!(exporter.value(&events(OTHER)).await, Some(0.0));
    assert_eq!(exporter.value(&wrong_app("alpha")).await, Some(1.0));
    // Operators sign with the secret in force.
    for command in ["drill", "forget"] {
        let body = format!(r#"{{"object":"whatsapp_business_exporter_{command}","written_ms":1}}"#);
        let signature = header_value(&old, body.as_bytes());
        let status = exporter.post(body.into_bytes(), Some(&signature)).await;
        assert_eq!(status, 401, "{command}");
    }
    // After the app is renamed, the series of the old name are gone.
    exporter.file.write(&during.replace("alpha", "gamma"));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(&previous("alpha")).await, None);
    assert_eq!(exporter.value(&previous("gamma")).await, Some(0.0));
    assert_eq!(exporter.value(&wrong_app("alpha")).await, None);
    assert_eq!(exporter.value(&wrong_app("gamma")).await, Some(0.0));
    exporter.file.write(&after);
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(&previous("gamma")).await, None);
    assert_eq!(exporter.value(&previous("alpha")).await, None);
    let body = disabled(WABA, 1_790_000_004);
    let signature = header_value(&old, &body);
    assert_eq!(exporter.post(body, Some(&signature)).await, 401);
}

#[tokio::test]
async fn a_previous_secret_that_another_app_still_uses_commands_the_relay_of_that_app_alone() {
    let world = two_accounts();
    let old = world.app.secret.clone();
    let both = file(&world, &[WABA], &[OTHER], &old);
    let rotated = both.replacen(
        &format!("app_secret: {old}"),
        &format!("app_secret: {NEW_SECRET}, app_secret_previous: {old}"),
        1,
    );
    let exporter = Exporter::configured(world, &rotated).await;
    let written = clock::now().as_millis();
    let list = async |waba_id: &str| {
        let body = format!(
            r#"{{"object":"whatsapp_business_exporter_relay","written_ms":{written},"action":"list","waba_id":"{waba_id}"}}"#
        );
        let url = format!("{}/webhook", exporter.public_url);
        let signature = header_value(&old, body.as_bytes());
        let request = exporter.http.post(url).body(body);
        let request = request.header("X-Hub-Signature-256", signature);
        let answer = request.send().await.expect("it answers");
        answer.text().await.expect("text")
    };
    let refusal = list(WABA).await;
    assert!(refusal.contains("does not watch this account"), "{refusal}");
    // The request about its own account passes the check, but there is no relay.
    let refusal = list(OTHER).await;
    assert!(refusal.contains("relay.upstreams is empty"), "{refusal}");
}
