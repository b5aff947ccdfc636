//! Accounts that are not configured, but found by the token or by the portfolio.

use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::{Account, World};

use super::meta::{Exporter, WABA, small_world};

pub const OTHER: &str = "800100200300499";

pub fn two_accounts() -> World {
    small_world().with_account(Account::new(OTHER, "Fern & Moss Test"))
}

/// A configuration that searches accounts every second.
pub fn file(how: &str) -> String {
    format!("poll:\n  discovery_interval: 1s\napps:\n  - {how}\n")
}

pub fn business_of(world: &World) -> String {
    world.accounts[WABA].business_id.clone()
}

pub fn info(waba_id: &str) -> String {
    format!("\nwhatsapp_business_account_info{{waba_id=\"{waba_id}\"")
}

async fn until_watched(exporter: &Exporter, waba_id: &str) {
    let info = info(waba_id);
    exporter
        .until_metrics(waba_id, |text| text.contains(&info))
        .await;
}

async fn until_lost(exporter: &Exporter, waba_id: &str) {
    let lost = lost(waba_id);
    exporter
        .until_metrics("its loss", |text| text.contains(&lost))
        .await;
}

pub fn lost(waba_id: &str) -> String {
    format!("\nwhatsapp_business_account_lost_timestamp_seconds{{waba_id=\"{waba_id}\"}} ")
}

pub fn seen(exporter: &Exporter, waba_id: &str, is_visible: bool) {
    let waba_id = waba_id.to_owned();
    let change = WorldChange::AccountVisibleChanged {
        waba_id,
        is_visible,
    };
    exporter
        .meta
        .change(change)
        .expect("the world has the account");
}

#[tokio::test]
async fn accounts_come_and_go_with_the_tokens_permissions() {
    let exporter = Exporter::configured(two_accounts(), &file("discover_by_token: true")).await;
    until_watched(&exporter, WABA).await;
    until_watched(&exporter, OTHER).await;
    exporter.until_polled(OTHER, "numbers").await;
    let watched = r#"whatsapp_exporter_accounts{app="default",source="token"}"#;
    exporter.until(watched, 2.0).await;
    exporter
        .until(r#"whatsapp_exporter_discovery_up{app="default"}"#, 1.0)
        .await;
    seen(&exporter, OTHER, false);
    until_lost(&exporter, OTHER).await;
    exporter.until(watched, 1.0).await;
    let metrics = exporter.get("/metrics").await;
    assert!(metrics.contains(&info(OTHER)), "what was known of it stays");
    assert!(!metrics.contains(&lost(WABA)));
    seen(&exporter, OTHER, true);
    let lost = lost(OTHER);
    exporter
        .until_metrics("its return", |text| !text.contains(&lost))
        .await;
    exporter.until(watched, 2.0).await;
}

#[tokio::test]
async fn a_portfolios_accounts_are_chosen_by_pattern() {
    let world = two_accounts();
    let how = format!(
        "{{businesses: [{}], exclude: ' Test$'}}",
        business_of(&world)
    );
    let exporter = Exporter::configured(world, &file(&how)).await;
    until_watched(&exporter, WABA).await;
    exporter.until_polled(WABA, "numbers").await;
    let metrics = exporter.get("/metrics").await;
    assert!(!metrics.contains(&info(OTHER)), "it is excluded");
}

#[tokio::test]
async fn a_failed_search_loses_no_account_and_a_listed_one_stays() {
    let world = two_accounts();
    let how = format!(
        "{{accounts: [{WABA}], businesses: [{}]}}",
        business_of(&world)
    );
    let exporter = Exporter::configured(world, &file(&how)).await;
    until_watched(&exporter, OTHER).await;
    for endpoint in [Endpoint::OwnedAccounts, Endpoint::ClientAccounts] {
        exporter
            .meta
            .fault(Some(endpoint), None, Fault::ServerErrorPage);
        let name = match endpoint {
            Endpoint::OwnedAccounts => "owned_whatsapp_business_accounts",
            _ => "client_whatsapp_business_accounts",
        };
        let failures = format!(
            "whatsapp_exporter_graph_request_failures_total{{endpoint=\"{name}\",reason=\"transient\"}} 1"
        );
        exporter
            .until_metrics("a failed search", |text| text.contains(&failures))
            .await;
        let metrics = exporter.get("/metrics").await;
        assert!(metrics.contains(&info(OTHER)), "it is still watched");
        exporter.meta.clear_faults();
        // The next search is a good one: it comes a second or, after a failure, no later.
        let calls = exporter.meta.request_count(Endpoint::ClientAccounts);
        let more = || exporter.meta.request_count(Endpoint::ClientAccounts) > calls;
        exporter.until_metrics("another search", |_| more()).await;
    }
    seen(&exporter, WABA, false);
    seen(&exporter, OTHER, false);
    until_lost(&exporter, OTHER).await;
    let configured = r#"whatsapp_exporter_accounts{app="default",source="configured"}"#;
    assert_eq!(exporter.value(configured).await, Some(1.0), "it is listed");
}

#[tokio::test]
async fn discovered_accounts_are_known_after_a_start_without_meta() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let text = file("discover_by_token: true");
    let first = Exporter::stored(two_accounts(), &text, &store).await;
    first.until_polled(OTHER, "account").await;
    first.stopped().await;
    let mut deaf = two_accounts();
    deaf.app.token.is_valid = false;
    let second = Exporter::stored(deaf, &text, &store).await;
    until_watched(&second, OTHER).await;
    let name = format!("{},waba_name=\"Fern & Moss Test\"", info(OTHER));
    second
        .until_metrics("its name of before", |text| text.contains(&name))
        .await;
}

/// A renamed app watches the accounts of its former name until its first search, which then stores them.
#[tokio::test]
async fn discovered_accounts_stay_when_their_app_is_renamed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let renamed = |name: &str| file(&format!("name: {name}\n    discover_by_token: true"));
    let first = Exporter::stored(two_accounts(), &renamed("before"), &store).await;
    first.until_polled(OTHER, "account").await;
    first.stopped().await;
    let mut rejected = two_accounts();
    rejected.app.token.is_valid = false;
    let second = Exporter::stored(rejected, &renamed("after"), &store).await;
    until_watched(&second, OTHER).await;
    second.stopped().await;

    let third = Exporter::stored(two_accounts(), &renamed("after"), &store).await;
    third
        .until("whatsapp_exporter_discovery_up{app=\"after\"}", 1.0)
        .await;
    third.until_polled(OTHER, "account").await;
    third.file.write(&renamed("last"));
    seen(&third, OTHER, false);
    assert_eq!(third.reload().await.0, 200);
    let info = info(OTHER);
    third
        .until_metrics("the search of the renamed app", |text| {
            !text.contains(&info)
        })
        .await;
    third.stopped().await;
    // Nothing is left of the former names.
    let mut rejected = two_accounts();
    rejected.app.token.is_valid = false;
    let fourth = Exporter::stored(rejected, &renamed("before"), &store).await;
    until_watched(&fourth, WABA).await;
    assert!(!fourth.get("/metrics").await.contains(&info));
}
