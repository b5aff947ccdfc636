//! Accounts that Meta no longer shows: they are reported as lost until they return or are forgotten.

use whatsapp_business_exporter::app::command::CommandClient;
use whatsapp_business_exporter::app::forget::{WabaId, forget};

use super::discovery::{OTHER, business_of, file, info, lost, seen, two_accounts};
use super::meta::{Exporter, OFTEN, WABA, config_file, small_world};

async fn until_lost(exporter: &Exporter, waba_id: &str, is_lost: bool) {
    let series = lost(waba_id);
    exporter
        .until_metrics("its loss or return", |text| {
            text.contains(&series) == is_lost
        })
        .await;
}

/// Asks the running exporter to forget an account, as `forget` does.
async fn forgotten(exporter: &Exporter, waba_id: &str) -> Result<(), String> {
    let url = format!("{}/webhook", exporter.public_url);
    let url = url.parse().expect("a URL");
    let client = CommandClient::new(&exporter.config(), None, Some(url)).expect("an app secret");
    let waba_id = WabaId::parse(waba_id).expect("digits");
    let outcome = forget(&client, &waba_id).await;
    outcome.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_lost_account_stays_until_it_is_forgotten() {
    let exporter = Exporter::configured(two_accounts(), &file("discover_by_token: true")).await;
    exporter.until_polled(OTHER, "account").await;
    let refused = forgotten(&exporter, OTHER)
        .await
        .expect_err("it is not lost");
    assert!(refused.contains("discovery still finds it"), "{refused}");
    let refused = forgotten(&exporter, "800")
        .await
        .expect_err("it is unknown");
    assert!(refused.contains("not watched"), "{refused}");
    seen(&exporter, OTHER, false);
    until_lost(&exporter, OTHER, true).await;
    forgotten(&exporter, OTHER).await.expect("it is lost");
    let metrics = exporter.get("/metrics").await;
    assert!(!metrics.contains(&lost(OTHER)) && !metrics.contains(&info(OTHER)));
    assert!(
        !metrics.contains(&format!("waba_id=\"{OTHER}\"")),
        "no series of it is left"
    );
    // If it returns, it is watched again.
    seen(&exporter, OTHER, true);
    exporter.until_polled(OTHER, "numbers").await;
    until_lost(&exporter, OTHER, false).await;
}

#[tokio::test]
async fn losing_every_account_is_critical() {
    let exporter = Exporter::configured(two_accounts(), &file("discover_by_token: true")).await;
    exporter.until_polled(OTHER, "account").await;
    for waba_id in [WABA, OTHER] {
        seen(&exporter, waba_id, false);
    }
    for waba_id in [WABA, OTHER] {
        until_lost(&exporter, waba_id, true).await;
    }
    let watched = r#"whatsapp_exporter_accounts{app="default",source="token"}"#;
    exporter.until(watched, 0.0).await;
    let status: serde_json::Value =
        serde_json::from_str(&exporter.get("/api/v1/status").await).expect("JSON");
    assert_eq!(status["level"], "critical", "{status:#}");
    assert!(exporter.get("/").await.contains("no longer shows"));
}

#[tokio::test]
async fn a_loss_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let text = file("discover_by_token: true");
    let first = Exporter::stored(two_accounts(), &text, &store).await;
    first.until_polled(OTHER, "account").await;
    seen(&first, OTHER, false);
    until_lost(&first, OTHER, true).await;
    let series = lost(OTHER);
    let since = |text: &str| {
        let (_, rest) = text.split_once(series.as_str()).expect("the series");
        rest.lines().next().expect("a value").to_owned()
    };
    let before = since(&first.get("/metrics").await);
    first.stopped().await;
    // The second world never lists the account, so only the store has it.
    let mut world = two_accounts();
    let other = world.accounts.get_mut(OTHER);
    other.expect("the world has it").is_visible = false;
    let second = Exporter::stored(world, &text, &store).await;
    until_lost(&second, OTHER, true).await;
    second.until_polled(WABA, "account").await;
    let metrics = second.get("/metrics").await;
    assert_eq!(since(&metrics), before, "lost since the same time");
    seen(&second, OTHER, true);
    until_lost(&second, OTHER, false).await;
}

#[tokio::test]
async fn an_excluded_account_is_not_lost() {
    let world = two_accounts();
    let business = business_of(&world);
    let how = |more: &str| file(&format!("{{businesses: [{business}]{more}}}"));
    let exporter = Exporter::configured(world, &how("")).await;
    exporter.until_polled(OTHER, "account").await;
    exporter.file.write(&how(", exclude: ' Test$'"));
    assert_eq!(exporter.reload().await.0, 200);
    let info = info(OTHER);
    exporter
        .until_metrics("its absence", |text| !text.contains(&info))
        .await;
    assert!(!exporter.get("/metrics").await.contains(&lost(OTHER)));
}

#[tokio::test]
async fn a_lost_account_that_the_configuration_leaves_out_goes() {
    let exporter = Exporter::configured(two_accounts(), &file("discover_by_token: true")).await;
    exporter.until_polled(OTHER, "account").await;
    seen(&exporter, OTHER, false);
    until_lost(&exporter, OTHER, true).await;
    let excluded = format!("{{discover_by_token: true, exclude: '^{OTHER}'}}");
    exporter.file.write(&file(&excluded));
    assert_eq!(exporter.reload().await.0, 200);
    until_lost(&exporter, OTHER, false).await;
    assert!(!exporter.get("/metrics").await.contains(&info(OTHER)));
}

#[tokio::test]
async fn an_app_without_accounts_is_critical_although_another_app_has_some() {
    let world = two_accounts();
    let app = &world.app;
    let secrets = format!(
        "access_token: {}, app_secret: {}, webhook_verify_token: v",
        app.token.text, app.secret
    );
    let file = format!(
        "poll: {{discovery_interval: 1s}}\napps:\n  - {{name: full, {secrets}, accounts: [{WABA}]}}\n  \
         - {{name: bare, {secrets}, businesses: ['{}'], include: 'nothing'}}\n",
        business_of(&world)
    );
    let exporter = Exporter::configured(world, &file).await;
    exporter.until_polled(WABA, "account").await;
    exporter
        .until(r#"whatsapp_exporter_discovery_up{app="bare"}"#, 1.0)
        .await;
    let status: serde_json::Value =
        serde_json::from_str(&exporter.get("/api/v1/status").await).expect("JSON");
    assert_eq!(status["level"], "critical", "{status:#}");
    assert!(
        exporter
            .get("/")
            .await
            .contains("app bare watches no account")
    );
}

#[tokio::test]
async fn a_listed_account_that_cannot_be_read_any_more_is_lost_and_returns() {
    let file = config_file(OFTEN, &[WABA]);
    let exporter = Exporter::configured(small_world(), &file).await;
    exporter.until_polled(WABA, "account").await;
    seen(&exporter, WABA, false);
    until_lost(&exporter, WABA, true).await;
    let reason = format!(
        r#"whatsapp_exporter_poll_failure{{app="default",waba_id="{WABA}",collector="account",reason="not_found_or_hidden"}}"#
    );
    exporter.until(reason, 1.0).await;
    let refused = forgotten(&exporter, WABA).await.expect_err("it is listed");
    assert!(refused.contains("apps[].accounts"), "{refused}");
    seen(&exporter, WABA, true);
    until_lost(&exporter, WABA, false).await;
}

#[tokio::test]
async fn an_id_that_was_never_readable_is_not_a_loss() {
    let never = "800100200300498";
    let exporter = Exporter::configured(small_world(), &config_file(OFTEN, &[WABA, never])).await;
    let reason = format!(
        r#"whatsapp_exporter_poll_failure{{app="default",waba_id="{never}",collector="account",reason="not_found_or_hidden"}}"#
    );
    exporter.until(reason, 1.0).await;
    assert!(!exporter.get("/metrics").await.contains(&lost(never)));
}
