//! What every alert has: a severity that is routed, a `for` duration, and links to its runbook and dashboard.

use std::collections::BTreeSet;

use super::rules::{Rule, alerts};
use crate::support::assert_none;

/// From the most to the least severe. Each is routed in `alertmanager.yml`.
const SEVERITIES: &[&str] = &["critical", "warning", "info"];

/// Routed by its name. It is about nothing that a title could name.
const WATCHDOG: &str = "WhatsAppWatchdog";

/// The default links of alerts/values.yaml.
const RUNBOOKS: &str = "https://github.com/whatsapp-business-exporter/whatsapp-business-exporter/blob/main/alerts/runbooks.md#";
const STATUS_PAGE: &str = "http://localhost:10131/?waba_id=";
const DASHBOARDS: &str = "http://localhost:3000/d/whatsapp-";

/// Alerts about a rating whose likely causes the status page names.
const EXPLAINED: &[&str] = &[
    "WhatsAppNumberQualityFalling",
    "WhatsAppNumberQualityLow",
    "WhatsAppNumberQualityMedium",
];

/// Alerts without `for` whose condition lasts, with the reason.
const AT_ONCE: &[(&str, &str)] = &[(WATCHDOG, "it always fires")];

#[test]
fn every_alert_has_a_different_name() {
    let mut seen = BTreeSet::new();
    let alerts = alerts();
    let twice = alerts
        .iter()
        .map(Rule::name)
        .filter(|name| !seen.insert(*name));
    assert_eq!(twice.collect::<Vec<_>>(), [""; 0]);
    assert!(
        alerts
            .iter()
            .all(|rule| rule.name().starts_with("WhatsApp"))
    );
}

#[test]
fn every_alert_has_a_summary_a_runbook_and_a_dashboard() {
    let complaints = alerts().iter().flat_map(missing).collect::<Vec<_>>();
    assert_none(&complaints);
}

fn missing(rule: &Rule) -> Vec<String> {
    let (summary, description) = (rule.annotation("summary"), rule.annotation("description"));
    let labels: Vec<&str> = rule.labels.keys().map(String::as_str).collect();
    let is_watchdog = rule.name() == WATCHDOG;
    let is_explained = EXPLAINED.contains(&rule.name());
    let has_values = |text: &str| text.contains("{{") != is_watchdog;
    let demands = [
        (
            SEVERITIES.contains(&rule.severity()) != is_watchdog,
            "a severity that is routed",
        ),
        (
            labels == ["severity"],
            "no label but its severity: its identity must not change",
        ),
        (
            !summary.is_empty() && has_values(summary),
            "a summary that names what it is about",
        ),
        (
            !summary.ends_with('.') && !summary.contains('\n'),
            "a summary that is a title",
        ),
        (has_values(description), "a description with values"),
        (
            description.ends_with('.') && description != summary,
            "a description of whole sentences",
        ),
        (
            rule.annotation("runbook_url") == runbook(rule),
            "the address of its runbook",
        ),
        (
            rule.annotation("dashboard_url").starts_with(DASHBOARDS),
            "a dashboard's address",
        ),
        (
            rule.annotation("causes_url").starts_with(STATUS_PAGE) == is_explained,
            "the address of its causes, if there are any",
        ),
        (
            rule.annotations.len() == 4 + usize::from(is_explained),
            "these annotations and no other",
        ),
    ];
    let failed = demands.iter().filter(|(met, _)| !met);
    failed
        .map(|(_, demand)| format!("{} needs {demand}", rule.name()))
        .collect()
}

fn runbook(rule: &Rule) -> String {
    format!("{RUNBOOKS}{}", rule.name().to_lowercase())
}

#[test]
fn every_alert_has_a_for_or_a_window_or_a_reason_why_not() {
    for rule in alerts() {
        let reason = AT_ONCE.iter().find(|(name, _)| *name == rule.name());
        let waits = rule.pending.is_some() || rule.keep_firing_for.is_some();
        assert!(
            waits != reason.is_some(),
            "{}: for or keep_firing_for, or else a reason in this file",
            rule.name()
        );
    }
}
