//! The Helm chart: linted, rendered with several values, and consistent with the kustomizations and the program.
//!
//! `UPDATE_HELM=1 cargo test --test it deploy::helm` copies the rules and dashboards into the chart, and writes the
//! expected output in `tests/fixtures/helm/`.

mod agreement;
mod errors;
mod files;
mod options;
mod output;
pub mod program;
mod rules;
pub mod values;

use std::process::Command;

use serde_json::Value;

use super::kubernetes::parsed;
use super::{FROM_NPM, from_npm, path, said_by};

const CHART: &str = "deploy/helm/whatsapp-business-exporter";

/// The values of the tests, in the folder `ci` of the chart.
const SQLITE: &str = "ci/sqlite-values.yaml";
const CLUSTER: &str = "ci/cluster-values.yaml";
const EVERYTHING: &str = "ci/everything-values.yaml";
const ALL: [&str; 3] = [SQLITE, CLUSTER, EVERYTHING];

/// Helm in the folder of the chart.
fn helm(arguments: &[&str]) -> Command {
    let mut helm = from_npm("helm");
    helm.args(arguments).current_dir(path(CHART));
    helm
}

/// The manifests of Helm with these values and arguments.
fn rendered(values: &str, arguments: &[&str]) -> String {
    rendered_as("wa", values, arguments)
}

/// The same for a release of another name.
fn rendered_as(release: &str, values: &str, arguments: &[&str]) -> String {
    let mut helm = helm(&["template", release, ".", "--namespace=whatsapp"]);
    said_by(helm.arg("--values").arg(values).args(arguments), FROM_NPM)
}

/// The manifests of Helm with the values in this text.
pub fn rendered_with(values: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).expect("the folder is ours");
    rendered(&file.display().to_string(), &[])
}

/// The objects of an output, as text.
fn documents(output: &str) -> impl Iterator<Item = &str> {
    output.trim_start_matches("---\n").split("\n---\n")
}

/// The objects of an output.
fn objects(output: &str) -> Vec<Value> {
    documents(output).map(parsed).collect()
}

/// The only object of this kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = objects.iter().filter(|one| one["kind"] == kind).collect();
    match found[..] {
        [one] => one,
        _ => panic!("{} of {kind}", found.len()),
    }
}

/// The file of the configuration in an output.
fn config_file(objects: &[Value]) -> &str {
    let mut files = objects
        .iter()
        .filter(|one| one["kind"] == "ConfigMap")
        .filter_map(|one| one["data"]["config.yml"].as_str());
    files.next().expect("a ConfigMap with config.yml")
}

/// The container of the exporter.
fn container(objects: &[Value]) -> &Value {
    &only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}
