//! A real Alertmanager with the shipped configuration: which alerts inhibit which others.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::pages::start;
use super::path;
use crate::http::{get, post};
use crate::process::{SOON, until};

/// Alerts that fire together, as names and labels. Inhibited ones are marked by `-`.
const FIRING: &str = "
    WhatsAppAccountDisabled waba_id=1
  - WhatsAppAccountCannotSend waba_id=1
  - WhatsAppNumberBanned waba_id=1 phone_number_id=11
  - WhatsAppTemplateDisabled waba_id=1 template_id=12
    WhatsAppAccountViolation waba_id=1
    WhatsAppAccountCannotSend waba_id=15
  - WhatsAppNumberCannotSend waba_id=15 phone_number_id=151
    WhatsAppNumberSecurityEvent waba_id=15 phone_number_id=151
    WhatsAppNumberMessagingLimitDecreased business_id=1

    WhatsAppNumberQualityLow waba_id=2 phone_number_id=21
  - WhatsAppNumberQualityMedium waba_id=2 phone_number_id=21
  - WhatsAppNumberQualityFalling waba_id=2 phone_number_id=21
    WhatsAppNumberQualityMedium waba_id=2 phone_number_id=22
    WhatsAppNumberFlaggedDeadlineNear waba_id=2 phone_number_id=21
  - WhatsAppNumberFlagged waba_id=2 phone_number_id=21
    WhatsAppNumberFlagged waba_id=2 phone_number_id=22
    WhatsAppNumberBanned waba_id=2 phone_number_id=23
  - WhatsAppNumberCannotSend waba_id=2 phone_number_id=23
    WhatsAppNumberCannotSend waba_id=2 phone_number_id=24

    WhatsAppTemplateDisabled waba_id=3 template_id=31
  - WhatsAppTemplateQualityLow waba_id=3 template_id=31
  - WhatsAppTemplateQualityMedium waba_id=3 template_id=31
  - WhatsAppTemplatePausedAgain waba_id=3 template_id=31
  - WhatsAppTemplatePaused waba_id=3 template_id=31
    WhatsAppTemplatePaused waba_id=3 template_id=32
    WhatsAppTemplateDisabled waba_id=3
    WhatsAppTemplatePaused waba_id=3

    WhatsAppTemplatesManyBad waba_id=16
  - WhatsAppTemplatePaused waba_id=16 template_id=161
  - WhatsAppTemplateDisabled waba_id=16 template_id=162

    WhatsAppDataStale app=five waba_id=4 collector=numbers
  - WhatsAppPollFailing app=five waba_id=4 collector=numbers
    WhatsAppPollFailing app=five waba_id=4 collector=templates
    WhatsAppNumberCannotSend waba_id=4 phone_number_id=41
    WhatsAppAccountRestricted waba_id=4

    WhatsAppTokenInvalid app=six
  - WhatsAppTokenExpiringSoon app=six
  - WhatsAppDataStale app=six waba_id=6 collector=numbers
  - WhatsAppPollFailing app=six waba_id=6 collector=numbers
  - WhatsAppDiscoveryFailing app=six
    WhatsAppDataStale app=seven waba_id=7 collector=templates
    WhatsAppDataStale app=six waba_id=6 collector=numbers cluster=eu
    WhatsAppTokenExpiringSoon app=seven
  - WhatsAppTokenExpiring app=seven
    WhatsAppTokenExpiring app=eight

    WhatsAppAccountLost waba_id=13
  - WhatsAppPollFailing app=seven waba_id=13 collector=account
    WhatsAppPollFailing app=seven waba_id=14 collector=account

    WhatsAppCertificateExpiringSoon listener=web instance=first
  - WhatsAppCertificateExpiring listener=web instance=first
    WhatsAppCertificateExpiring listener=web instance=second
    WhatsAppCertificateExpiring listener=webhook instance=first

    WhatsAppApiBudgetSpent waba_id=9
  - WhatsAppApiBudgetHigh waba_id=9
    WhatsAppApiBudgetHigh waba_id=10

    WhatsAppWebhookCallbackMismatch app=main cluster=asia
  - WhatsAppNumberMessagesElsewhere cluster=asia waba_id=22 phone_number_id=221
    WhatsAppNumberMessagesElsewhere waba_id=22 phone_number_id=222

    WhatsAppGraphUnreachable cluster=us
  - WhatsAppDataStale cluster=us app=six waba_id=20 collector=numbers
  - WhatsAppPollFailing cluster=us app=six waba_id=21 collector=numbers
  - WhatsAppDiscoveryFailing cluster=us app=six
    WhatsAppNumberBanned cluster=us waba_id=21 phone_number_id=211

    WhatsAppDatabaseDown cluster=us
  - WhatsAppStoreFailing cluster=us instance=first
    WhatsAppStoreFailing cluster=eu instance=first

    WhatsAppExporterDown instance=third
    WhatsAppNumberBanned waba_id=11 phone_number_id=111

    WhatsAppAllExportersDown job=other
    WhatsAppWatchdog job=other
  - WhatsAppExporterDown job=other instance=fourth
  - WhatsAppNumberBanned job=other waba_id=12 phone_number_id=121
  - WhatsAppTokenInvalid job=other app=twelve
";

/// The labels of a line.
fn labels(line: &str) -> Value {
    let mut labels = json!({"job": "whatsapp"});
    let mut words = line.trim_start_matches('-').split_whitespace();
    labels["alertname"] = words.next().expect("a name").into();
    for word in words {
        let (name, value) = word.split_once('=').expect("name=value");
        labels[name] = value.into();
    }
    labels
}

fn lines() -> impl Iterator<Item = &'static str> {
    FIRING
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

/// The labels of the alerts that Alertmanager reports as inhibited.
fn silenced(address: SocketAddr) -> Result<BTreeSet<String>, String> {
    let answer = get(address, "/api/v2/alerts?inhibited=true", "")?;
    let alerts: Vec<Value> =
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let inhibited = |alert: &&Value| alert["status"]["inhibitedBy"] != json!([]);
    let silenced = alerts.iter().filter(inhibited);
    Ok(silenced.map(|alert| alert["labels"].to_string()).collect())
}

#[test]
fn a_cause_inhibits_its_consequences() {
    let storage = tempfile::tempdir().expect("a temporary folder");
    let (_process, address) = start(&path("alertmanager.yml"), storage.path());
    let alerts: Vec<Value> = lines()
        .map(|line| json!({"labels": labels(line)}))
        .collect();
    let answer = post(address, "/api/v2/alerts", &json!(alerts)).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = lines().filter(|line| line.starts_with('-'));
    let expected: BTreeSet<String> = expected.map(|line| labels(line).to_string()).collect();
    // The last alert of the list is inhibited. When Alertmanager reports that, it has all others too.
    until("the silenced alerts", SOON, || {
        let silenced = silenced(address)?;
        let (missing, more) = (&expected - &silenced, &silenced - &expected);
        if missing.is_empty() && more.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "should be silent: {missing:#?}\nshould speak: {more:#?}"
            ))
        }
    });
}
