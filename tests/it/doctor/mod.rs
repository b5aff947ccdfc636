//! `doctor` with a running exporter and a simulated Meta: a healthy setup, then one fault at a time.

mod accounts;
mod faults;
mod patient;
mod program;
mod strangers;

use patient::Patient;

#[tokio::test]
async fn a_healthy_set_up_is_fine_in_every_link() {
    let patient = Patient::healthy().await;
    let report = patient.examined().await;
    let ill: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| !finding.is_fine())
        .collect();
    assert!(ill.is_empty(), "{ill:#?}");
    let mut checks: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.check.as_ref())
        .collect();
    checks.sort_unstable();
    checks.dedup();
    let all = [
        "account",
        "api_budget",
        "api_version",
        "app_secret",
        "callback_url",
        "clock",
        "configuration",
        "data_access_expiry",
        "exporter",
        "graph",
        "handshake",
        "last_webhook",
        "messages_callback",
        "phone_numbers",
        "self_test",
        "store",
        "subscribed_apps",
        "token",
        "token_expiry",
        "token_permissions",
        "webhook_fields",
    ];
    assert_eq!(checks, all);
}

#[tokio::test]
async fn nothing_is_changed_by_looking() {
    let patient = Patient::healthy().await;
    let before = patient.exporter.meta.look(|world| world.clone());
    patient.examined().await;
    assert!(
        patient.exporter.meta.look(|world| *world == before),
        "the world has changed"
    );
    let requests = patient.exporter.meta.requests();
    let writing: Vec<_> = requests
        .iter()
        .filter(|request| request.method != "GET")
        .collect();
    assert!(writing.is_empty(), "{writing:?}");
    let rejected = "whatsapp_exporter_unknown_values_total";
    let metrics = patient.exporter.get("/metrics").await;
    assert!(
        !metrics.lines().any(|line| line.starts_with(rejected)),
        "the self-test is no update"
    );
}
