//! The operator's PrometheusRule: the same groups in another envelope.

use serde::{Deserialize, Serialize};

use super::rules::{Group, groups};
use super::{text, tools};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrometheusRule {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    groups: Vec<Group>,
}

fn manifest() -> PrometheusRule {
    serde_saphyr::from_str(&text("kubernetes/prometheus-rule.yaml")).expect("a PrometheusRule")
}

#[test]
fn the_manifest_has_the_rules_of_the_files() {
    let manifest = manifest();
    let kind = (manifest.api_version.as_str(), manifest.kind.as_str());
    assert_eq!(kind, ("monitoring.coreos.com/v1", "PrometheusRule"));
    let name = env!("CARGO_PKG_NAME");
    assert_eq!(manifest.metadata.name, name);
    assert_eq!(manifest.metadata.labels["app.kubernetes.io/name"], name);
    assert_eq!(manifest.spec.groups, groups());
}

#[test]
fn promtool_accepts_the_rules_of_the_manifest() {
    let spec = serde_saphyr::to_string(&manifest().spec).expect("plain values");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("spec.yml");
    std::fs::write(&file, spec).expect("the folder is ours");
    let file = file.display().to_string();
    tools::promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        vec![file],
    );
}
