//! The scrape configuration of several replicas: which series have the same identity whichever replica exports them.
//!
//! A series that only the owner of an account, an app or a portfolio exports loses `instance` and `pod`. All others keep
//! them: they come from each replica, or they are counters of one process, which another process does not continue.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::text;
use crate::docs::tables;
use crate::support::assert_none;

const PROMETHEUS: &str = "deploy/cluster/prometheus.yml";
const MONITOR: &str = "deploy/kubernetes/cluster/service-monitor.patch.yaml";

/// Labels of objects that have an owner.
const OF_META: [&str; 3] = ["waba_id", "app", "business_id"];

/// Labels that differ between replicas.
const OF_A_REPLICA: [&str; 2] = ["instance", "pod"];

const EXPORTER: &str = "whatsapp_exporter_";

/// Families about the exporter with a label of Meta that only the owner exports.
const BY_THE_OWNER: &[&str] = &[
    "poll_up",
    "poll_failure",
    "poll_last_success_timestamp_seconds",
    "webhook_unmatched",
    "webhook_last_received_timestamp_seconds",
    "graph_usage_ratio",
    "graph_regain_access_timestamp_seconds",
    "graph_planned_calls_per_hour",
    "graph_field_dropped",
    "discovery_up",
    "discovery_last_success_timestamp_seconds",
];

/// Families about the exporter with a label of Meta that several replicas may export, and why.
const BY_EACH_REPLICA: &[(&str, &str)] = &[
    ("accounts", "each replica knows the accounts of all"),
    ("objects_refused_total", "a counter of the process"),
    ("webhook_wrong_app_total", "a counter of the process"),
    ("webhook_previous_secret_total", "a counter of the process"),
];

/// Labels of a series, `__name__` included.
type Labels = BTreeMap<String, String>;

/// One rule, as Prometheus or as its operator writes it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Relabeling {
    #[serde(alias = "sourceLabels")]
    source_labels: Vec<String>,
    regex: String,
    #[serde(alias = "targetLabel")]
    target_label: String,
    replacement: String,
}

impl Relabeling {
    /// Removes the target label if the rule matches. The regular expression is anchored.
    fn apply(&self, labels: &mut Labels) {
        let values = self.source_labels.iter();
        let values = values.map(|label| labels.get(label).map_or("", String::as_str));
        let value = values.collect::<Vec<_>>().join(";");
        let regex = Regex::new(&format!("^(?:{})$", self.regex)).expect("a good pattern");
        if regex.is_match(&value) {
            assert_eq!(self.replacement, "", "a label is set");
            labels.remove(&self.target_label);
        }
    }
}

fn rules(file: &str, at: &str) -> Vec<Relabeling> {
    let file: Value = serde_saphyr::from_str(&text(file)).expect("YAML");
    let rules = file.pointer(at).expect("the rules are there").clone();
    serde_json::from_value(rules).expect("rules that only remove labels")
}

fn of_prometheus() -> Vec<Relabeling> {
    rules(PROMETHEUS, "/scrape_configs/0/metric_relabel_configs")
}

/// Whether a series, as promtool writes it, is the same whichever replica exports it.
pub fn is_of_any_replica(series: &str) -> bool {
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    let pairs = Regex::new(r#"(\w+)="((?:[^"\\]|\\.)*)""#).expect("a good pattern");
    let pairs = pairs
        .captures_iter(rest)
        .map(|pair| (pair[1].to_owned(), pair[2].to_owned()));
    let replica = OF_A_REPLICA.map(|label| (label.to_owned(), "a".to_owned()));
    let name = [("__name__".to_owned(), name.to_owned())];
    let mut labels: Labels = pairs.chain(replica).chain(name).collect();
    of_prometheus()
        .iter()
        .for_each(|rule| rule.apply(&mut labels));
    let left = OF_A_REPLICA.map(|label| labels.contains_key(label));
    assert_eq!(left[0], left[1], "{series}: both labels go, or none");
    !left[0]
}

/// A series of a family in which each label has a value.
fn series(row: &tables::Row) -> String {
    let pairs = row.labels.iter().map(|label| format!("{label}=\"a\""));
    format!("{}{{{}}}", row.name, pairs.collect::<Vec<_>>().join(","))
}

#[test]
fn every_family_with_an_owner_is_decided() {
    let rows = tables::rows();
    let mut complaints = Vec::new();
    for row in &rows {
        let has_owner = row
            .labels
            .iter()
            .any(|label| OF_META.contains(&label.as_str()));
        let is_expected = match row.name.strip_prefix(EXPORTER) {
            None => has_owner,
            Some(name) => {
                let is_owners = BY_THE_OWNER.contains(&name);
                let is_of_each = BY_EACH_REPLICA.iter().any(|(each, _)| *each == name);
                if has_owner != (is_owners || is_of_each) {
                    complaints.push(format!("{name}: who exports it is not decided"));
                }
                is_owners
            }
        };
        if is_of_any_replica(&series(row)) != is_expected {
            let what = if is_expected { "keeps" } else { "loses" };
            complaints.push(format!("{} {what} instance", row.name));
        }
    }
    let names = BY_EACH_REPLICA.iter().map(|(name, _)| name);
    for name in names.chain(BY_THE_OWNER) {
        if !rows
            .iter()
            .any(|row| row.name == format!("{EXPORTER}{name}"))
        {
            complaints.push(format!("{name} does not exist"));
        }
    }
    assert_none(&complaints);
}

#[test]
fn a_field_that_is_dropped_for_all_accounts_is_of_each_replica() {
    let name = "whatsapp_exporter_graph_field_dropped";
    assert!(is_of_any_replica(&format!("{name}{{waba_id=\"1\"}}")));
    assert!(!is_of_any_replica(&format!("{name}{{waba_id=\"\"}}")));
}

#[test]
fn the_monitor_has_the_same_rules() {
    let monitor = rules(MONITOR, "/spec/endpoints/0/metricRelabelings");
    assert_eq!(monitor, of_prometheus());
}

/// An older operator omits an empty replacement. The default is the first group.
#[test]
fn the_first_group_is_empty() {
    for rule in of_prometheus() {
        assert!(rule.regex.starts_with("()"), "{}", rule.regex);
    }
}
