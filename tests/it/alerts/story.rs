//! The demo's story, seen by a real Prometheus with our very rules, seconds for minutes: it fires every
//! alert that its beats mean to fire, and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::process::{demo, until};
use crate::prometheus::server::Prometheus;
use crate::prometheus::whole_round;

/// A minute and a bit of the rules is a second of the story, so that `for: 5m` fits between two beats.
const TIMES: f64 = 80.0;

/// The story takes 100 s at its own speed.
const A_ROUND: Duration = Duration::from_secs(240);

/// What the beats mean to fire. The rest of the alerts are about what the demo does not act: an exporter
/// that is down or cannot store, data an hour old, numbers near the limit of everything.
const MEANT: &[&str] = &[
    "WhatsAppAccountAlert",
    "WhatsAppAccountCannotSend",
    "WhatsAppAccountCapabilityDecreased",
    "WhatsAppAccountDisableScheduled",
    "WhatsAppAccountDisabled",
    "WhatsAppAccountNotSubscribed",
    "WhatsAppAccountRemoved",
    "WhatsAppAccountRestricted",
    "WhatsAppAccountReviewLost",
    "WhatsAppAccountSendingLimited",
    "WhatsAppAccountVerificationLost",
    "WhatsAppAccountViolation",
    "WhatsAppApiBudgetHigh",
    "WhatsAppApiBudgetSpent",
    "WhatsAppFieldsDropped",
    "WhatsAppNumberBanned",
    "WhatsAppNumberCannotSend",
    "WhatsAppNumberDeleted",
    "WhatsAppNumberDisconnected",
    "WhatsAppNumberFlagged",
    "WhatsAppNumberMessagingLimitDecreased",
    "WhatsAppNumberNameRejected",
    "WhatsAppNumberQualityFalling",
    "WhatsAppNumberQualityFlapping",
    "WhatsAppNumberQualityLow",
    "WhatsAppNumberQualityMedium",
    "WhatsAppNumberRateLimited",
    "WhatsAppNumberSendingLimited",
    "WhatsAppNumberThroughputLost",
    "WhatsAppNumberVerificationLost",
    "WhatsAppPollFailing",
    "WhatsAppRelayParked",
    "WhatsAppTemplateBecameMarketing",
    "WhatsAppTemplateCategoryChangeScheduled",
    "WhatsAppTemplateDisableScheduled",
    "WhatsAppTemplateDisabled",
    "WhatsAppTemplatePaused",
    "WhatsAppTemplateQualityLow",
    "WhatsAppTemplateRejected",
    "WhatsAppTokenExpiring",
    "WhatsAppTokenExpiringSoon",
    "WhatsAppTokenInvalid",
    "WhatsAppUnknownValues",
    "WhatsAppWatchdog",
    "WhatsAppWebhookFieldNotSubscribed",
    "WhatsAppWebhooksMissed",
];

fn fired(prometheus: &Prometheus) -> Result<BTreeSet<String>, String> {
    let expression = "count by (alertname) (count_over_time(ALERTS{alertstate=\"firing\"}[1h]))";
    let data = prometheus.query(expression)?;
    let series = data["result"].as_array().cloned().unwrap_or_default();
    let names = series
        .iter()
        .filter_map(|one| one["metric"]["alertname"].as_str());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn the_story_fires_what_it_means_to_and_nothing_else() {
    let (demo, address) = demo("1");
    let prometheus = Prometheus::with_rules(address, TIMES);
    until("the story's second round", A_ROUND, || whole_round(&demo));
    let meant: BTreeSet<String> = MEANT.iter().map(ToString::to_string).collect();
    // What the round's end brought may still be pending.
    let fired = until("every alert that is meant", A_ROUND, || {
        let fired = fired(&prometheus)?;
        let missing = &meant - &fired;
        if missing.is_empty() {
            Ok(fired)
        } else {
            Err(format!("did not fire: {missing:?}"))
        }
    });
    let more = &fired - &meant;
    assert!(more.is_empty(), "fired as well: {more:?}");
}
