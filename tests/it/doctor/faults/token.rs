//! Faults of the access token.

use whatsapp_business_exporter::app::doctor::Verdict::{Problem, Unknown};
use whatsapp_business_exporter::domain::access::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;

use crate::doctor::patient::{Patient, assert_found};

const RENEW: &str = "Create a system user token";

const DAY: i64 = 86_400;

#[tokio::test]
async fn the_token() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::TokenExpiring {
        in_seconds: 10 * DAY,
    });
    assert_found(
        &patient,
        "token_expiry",
        Problem,
        "expires in 9 days",
        RENEW,
    )
    .await;
    patient.let_happen(WorldChange::TokenRenewed {
        in_seconds: Some(60 * DAY),
    });
    assert!(patient.found("token_expiry").await[0].is_fine());
    patient
        .exporter
        .meta
        .edit(|world| world.app.token.data_access_expires_at = 1);
    let ended = "access to data has expired";
    assert_found(&patient, "data_access_expiry", Problem, ended, RENEW).await;
    patient.let_happen(WorldChange::TokenExpired);
    let cure = "It has expired, was revoked, or is mistyped. Create a system user token";
    assert_found(&patient, "token", Problem, "Meta rejects it", cure).await;
    let unknown = Patient::healthy()
        .await
        .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGother");
    assert_found(&unknown, "token", Problem, "Meta rejects it", cure).await;
}

#[tokio::test]
async fn a_token_without_information() {
    let patient = Patient::healthy().await;
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::DebugToken), None, Fault::ServerErrorPage);
    let cure = "Set the app's id and secret";
    assert_found(
        &patient,
        "token",
        Unknown,
        "does not report whether it is valid",
        cure,
    )
    .await;
    assert!(
        patient.found("account").await[0].is_fine(),
        "the rest is still looked at"
    );
}

#[tokio::test]
async fn its_permissions() {
    let patient = Patient::healthy().await;
    patient.let_happen(WorldChange::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted: false,
    });
    let missing = format!("missing: {MANAGEMENT_SCOPE}");
    let cure = "Create a new token of the system user with these permissions.";
    assert_found(&patient, "token_permissions", Problem, &missing, cure).await;
    let cure = "Make a new token with whatsapp_business_management";
    assert_found(&patient, "account", Problem, "lacks a permission", cure).await;
}
