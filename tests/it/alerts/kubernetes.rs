//! The operator's PrometheusRule: the same groups in another envelope, generated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::{Group, groups};
use super::{path, text, tools};

const FILE: &str = "kubernetes/prometheus-rule.yaml";

const HEADER: &str = "\
# Generated from alerts/*.yml by `UPDATE_ALERTS=1 cargo test --test it alerts`. Do not edit.
# The Prometheus operator selects it if its ruleSelector matches; with kube-prometheus-stack, add the label `release`.
# keep_firing_for needs the operator's CRD of 0.66 or newer.
";

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrometheusRule {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Spec {
    groups: Vec<Group>,
}

/// What the file has to say.
fn wanted() -> PrometheusRule {
    let name = env!("CARGO_PKG_NAME");
    let label = ("app.kubernetes.io/name".to_owned(), name.to_owned());
    PrometheusRule {
        api_version: "monitoring.coreos.com/v1".to_owned(),
        kind: "PrometheusRule".to_owned(),
        metadata: Metadata {
            name: name.to_owned(),
            labels: [label].into(),
        },
        spec: Spec { groups: groups() },
    }
}

#[test]
fn the_operators_rules_are_in_step() {
    let wanted = wanted();
    let body = serde_saphyr::to_string(&wanted).expect("plain values");
    let after = format!("{HEADER}{body}");
    if std::env::var_os("UPDATE_ALERTS").is_some() {
        std::fs::write(path(FILE), &after).expect("the file can be written");
    }
    let before = text(FILE);
    let read: PrometheusRule = serde_saphyr::from_str(&before).expect("a PrometheusRule");
    assert_eq!(read, wanted, "{FILE} says something else than the rules");
    assert!(
        before == after,
        "{FILE} is not as it is generated: `UPDATE_ALERTS=1 cargo test --test it alerts`"
    );
}

#[test]
fn promtool_takes_what_is_generated() {
    let spec = serde_saphyr::to_string(&wanted().spec).expect("plain values");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("spec.yml");
    std::fs::write(&file, spec).expect("the folder is ours");
    let file = file.display().to_string();
    tools::promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        vec![file],
    );
}
