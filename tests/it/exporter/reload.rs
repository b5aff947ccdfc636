//! A new configuration under a running exporter, and a bad one that changes nothing.

use whatsapp_business_exporter::simulator::world::Account;

use whatsapp_business_exporter::simulator::graph::Endpoint;

use super::meta::{Exporter, OFTEN, SELDOM, WABA, config_file, small_world};

const SECOND: &str = "800100200300777";
const SUCCESSFUL: &str = "whatsapp_exporter_config_last_reload_successful";

fn watched(text: &str, waba_id: &str) -> bool {
    text.contains(&format!(
        r#"whatsapp_business_account_info{{waba_id="{waba_id}""#
    ))
}

#[tokio::test]
async fn a_reload_adds_and_removes_accounts_and_keeps_the_others() {
    let world = small_world().with_account(Account::new(SECOND, "Bakery"));
    let exporter = Exporter::configured(world, &config_file(SELDOM, &[WABA])).await;
    exporter.until_polled(WABA, "numbers").await;
    exporter.file.write(&config_file(SELDOM, &[WABA, SECOND]));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.until_polled(SECOND, "account").await;
    assert!(
        exporter
            .get("/metrics")
            .await
            .contains("whatsapp_phone_number_info{")
    );

    exporter.file.write(&config_file(OFTEN, &[SECOND]));
    assert_eq!(exporter.reload().await.0, 200);
    let text = exporter.get("/metrics").await;
    assert!(
        watched(&text, SECOND) && !text.contains(WABA),
        "the first account has left"
    );
}

#[tokio::test]
async fn a_bad_file_keeps_the_old_configuration_and_is_reported() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(1.0));
    exporter
        .file
        .write("poll:\n  numbers_intervall: 5m\n  account_interval: soon\n");
    let (status, errors) = exporter.reload().await;
    assert_eq!(status, 500);
    assert!(
        errors.contains("poll.numbers_intervall") && errors.contains("poll.account_interval"),
        "{errors}"
    );
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(0.0));
    assert!(watched(&exporter.get("/metrics").await, WABA));

    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(1.0));
}

/// The series of the hash of the configuration.
async fn config_hashes(exporter: &Exporter) -> Vec<String> {
    let text = exporter.get("/metrics").await;
    let lines = text.lines();
    lines
        .filter(|line| line.starts_with("whatsapp_exporter_config_hash_info{"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_hash_of_the_configuration_follows_a_reload() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let before = config_hashes(&exporter).await;
    assert_eq!(before.len(), 1, "{before:?}");
    exporter.file.write(&config_file("2h", &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let after = config_hashes(&exporter).await;
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(before, after);
    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(config_hashes(&exporter).await, before);
}

/// The calls that the exporter has made.
async fn calls(exporter: &Exporter) -> f64 {
    let text = exporter.get("/metrics").await;
    let counts = text
        .lines()
        .filter(|line| line.starts_with("whatsapp_exporter_graph_requests_total{"));
    let counts = counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    counts.sum()
}

/// Waits until the requests of the start are complete.
async fn until_quiet(exporter: &Exporter) {
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    let subscribed = "whatsapp_app_webhook_field_subscribed{";
    exporter
        .until_metrics("the app's access", |text| text.contains(subscribed))
        .await;
}

#[tokio::test]
async fn reloads_that_change_nothing_make_no_call() {
    let discovers = config_file(SELDOM, &[WABA]) + "    discover_by_token: true\n";
    let exporter = Exporter::configured(small_world(), &discovers).await;
    until_quiet(&exporter).await;
    exporter
        .until(r#"whatsapp_exporter_discovery_up{app="default"}"#, 1.0)
        .await;
    let before = calls(&exporter).await;
    for _ in 0..200 {
        assert_eq!(exporter.reload().await.0, 200);
    }
    // A change of another setting has no effect either.
    exporter
        .file
        .write(&format!("{discovers}log:\n  signals: false\n"));
    assert_eq!(exporter.reload().await.0, 200);
    // A poll that was due would have begun by the time that another account's are through.
    let with_second = config_file(SELDOM, &[WABA, SECOND]) + "    discover_by_token: true\n";
    exporter.meta.edit(|world| {
        let second = Account::new(SECOND, "Bakery");
        *world = world.clone().with_account(second);
    });
    exporter.file.write(&with_second);
    assert_eq!(exporter.reload().await.0, 200);
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(SECOND, collector).await;
    }
    assert_eq!(calls(&exporter).await, before + 3.0);
}

#[tokio::test]
async fn a_new_token_is_used_at_once_and_ends_the_pause_of_the_refused_one() {
    let world = small_world();
    let file = |token: &str, interval: &str| {
        let (secret, verify) = (&world.app.secret, &world.app.verify_token);
        format!(
            "{}    access_token: {token}\n    app_secret: {secret}\n    webhook_verify_token: {verify}\n",
            config_file(interval, &[WABA])
        )
    };
    let old = world.app.token.text.clone();
    let exporter = Exporter::configured(world.clone(), &file(&old, SELDOM)).await;
    until_quiet(&exporter).await;
    let new = format!("{old}2");
    exporter
        .meta
        .edit(|world| world.app.token.text.clone_from(&new));
    exporter.file.write(&file(&old, OFTEN));
    assert_eq!(exporter.reload().await.0, 200);
    let up = format!(
        r#"whatsapp_exporter_poll_up{{app="default",waba_id="{WABA}",collector="numbers"}}"#
    );
    exporter.until(up.as_str(), 0.0).await;
    // From its next failure on, the app pauses for the interval of an hour.
    exporter.file.write(&file(&old, SELDOM));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.file.write(&file(&new, SELDOM));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.until(up, 1.0).await;
}

#[tokio::test]
async fn unchanged_parts_keep_their_failures_across_a_reload() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let fault = whatsapp_business_exporter::simulator::fault::Fault::ServerErrorPage;
    exporter
        .meta
        .fault(Some(Endpoint::PhoneNumbers), None, fault);
    exporter.file.write(&config_file(OFTEN, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let failure = format!(
        r#"whatsapp_exporter_poll_failure{{app="default",waba_id="{WABA}",collector="numbers",reason="transient"}}"#
    );
    exporter.until(failure.as_str(), 1.0).await;
    // Its retries continue, and the reload does not start the interval of an hour again.
    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(&failure).await, Some(1.0));
}
