//! The PrometheusRule and the ServiceMonitor of the chart, for which Kubernetes has no schema.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_business_exporter::alerts::{Group, Rule, RuleFile};

use super::super::kubernetes::{CLUSTER as KUSTOMIZE_CLUSTER, manifest};
use super::super::text;
use super::{CLUSTER, EVERYTHING, SQLITE, objects, only, rendered};
use crate::alerts::rules::groups;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrometheusRule {
    api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: RuleFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

fn prometheus_rule(values: &str, arguments: &[&str]) -> PrometheusRule {
    let objects = objects(&rendered(values, arguments));
    let rule = only(&objects, "PrometheusRule").clone();
    serde_json::from_value(rule).expect("a PrometheusRule")
}

fn named<'a>(groups: &'a [Group], name: &str) -> Option<&'a Rule> {
    let mut rules = groups.iter().flat_map(|group| &group.rules);
    rules.find(|rule| rule.name() == name)
}

#[test]
fn the_rules_are_those_of_the_default_values() {
    let rule = prometheus_rule(SQLITE, &["--set=prometheusRule.enabled=true"]);
    assert_eq!(rule.api_version, "monitoring.coreos.com/v1");
    assert_eq!(rule.metadata.name, "wa-whatsapp-business-exporter");
    assert_eq!(rule.spec.groups, groups());
}

#[test]
fn values_change_alerts_and_their_links() {
    let rule = prometheus_rule(EVERYTHING, &[]);
    assert_eq!(rule.metadata.labels["release"], "kube-prometheus-stack");
    let changed = rule.spec.groups;
    assert!(named(&changed, "WhatsAppFieldsDropped").is_none());
    let banned = named(&changed, "WhatsAppNumberBanned").expect("it is enabled");
    assert_eq!(banned.severity(), "warning");
    assert_eq!(banned.pending.as_deref(), Some("10m"));
    assert_eq!(banned.keep_firing_for.as_deref(), Some("1h"));
    let text = serde_json::to_string(&changed).expect("plain values");
    assert!(text.contains("https://grafana.example.com/d/whatsapp-number"));
    assert!(text.contains("https://wa.example.com"));
    assert!(!text.contains("http://localhost"));
    let default = groups();
    let mut others = default.iter().flat_map(|group| &group.rules);
    let is_same =
        |rule: &Rule| named(&changed, rule.name()).is_some_and(|one| one.expr == rule.expr);
    assert!(others.all(|rule| is_same(rule) || rule.name() == "WhatsAppFieldsDropped"));
}

#[test]
fn without_alerts_a_group_is_left_out() {
    let default = groups();
    let is_whole = |group: &&Group| group.rules.iter().all(|rule| rule.alert.is_some());
    let group = default.iter().find(is_whole).expect("a group of alerts");
    let disabled = group.rules.iter();
    let disabled: Vec<String> = disabled
        .map(|rule| format!("--set=prometheusRule.alerts.{}.enabled=false", rule.name()))
        .collect();
    let arguments = disabled.iter().map(String::as_str);
    let arguments: Vec<&str> = arguments
        .chain(["--set=prometheusRule.enabled=true"])
        .collect();
    let left = prometheus_rule(SQLITE, &arguments).spec.groups;
    assert_eq!(left.len() + 1, default.len());
    assert!(left.iter().all(|one| one.name != group.name));
}

#[test]
fn a_manifest_of_the_program_replaces_the_rules() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("prometheus-rule.yaml");
    let source = text("alerts/kubernetes/prometheus-rule.yaml");
    std::fs::write(&file, source.replace("for: 2m", "for: 3m")).expect("the folder is ours");
    let manifest = format!("--set-file=prometheusRule.manifest={}", file.display());
    let rule = prometheus_rule(SQLITE, &["--set=prometheusRule.enabled=true", &manifest]);
    let banned = named(&rule.spec.groups, "WhatsAppNumberBanned").expect("an alert");
    assert_eq!(banned.pending.as_deref(), Some("3m"));
}

fn endpoint(values: &str, arguments: &[&str]) -> Value {
    let objects = objects(&rendered(values, arguments));
    let monitor = only(&objects, "ServiceMonitor");
    assert_eq!(monitor["apiVersion"], "monitoring.coreos.com/v1");
    assert_eq!(monitor["spec"]["jobLabel"], "app.kubernetes.io/name");
    let selector = monitor["spec"]["selector"]["matchLabels"].as_object();
    let selector = selector.expect("a selector");
    let is_selected = |service: &&Value| {
        let labels = &service["metadata"]["labels"];
        selector.iter().all(|(name, value)| labels[name] == *value)
    };
    let services = objects.iter().filter(|one| one["kind"] == "Service");
    let selected: Vec<&Value> = services.filter(is_selected).collect();
    let [service] = selected[..] else {
        panic!("{} Services are selected", selected.len());
    };
    let endpoints = monitor["spec"]["endpoints"].as_array().expect("a list");
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0]["port"], service["spec"]["ports"][0]["name"]);
    endpoints[0].clone()
}

#[test]
fn each_replica_is_scraped_with_the_relabelings_of_a_cluster() {
    let monitor = manifest(KUSTOMIZE_CLUSTER, "service-monitor.patch.yaml");
    assert_eq!(endpoint(CLUSTER, &[]), monitor["spec"]["endpoints"][0]);
    let one = endpoint(SQLITE, &["--set=serviceMonitor.enabled=true"]);
    assert_eq!(one, json!({"port": "operator", "interval": "30s"}));
    let own = endpoint(EVERYTHING, &[]);
    let expected = json!({"port": "operator", "interval": "1m", "scrapeTimeout": "30s"});
    assert_eq!(own, expected);
}
