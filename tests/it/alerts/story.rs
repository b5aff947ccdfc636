//! The demo's story, seen by a real Prometheus with our very rules, seconds for minutes: it fires every
//! alert that its beats mean to fire, and no other. Every critical one is notified at once, as an incident of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp as DateTime;
use serde_json::Value;

use super::chain::Chain;
use crate::http::get;
use crate::process::{demo_with, until};
use crate::prometheus::server::Prometheus;
use crate::prometheus::whole_round;
use crate::support::measured;

/// A minute and a bit of the rules is a second of the story, so that `for: 5m` fits between two beats.
const TIMES: f64 = 80.0;

/// The story takes 100 s at its own speed.
const A_ROUND: Duration = Duration::from_secs(240);

/// Some states last little longer than the `for` of their alert. On a busy machine, they may be seen too late in one
/// round, but not in every one.
const ROUNDS: Duration = Duration::from_secs(600);

/// What the beats mean to fire. The rest of the alerts are about what the demo does not act: an exporter
/// that is down or cannot store, data an hour old, numbers near the limit of everything.
const MEANT: &[&str] = &[
    "WhatsAppAccountAlert",
    "WhatsAppAccountCannotSend",
    "WhatsAppAccountCapabilityDecreased",
    "WhatsAppAccountDirectSendWarning",
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
    "WhatsAppFlowAlert",
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
    "WhatsAppNumberSecurityEvent",
    "WhatsAppNumberSendingLimited",
    "WhatsAppNumberThroughputLost",
    "WhatsAppNumberVerificationLost",
    "WhatsAppPaymentMissing",
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

/// What fires on a busy machine alone: an experiment is decided by the number of its users, and more of them come in a
/// third round. Scrapes that take longer than a second fail, and minutes are seconds here.
const MAY_FIRE: &[&str] = &[
    "WhatsAppAllExportersDown",
    "WhatsAppExperimentDecided",
    "WhatsAppExporterDown",
    "WhatsAppTemplateQualityMedium",
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
    fires_what_it_means_to("full");
}

/// Without zeros, the rules see states come and go, and counters with their first increment.
#[test]
fn sparse_metrics_fire_the_same_alerts() {
    fires_what_it_means_to("sparse");
}

fn fires_what_it_means_to(state_sets: &str) {
    let (demo, address) = demo_with("1", &["--metrics.state-sets", state_sets]);
    let chain = Chain::over(address, TIMES);
    let inhibited = Inhibited::by(chain.alertmanager);
    let prometheus = &chain.prometheus;
    until("the story's second round", A_ROUND, || whole_round(&demo));
    let meant: BTreeSet<String> = MEANT.iter().map(ToString::to_string).collect();
    // What the round's end brought may still be pending.
    let fired = until("every alert that is meant", ROUNDS, || {
        let fired = fired(prometheus)?;
        let missing = &meant - &fired;
        if missing.is_empty() {
            Ok(fired)
        } else {
            Err(format!("did not fire: {missing:?}"))
        }
    });
    let allowed = MAY_FIRE.iter().map(ToString::to_string).collect();
    let more = &(&fired - &meant) - &allowed;
    assert!(more.is_empty(), "fired as well: {more:?}");
    // What has fired just now is still waiting.
    let report = until("the pages", A_ROUND, || paged(&chain, &inhibited));
    measured(&report);
}

/// The labels of an alert.
type Labels = BTreeMap<String, String>;

fn labels(of: &Value) -> Labels {
    let labels = of.as_object().into_iter().flatten();
    let own = labels.filter(|(name, _)| !["__name__", "alertstate"].contains(&name.as_str()));
    own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// Alerts that Alertmanager has inhibited at some time.
#[derive(Clone, Default)]
struct Inhibited(Arc<Mutex<BTreeSet<Labels>>>);

impl Inhibited {
    fn by(alertmanager: SocketAddr) -> Self {
        let inhibited = Self::default();
        let to = inhibited.clone();
        // It ends with Alertmanager.
        std::thread::spawn(move || {
            while let Ok(answer) = get(
                alertmanager,
                "/api/v2/alerts?active=false&silenced=false",
                "",
            ) {
                let alerts: Vec<Value> = serde_json::from_str(&answer.body).unwrap_or_default();
                let some = alerts.iter().map(|alert| labels(&alert["labels"]));
                to.0.lock().expect("no panic").extend(some);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        inhibited
    }

    fn has(&self, labels: &Labels) -> bool {
        self.0.lock().expect("no panic").contains(labels)
    }
}

/// Seconds from the moment at which a critical alert fires, which is `for` after its condition, to its page. It takes one
/// interval of evaluations and one `group_wait`, each a second here; and one `group_interval`, four seconds here, if the
/// alert has fired shortly before. The rest is for a busy machine.
const AT_ONCE: f64 = 60.0;

/// Every critical alert that fired was notified at once, as an incident of its own, or was inhibited; or which was not.
fn paged(chain: &Chain, inhibited: &Inhibited) -> Result<String, String> {
    let mut wrong = Vec::new();
    let mut incidents: BTreeMap<String, BTreeSet<Labels>> = BTreeMap::new();
    let mut notified: BTreeMap<Labels, f64> = BTreeMap::new();
    let pages = chain.received().into_iter();
    for page in pages.filter(|page| page.receiver == "pager") {
        let sent_at = DateTime::try_from(page.at).expect("a time");
        for alert in page.body["alerts"].as_array().expect("alerts") {
            let labels = labels(&alert["labels"]);
            let incident = page.body["groupKey"].to_string();
            incidents
                .entry(incident)
                .or_default()
                .insert(labels.clone());
            let fired_at = alert["startsAt"].as_str().expect("a time");
            let fired_at: DateTime = fired_at.parse().expect("a time");
            let took = sent_at.duration_since(fired_at).as_secs_f64();
            notified.entry(labels).or_insert(took);
        }
    }
    let joined = incidents.values().filter(|alerts| alerts.len() > 1);
    wrong.extend(joined.map(|alerts| format!("one incident: {alerts:?}")));

    let mut report = "| critical alert | seconds from firing to its page |\n|---|---|\n".to_owned();
    let fired = r#"count_over_time(ALERTS{severity="critical", alertstate="firing"}[1h])"#;
    let data = chain.prometheus.query(fired).expect("the critical alerts");
    for one in data["result"].as_array().expect("series") {
        let labels = labels(&one["metric"]);
        let name = &labels["alertname"];
        let was_inhibited = inhibited.has(&labels);
        match notified.get(&labels) {
            Some(took) => {
                let _ = writeln!(report, "| {name} | {took:.1} |");
                // What was inhibited at first is notified when its cause is over.
                if *took > AT_ONCE && !was_inhibited {
                    wrong.push(format!("notified after {took:.1} s: {labels:?}"));
                }
            }
            None => {
                let _ = writeln!(report, "| {name} | inhibited |");
                if !was_inhibited {
                    wrong.push(format!("not notified: {labels:?}"));
                }
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(report),
        false => Err(wrong.join("\n")),
    }
}
