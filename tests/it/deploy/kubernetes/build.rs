//! Kustomize builds the kustomizations, and the schemas of Kubernetes allow every field of the result.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::{FROM_NPM, from_npm, from_pypi, path, said_by};
use super::{BASE, CLUSTER, EXAMPLE, files, kustomizations, texts};

/// Files that are no manifests: the kustomization, and the configuration of the program.
const NO_MANIFESTS: [&str; 2] = ["kustomization.yaml", "config.yml"];

/// Patches of a manifest of another folder.
const PATCH: &str = ".patch.yaml";

/// A file of the example that no kustomization contains, because a secret does not belong in a repository.
const SHOWN_ONLY: &str = "secret.yaml";

/// Kinds without a schema. `monitor.rs` and the tests of the alerts check these.
const OF_THE_OPERATOR: [&str; 2] = ["PrometheusRule", "ServiceMonitor"];

pub fn built(folder: &str) -> String {
    let mut kubectl = from_npm("kubectl");
    said_by(kubectl.arg("kustomize").arg(path(folder)), FROM_NPM)
}

fn kinds(yaml: &str) -> Vec<&str> {
    let lines = yaml.lines().filter_map(|line| line.strip_prefix("kind: "));
    let mut kinds: Vec<&str> = lines.collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn every_file_is_named_and_every_name_is_a_file() {
    for (folder, kustomization) in kustomizations() {
        let generated = kustomization["configMapGenerator"].as_array();
        let generated = generated.into_iter().flatten();
        let mut named: Vec<&str> = generated.flat_map(|one| texts(&one["files"])).collect();
        named.extend(texts(&kustomization["resources"]));
        let patches = kustomization["patches"].as_array().into_iter().flatten();
        named.extend(patches.filter_map(|patch| patch["path"].as_str()));
        for name in &named {
            assert!(path(&folder).join(name).exists(), "{folder}: no {name}");
        }
        // The boards are a folder deeper.
        let deeper = named.iter().any(|name| name.starts_with("dashboards/"));
        let inside = if deeper { "dashboards/" } else { "" };
        for file in files(&path(&folder).join(inside)) {
            let is_expected = ["kustomization.yaml", SHOWN_ONLY].contains(&file.as_str());
            let file = format!("{inside}{file}");
            assert!(
                is_expected || named.contains(&file.as_str()),
                "{folder}: {file} is left out"
            );
        }
    }
}

#[test]
fn kustomize_builds_each_thing_once() {
    let base = built(BASE);
    let boards = files(&path("grafana/dashboards")).len();
    // Each board has a ConfigMap, and so has the configuration.
    let mut expected = vec!["ConfigMap"; boards + 1];
    expected.extend([
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PrometheusRule",
        "Service",
        "Service",
        "ServiceMonitor",
    ]);
    assert_eq!(kinds(&base), expected);
    let example = built(EXAMPLE);
    let added: Vec<&str> = kinds(&example)
        .into_iter()
        .filter(|kind| !expected.contains(kind))
        .collect();
    assert_eq!(added, ["Ingress"]);
    assert_eq!(
        example
            .matches("\n    release: kube-prometheus-stack\n")
            .count(),
        2
    );
    assert_eq!(example.matches("grafana_dashboard: \"1\"").count(), boards);
    let image = format!(
        "image: registry.example.com/{}:{}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    );
    assert!(example.contains(&image), "the image is not of this version");
}

#[test]
fn kubernetes_schemas_allow_every_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for source in [BASE, EXAMPLE, CLUSTER] {
        let manifests = files(&path(source)).into_iter();
        let is_whole =
            |file: &String| !NO_MANIFESTS.contains(&file.as_str()) && !file.ends_with(PATCH);
        for file in manifests.filter(is_whole) {
            let text = std::fs::read_to_string(path(source).join(&file));
            validate(&text.expect("it is there"), folder.path());
        }
    }
}

#[test]
fn kubernetes_schemas_allow_the_built_manifests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for source in [BASE, EXAMPLE, CLUSTER] {
        validate(&built(source), folder.path());
    }
}

/// Fails unless the schemas of Kubernetes allow all objects of their kinds.
pub fn validate(yaml: &str, folder: &Path) {
    let file = folder.join("built.yaml");
    std::fs::write(&file, yaml).expect("the folder is ours");
    let mut validate = from_pypi("kubernetes-validate");
    let said = said_by(
        validate.arg("--strict").arg(&file),
        "PyPI's package `kubernetes-validate`",
    );
    let warned = said.lines().filter(|line| line.starts_with("WARN"));
    let unknown: BTreeSet<&str> = warned
        .filter_map(|line| line.split_once("schema for kind ")?.1.split(' ').next())
        .collect();
    assert!(
        unknown.iter().all(|kind| OF_THE_OPERATOR.contains(kind)),
        "{said}"
    );
    let passed = said.matches(" passed for resource ").count();
    let expected = kinds(yaml)
        .iter()
        .filter(|kind| !OF_THE_OPERATOR.contains(kind))
        .count();
    assert_eq!(passed, expected, "{said}");
}
