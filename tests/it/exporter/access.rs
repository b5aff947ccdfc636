//! Metrics about the token and the subscription of the app, while the simulated Meta changes them.

use whatsapp_business_exporter::domain::access::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::World;

use super::meta::{Exporter, WABA, small_world};

const VALID: &str = "whatsapp_access_token_valid";
const EXPIRES: &str = "whatsapp_access_token_expires_timestamp_seconds";
const MATCHES: &str = "whatsapp_app_webhook_callback_matches";

/// A file that polls access every second, and nothing else after the start.
fn file(more: &str) -> String {
    format!(
        "poll:\n  numbers_interval: 1h\n  account_interval: 1h\n  templates_interval: 1h\n  \
         access_interval: 1s\n{more}apps:\n  - accounts: [{WABA}]\n"
    )
}

fn let_happen(exporter: &Exporter, change: WorldChange) {
    exporter
        .meta
        .change(change)
        .expect("the world has the node");
}

fn of_app(metric: &str, world: &World) -> String {
    format!("{metric}{{app=\"default\",app_id=\"{}\"}}", world.app.id)
}

fn subscribed(field: &str, world: &World) -> String {
    let id = &world.app.id;
    format!(
        "whatsapp_app_webhook_field_subscribed{{app=\"default\",app_id=\"{id}\",field=\"{field}\"}}"
    )
}

#[tokio::test]
async fn an_expiring_token_is_reported_before_and_after_and_so_is_a_new_one() {
    let world = small_world();
    let (valid, expires) = (of_app(VALID, &world), of_app(EXPIRES, &world));
    let exporter = Exporter::configured(world, &file("")).await;
    exporter.until(valid.clone(), 1.0).await;
    exporter
        .until_metrics("a token without an end", |text| !text.contains(&expires))
        .await;
    let_happen(&exporter, WorldChange::TokenExpiring { in_seconds: 3_600 });
    exporter
        .until_metrics("its end", |text| text.contains(&expires))
        .await;
    let_happen(&exporter, WorldChange::TokenExpired);
    exporter.until(valid.clone(), 0.0).await;
    let_happen(&exporter, WorldChange::TokenRenewed { in_seconds: None });
    exporter.until(valid, 1.0).await;
    exporter
        .until_metrics("no end any more", |text| !text.contains(&expires))
        .await;
}

#[tokio::test]
async fn a_lost_permission_and_a_lost_field_are_named() {
    let world = small_world();
    let id = world.app.id.clone();
    let scope = format!(
        "whatsapp_access_token_missing_scopes{{app=\"default\",app_id=\"{id}\",scope=\"{MANAGEMENT_SCOPE}\"}}"
    );
    let lost = subscribed("phone_number_quality_update", &world);
    let kept = subscribed("account_update", &world);
    let exporter = Exporter::configured(world, &file("")).await;
    // A subscription is listed once somebody has subscribed.
    exporter
        .meta
        .set_callback_url(Some("http://127.0.0.1:9/webhook".into()));
    exporter.until(lost.clone(), 1.0).await;
    exporter.until(scope.clone(), 0.0).await;
    let_happen(
        &exporter,
        WorldChange::TokenScopeGranted {
            scope: MANAGEMENT_SCOPE.into(),
            is_granted: false,
        },
    );
    let_happen(
        &exporter,
        WorldChange::WebhookFieldSubscribed {
            field: "phone_number_quality_update".into(),
            is_subscribed: false,
        },
    );
    exporter.until(scope, 1.0).await;
    exporter.until(lost, 0.0).await;
    exporter.until(kept, 1.0).await;
}

#[tokio::test]
async fn the_callback_is_compared_where_one_is_configured() {
    let world = small_world();
    let matches = of_app(MATCHES, &world);
    let expected = "webhook:\n  callback_url: https://exporter.example.com/webhook\n";
    let exporter = Exporter::configured(world, &file(expected)).await;
    exporter
        .meta
        .set_callback_url(Some("https://old.example.com/webhook".into()));
    exporter.until(matches.clone(), 0.0).await;
    exporter
        .meta
        .set_callback_url(Some("https://exporter.example.com/webhook".into()));
    exporter.until(matches, 1.0).await;
}

#[tokio::test]
async fn a_failed_question_changes_nothing() {
    let world = small_world();
    let valid = of_app(VALID, &world);
    let exporter = Exporter::configured(world, &file("")).await;
    exporter.until(valid.clone(), 1.0).await;
    let failures = "whatsapp_exporter_graph_request_failures_total{endpoint=\"debug_token\",reason=\"transient\"}";
    exporter
        .meta
        .fault(Some(Endpoint::DebugToken), None, Fault::ServerErrorPage);
    exporter
        .until_metrics("two failures", |text| {
            text.lines().any(|line| {
                line.strip_prefix(failures)
                    .is_some_and(|count| count.trim() != "0" && count.trim() != "1")
            })
        })
        .await;
    exporter.until(valid, 1.0).await;
}

/// Meta limits each app alone.
#[tokio::test]
async fn an_app_at_its_limit_delays_no_other_app() {
    let world = small_world();
    let (token, secret) = (&world.app.token.text, &world.app.secret);
    let verify = &world.app.verify_token;
    let apps = ["alpha", "beta"].map(|name| {
        format!(
            "  - {{name: {name}, access_token: {token}, app_secret: {secret}, webhook_verify_token: {verify}, accounts: [{WABA}]}}\n"
        )
    });
    let file = format!("poll:\n  access_interval: 1h\napps:\n{}", apps.concat());
    let valid = ["alpha", "beta"].map(|name| format!("{VALID}{{app=\"{name}\""));
    let exporter = Exporter::configured(world, &file).await;
    let usage = Fault::AppUsage { percent: 100 };
    exporter.meta.fault(Some(Endpoint::DebugToken), None, usage);
    exporter.file.write(&file.replace("1h", "1s"));
    assert_eq!(exporter.reload().await.0, 200);
    exporter
        .until_metrics("both tokens", |text| {
            valid.iter().all(|one| text.contains(one))
        })
        .await;
}

/// A file that polls accounts and numbers every second.
fn polling(more: &str) -> String {
    format!(
        "poll:\n  numbers_interval: 1s\n  account_interval: 1s\n  templates_interval: 1h\n  \
         access_interval: 1s\n  calls_per_hour: 1000000\n{more}apps:\n  - accounts: [{WABA}]\n"
    )
}

#[tokio::test]
async fn an_override_of_the_number_comes_before_that_of_the_account() {
    let world = small_world();
    let number = world.phone_numbers.keys().next().expect("one").clone();
    let matches = format!(
        "whatsapp_phone_number_messages_callback_matches{{waba_id=\"{WABA}\",phone_number_id=\"{number}\"}}"
    );
    let own = "https://exporter.example.com/webhook";
    let expected = format!("webhook:\n  callback_url: {own}\n");
    let exporter = Exporter::configured(world, &polling(&expected)).await;
    exporter.meta.set_callback_url(Some(own.into()));
    exporter.until(matches.clone(), 1.0).await;
    let of_account = |url: Option<&str>| WorldChange::AccountCallbackOverridden {
        waba_id: WABA.into(),
        callback_url: url.map(str::to_owned),
    };
    let of_number = |url: Option<&str>| WorldChange::NumberCallbackOverridden {
        phone_number_id: number.clone(),
        callback_url: url.map(str::to_owned),
    };
    let secret = "https://crm.example/in?token=s3cret";
    let_happen(&exporter, of_account(Some(secret)));
    exporter.until(matches.clone(), 0.0).await;
    let_happen(&exporter, of_number(Some(own)));
    exporter.until(matches.clone(), 1.0).await;
    let_happen(&exporter, of_account(None));
    let_happen(&exporter, of_number(Some(secret)));
    exporter.until(matches.clone(), 0.0).await;
    let page = exporter.get("/").await;
    assert!(page.contains("https://crm.example/in"), "{page}");
    for path in ["/metrics", "/", "/api/v1/status"] {
        assert!(!exporter.get(path).await.contains("s3cret"), "{path}");
    }
    let_happen(&exporter, of_number(None));
    exporter.until(matches, 1.0).await;
}

#[tokio::test]
async fn messages_are_not_compared_without_an_expected_url() {
    let exporter = Exporter::configured(small_world(), &polling("")).await;
    exporter
        .meta
        .set_callback_url(Some("https://old.example.com/webhook".into()));
    exporter.until_polled(WABA, "numbers").await;
    let metrics = exporter.get("/metrics").await;
    assert!(!metrics.contains("whatsapp_phone_number_messages_callback_matches{"));
}
