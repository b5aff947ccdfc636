//! A real Alertmanager with our configuration: who is silenced by whom, and who is not.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::pages::start;
use super::path;
use crate::http::{get, post};
use crate::process::{SOON, until};

/// Alerts that fire together, as names and labels; those that are silenced are marked by `-`.
const FIRING: &str = "
    WhatsAppAccountDisabled waba_id=1
  - WhatsAppAccountCannotSend waba_id=1
  - WhatsAppNumberBanned waba_id=1 phone_number_id=11
  - WhatsAppTemplateDisabled waba_id=1 template_id=12
    WhatsAppAccountViolation waba_id=1

    WhatsAppNumberQualityLow waba_id=2 phone_number_id=21
  - WhatsAppNumberQualityMedium waba_id=2 phone_number_id=21
  - WhatsAppNumberQualityFalling waba_id=2 phone_number_id=21
    WhatsAppNumberQualityMedium waba_id=2 phone_number_id=22
    WhatsAppNumberFlaggedDeadlineNear waba_id=2 phone_number_id=21
  - WhatsAppNumberFlagged waba_id=2 phone_number_id=21
    WhatsAppNumberFlagged waba_id=2 phone_number_id=22

    WhatsAppTemplateDisabled waba_id=3 template_id=31
  - WhatsAppTemplateQualityLow waba_id=3 template_id=31
  - WhatsAppTemplatePausedAgain waba_id=3 template_id=31
  - WhatsAppTemplatePaused waba_id=3 template_id=31
    WhatsAppTemplatePaused waba_id=3 template_id=32
    WhatsAppTemplateDisabled waba_id=3
    WhatsAppTemplatePaused waba_id=3

    WhatsAppDataStale waba_id=4 collector=numbers
  - WhatsAppNumberCannotSend waba_id=4 phone_number_id=41
    WhatsAppAccountRestricted waba_id=4
    WhatsAppTemplateRejected waba_id=4 template_id=42
    WhatsAppDataStale waba_id=5 collector=account
  - WhatsAppAccountCannotSend waba_id=5
    WhatsAppAccountRestricted waba_id=5

    WhatsAppTokenInvalid app=six app_id=6
  - WhatsAppTokenExpiringSoon app=six app_id=6
  - WhatsAppDataStale app=six waba_id=6 collector=numbers
  - WhatsAppPollFailing app=six waba_id=6 collector=numbers
  - WhatsAppDiscoveryFailing app=six
    WhatsAppDataStale app=seven waba_id=7 collector=templates
    WhatsAppTokenExpiringSoon app=seven app_id=6
  - WhatsAppTokenExpiring app=seven app_id=6
    WhatsAppTokenExpiring app=eight app_id=6

    WhatsAppAccountLost waba_id=13
  - WhatsAppPollFailing app=six waba_id=13 collector=account
    WhatsAppPollFailing app=seven waba_id=14 collector=account

    WhatsAppCertificateExpiringSoon listener=web
  - WhatsAppCertificateExpiring listener=web
    WhatsAppCertificateExpiring listener=webhook

    WhatsAppApiBudgetSpent waba_id=9
  - WhatsAppApiBudgetHigh waba_id=9
    WhatsAppApiBudgetHigh waba_id=10

    WhatsAppExporterDown instance=third
  - WhatsAppNumberBanned waba_id=11 phone_number_id=111 instance=third
  - WhatsAppTokenInvalid app=twelve instance=third
";

/// The labels of a line.
fn labels(line: &str) -> Value {
    let mut labels = json!({"job": "whatsapp", "instance": "first"});
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

/// The labels of those that Alertmanager says are silenced by others.
fn silenced(address: SocketAddr) -> Result<BTreeSet<String>, String> {
    let answer = get(address, "/api/v2/alerts?inhibited=true", "")?;
    let alerts: Vec<Value> =
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let inhibited = |alert: &&Value| alert["status"]["inhibitedBy"] != json!([]);
    let silenced = alerts.iter().filter(inhibited);
    Ok(silenced.map(|alert| alert["labels"].to_string()).collect())
}

#[test]
fn the_cause_speaks_and_what_follows_from_it_is_silent() {
    let storage = tempfile::tempdir().expect("a temporary folder");
    let (_process, address) = start(&path("alertmanager.yml"), storage.path());
    let alerts: Vec<Value> = lines()
        .map(|line| json!({"labels": labels(line)}))
        .collect();
    let answer = post(address, "/api/v2/alerts", &json!(alerts)).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = lines().filter(|line| line.starts_with('-'));
    let expected: BTreeSet<String> = expected.map(|line| labels(line).to_string()).collect();
    // The last in the list is silenced: once it is, all others have been seen too.
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
