//! Meta has exactly one fault, and the finding about it says so, with a cure.

use whatsapp_business_exporter::app::doctor::Verdict::{Problem, Unknown};
use whatsapp_business_exporter::domain::access::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::change::Change;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;

use super::patient::{Patient, assert_found};
use crate::exporter::meta::{SELDOM, WABA, config_file};

const DAY: i64 = 86_400;

#[tokio::test]
async fn the_token() {
    let patient = Patient::healthy().await;
    patient.let_happen(Change::TokenExpiring {
        in_seconds: 10 * DAY,
    });
    assert_found(&patient, "token_expiry", Problem, "ends in 9 days").await;
    patient.let_happen(Change::TokenRenewed {
        in_seconds: Some(60 * DAY),
    });
    assert!(patient.found("token_expiry").await[0].is_fine());
    patient
        .exporter
        .meta
        .edit(|world| world.app.token.data_access_expires_at = 1);
    assert_found(&patient, "data_access_expiry", Problem, "has ended").await;
    patient.let_happen(Change::TokenExpired);
    assert_found(&patient, "token", Problem, "Meta refuses it").await;
    let unknown = Patient::healthy()
        .await
        .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGother");
    assert_found(&unknown, "token", Problem, "Meta refuses it").await;
}

#[tokio::test]
async fn a_token_of_which_nothing_can_be_learnt() {
    let patient = Patient::healthy().await;
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::DebugToken), None, Fault::ServerErrorPage);
    assert_found(&patient, "token", Unknown, "does not say").await;
    assert!(
        patient.found("account").await[0].is_fine(),
        "the rest is still looked at"
    );
}

#[tokio::test]
async fn its_permissions() {
    let patient = Patient::healthy().await;
    patient.let_happen(Change::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted: false,
    });
    assert_found(&patient, "token_permissions", Problem, MANAGEMENT_SCOPE).await;
    assert_found(&patient, "account", Problem, "lacks a permission").await;
}

#[tokio::test]
async fn the_app_secret() {
    let patient = Patient::healthy()
        .await
        .with_variable("WHATSAPP_APP_SECRET", "another");
    assert_found(&patient, "token", Problem, "Meta refuses it").await;
    let secret = patient.exporter.meta.look(|world| world.app.secret.clone());
    let patient = patient
        .with_variable("WHATSAPP_APP_SECRET", &secret)
        .with_variable("WHATSAPP_APP_ID", "1");
    assert_found(&patient, "app_secret", Problem, "is not this app's").await;
}

#[tokio::test]
async fn the_account() {
    let patient = Patient::healthy().await;
    patient.let_happen(Change::AccountVisibleChanged {
        waba_id: WABA.into(),
        is_visible: false,
    });
    let found = patient.found("account").await;
    assert_eq!((found.len(), found[0].verdict), (1, Problem));
    assert_eq!(found[0].about.as_deref(), Some(WABA));
    let cure = found[0].cure.as_deref().unwrap_or_default();
    assert!(
        cure.starts_with("The token is not for this account"),
        "{cure}"
    );
}

#[tokio::test]
async fn its_numbers() {
    let patient = Patient::healthy().await;
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::PhoneNumbers), None, Fault::TruncatedJson);
    assert_found(&patient, "phone_numbers", Problem, "cannot be read").await;
    patient.exporter.meta.clear_faults();
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::PhoneNumbers), None, Fault::ServerErrorPage);
    assert_found(&patient, "phone_numbers", Unknown, "cannot be read").await;
}

#[tokio::test]
async fn its_subscription() {
    let patient = Patient::healthy().await;
    patient.let_happen(Change::SubscriptionLost {
        waba_id: WABA.into(),
    });
    assert_found(&patient, "subscribed_apps", Problem, "not subscribed").await;
}

#[tokio::test]
async fn the_apps_subscription() {
    let patient = Patient::healthy().await;
    patient.let_happen(Change::WebhookFieldSubscribed {
        field: "account_update".into(),
        is_subscribed: false,
    });
    assert_found(&patient, "webhook_fields", Problem, "account_update").await;
    patient
        .exporter
        .meta
        .set_callback_url(Some("https://production.example.com/hook".into()));
    assert_found(&patient, "callback_url", Problem, "webhooks go elsewhere").await;
    patient.exporter.meta.set_callback_url(None);
    assert_found(&patient, "callback_url", Problem, "none is set").await;
}

#[tokio::test]
async fn the_budget() {
    let patient = Patient::healthy().await;
    let patient = patient.with_file(&config_file("1s", &[WABA]));
    assert_found(
        &patient,
        "api_budget",
        Problem,
        "10800 calls an hour are planned",
    )
    .await;
    // Some calls have been made, and an account without a registered number has 200 an hour.
    patient.exporter.meta.edit(|world| {
        let account = world.accounts.get_mut(WABA);
        account.expect("it is there").registered = false;
    });
    let hardly_any =
        config_file(SELDOM, &[WABA]).replace("poll:\n", "poll:\n  max_usage_ratio: 0.01\n");
    let patient = patient.with_file(&hardly_any);
    assert_found(&patient, "api_budget", Problem, "of Meta's quota are used").await;
    patient.let_happen(Change::RateLimited {
        waba_id: WABA.into(),
        code: 80_008,
        regain_minutes: 30,
    });
    assert_found(&patient, "account", Problem, "Meta limits calls").await;
}

#[tokio::test]
async fn the_version() {
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.api-version", "v20.0");
    assert_found(&patient, "api_version", Problem, "no longer served").await;
    let patient = patient.with_flag("--graph.api-version", "v99.0");
    assert_found(&patient, "api_version", Unknown, "does not know").await;
}

#[tokio::test]
async fn the_configuration() {
    let patient = Patient::healthy()
        .await
        .with_file("poll: {numbers_interval: soon}\n");
    let report = patient.examined().await;
    assert!(report.problems >= 1, "{report:?}");
    let all = report
        .findings
        .iter()
        .all(|finding| finding.check == "configuration");
    assert!(all, "nothing else can be looked at");
}

#[tokio::test]
async fn the_store() {
    let patient = Patient::healthy().await;
    let file = patient.store_folder().join("a-file");
    std::fs::write(&file, "").expect("the folder is ours");
    let below = format!("sqlite:{}", file.join("state.db").display());
    let patient = patient.with_flag("--store.url", &below);
    assert_found(&patient, "store", Problem, "cannot write to").await;
    let patient = patient.with_flag("--store.url", "sqlite::memory:");
    assert_found(&patient, "store", Problem, "kept in memory").await;
}

/// As [`config_file`], but with accounts that are looked for.
fn discovering(how: &str) -> String {
    format!("apps:\n  - {how}\n")
}

#[tokio::test]
async fn accounts_that_are_looked_for() {
    let patient = Patient::healthy()
        .await
        .with_file(&discovering("discover_by_token: true"));
    let found = patient.found("discovery").await;
    assert_eq!(found[0].message, "accounts found beside those listed: 1");
    assert_eq!(
        patient.found("account").await.len(),
        1,
        "and it is looked at"
    );
    let last = patient.found("last_webhook").await;
    assert_eq!(last.len(), 1, "and its last webhook is asked for");
    let none = discovering("{discover_by_token: true, exclude: .}");
    let patient = patient.with_file(&none);
    assert_found(&patient, "discovery", Problem, "no account is found").await;
    let patient = patient.with_file(&discovering("businesses: [1]"));
    assert_found(&patient, "discovery", Unknown, "cannot be looked for").await;
    let patient = patient.with_file(&discovering("discover_by_token: true"));
    patient.let_happen(Change::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted: false,
    });
    assert_found(&patient, "discovery", Problem, "names no accounts").await;
}
