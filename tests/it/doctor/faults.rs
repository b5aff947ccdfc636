//! The setup has exactly one fault, and the finding names it with a remedy.

mod app;
mod token;

use whatsapp_business_exporter::app::doctor::Verdict::{self, Fine, Problem, Unknown};
use whatsapp_business_exporter::domain::access::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;

use super::patient::{Patient, assert_among, assert_found};
use crate::exporter::meta::{SELDOM, WABA, config_file};
use crate::web::authority::Authority;

#[tokio::test]
async fn the_account() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::AccountVisibleChanged {
        waba_id: WABA.into(),
        is_visible: false,
    });
    let found = patient.found("account").await;
    assert_eq!((found.len(), found[0].verdict), (1, Problem));
    assert_eq!(found[0].about.as_deref(), Some(WABA));
    let cure = found[0].cure.as_deref().unwrap_or_default();
    assert!(
        cure.starts_with("The token is not granted for this account"),
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
    let cure = "Check graph.base_url, and whether a proxy changes the responses.";
    assert_found(&patient, "phone_numbers", Problem, "cannot be read", cure).await;
    patient.exporter.meta.clear_faults();
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::PhoneNumbers), None, Fault::ServerErrorPage);
    let cure = "Run `doctor` again; if the error persists, check Meta's status page.";
    assert_found(&patient, "phone_numbers", Unknown, "cannot be read", cure).await;
}

#[tokio::test]
async fn its_subscription() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::SubscriptionLost {
        waba_id: WABA.into(),
    });
    let cure = "Run `subscribe`.";
    assert_found(&patient, "subscribed_apps", Problem, "not subscribed", cure).await;
}

#[tokio::test]
async fn its_payment_and_its_marketing_messages() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::PaymentMethodRemoved {
        waba_id: WABA.into(),
    });
    let cure = "Check the payment method in WhatsApp Manager";
    let words = "no valid payment method (error 141006)";
    assert_found(&patient, "payment", Problem, words, cure).await;
    patient.let_happen(WorldChange::PaymentMethodAdded {
        waba_id: WABA.into(),
    });
    patient.let_happen(WorldChange::MarketingMessagesChanged {
        waba_id: WABA.into(),
        is_disabled: true,
        onboarding_status: None,
    });
    let report = patient.examined().await;
    let found: Vec<(&str, Verdict)> = report
        .findings
        .iter()
        .map(|finding| (finding.check.as_ref(), finding.verdict))
        .filter(|(check, _)| ["payment", "marketing_messages"].contains(check))
        .collect();
    assert_eq!(found, [("marketing_messages", Fine)]);
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
        "Lengthen poll.numbers_interval and the other intervals",
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
    let cure = "The quota is nearly used up";
    assert_found(
        &patient,
        "api_budget",
        Problem,
        "of Meta's quota is used",
        cure,
    )
    .await;
    patient.let_happen(WorldChange::RateLimited {
        waba_id: WABA.into(),
        code: 80_008,
        regain_minutes: 30,
    });
    let cure = "Wait until Meta's rate limit window";
    assert_found(&patient, "account", Problem, "Meta rate-limits calls", cure).await;
}

#[tokio::test]
async fn the_version() {
    let patient = Patient::healthy()
        .await
        .with_flag("--graph.api-version", "v20.0");
    let cure = "Set graph.api_version to a newer version";
    assert_found(
        &patient,
        "api_version",
        Problem,
        "no longer serves v20.0",
        cure,
    )
    .await;
    let patient = patient.with_flag("--graph.api-version", "v99.0");
    let cure = "Check in Meta's changelog";
    assert_found(&patient, "api_version", Unknown, "is unknown to", cure).await;
}

#[tokio::test]
async fn the_configuration() {
    let patient = Patient::healthy()
        .await
        .with_file("poll: {numbers_interval: soon}\n");
    let report = patient.examined().await;
    assert!(report.problems >= 1, "{report:?}");
    let cure = "Correct the configuration; `check-config` checks it without calling Meta.";
    assert_among(&report.findings, Problem, "poll.numbers_interval", cure);
    let all = report
        .findings
        .iter()
        .all(|finding| finding.check == "configuration");
    assert!(all, "nothing else can be looked at");
}

#[tokio::test]
async fn what_prevents_the_start() {
    let mut patient = Patient::healthy().await;
    let cure = "Correct the configuration; `check-config` checks it without calling Meta.";
    let key = patient.store_folder().join("state.db.key");
    std::fs::write(&key, "no key").expect("the folder is ours");
    let words = "state.db.key has 6 characters";
    assert_found(&patient, "configuration", Problem, words, cure).await;
    std::fs::remove_file(&key).expect("it was written");
    let (one, other) = (Authority::new().server(), Authority::new().server());
    patient.environment = patient
        .environment
        .with_file("web.yml", "tls_server_config: {cert_file: a, key_file: b}")
        .with_file("a", one.certificate)
        .with_file("b", other.key);
    let patient = patient.with_flag("--web.config.file", "web.yml");
    let words = "web.yml: cert_file and key_file cannot be used together";
    assert_found(&patient, "configuration", Problem, words, cure).await;
    assert!(!key.exists(), "it changes nothing");
}

#[tokio::test]
async fn the_store() {
    let patient = Patient::healthy().await;
    let file = patient.store_folder().join("a-file");
    std::fs::write(&file, "").expect("the folder is ours");
    let below = format!("sqlite:{}", file.join("state.db").display());
    let patient = patient.with_flag("--store.url", &below);
    let cure = "Give the exporter's user write permission, or set store.url to another path.";
    assert_found(&patient, "store", Problem, "cannot write to", cure).await;
    let patient = patient.with_flag("--store.url", "sqlite::memory:");
    let cure = "Set store.url to `sqlite:`";
    assert_found(&patient, "store", Problem, "in memory", cure).await;
}

/// As [`config_file`], but with discovery of accounts.
fn discovering(how: &str) -> String {
    format!("apps:\n  - {how}\n")
}

#[tokio::test]
async fn accounts_that_are_looked_for() {
    let patient = Patient::healthy()
        .await
        .with_file(&discovering("discover_by_token: true"));
    let found = patient.found("discovery").await;
    assert_eq!(
        found[0].message,
        "accounts found in addition to the listed ones: 1"
    );
    assert_eq!(
        patient.found("account").await.len(),
        1,
        "and it is looked at"
    );
    let last = patient.found("last_webhook").await;
    assert_eq!(last.len(), 1, "and its last webhook is asked for");
    let none = discovering("{discover_by_token: true, exclude: .}");
    let patient = patient.with_file(&none);
    let cure = "Assign accounts to the token's system user, or see apps[].include";
    assert_found(&patient, "discovery", Problem, "no account was found", cure).await;
    let patient = patient.with_file(&discovering("businesses: [1]"));
    let cure = "Check the ids of the businesses";
    assert_found(&patient, "discovery", Unknown, "cannot be discovered", cure).await;
    let patient = patient.with_file(&discovering(&format!("businesses: [{WABA}]")));
    let wrong = "this is the id of a WhatsApp Business Account, not of a business portfolio";
    assert_found(&patient, "discovery", Problem, wrong, cure).await;
    let patient = patient.with_file(&discovering("discover_by_token: true"));
    patient.let_happen(WorldChange::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted: false,
    });
    let cure = "List the accounts, or set apps[].businesses.";
    assert_found(&patient, "discovery", Problem, "lists none", cure).await;
}
