//! What Helm renders: no warnings, allowed by the schemas of Kubernetes, and as expected line by line.

use std::fs;
use std::path::Path;

use super::super::kubernetes::build::validate;
use super::super::{FROM_NPM, path, said_by, text};
use super::{ALL, CHART, documents, helm, rendered};

#[test]
fn lint_finds_nothing() {
    for values in ALL {
        let said = said_by(
            &mut helm(&["lint", "--strict", ".", "--values", values]),
            FROM_NPM,
        );
        let is_finding =
            |line: &&str| line.starts_with('[') && !line.contains("icon is recommended");
        let found: Vec<&str> = said.lines().filter(is_finding).collect();
        assert_eq!(found, [""; 0], "{values}");
    }
}

#[test]
fn kubernetes_schemas_allow_the_rendered_manifests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for values in ALL {
        validate(&rendered(values, &[]), folder.path());
    }
}

/// Whether the object is only a copied file, which other tests compare with its source.
fn is_copy(document: &str) -> bool {
    let is_from = |template: &str| document.contains(&format!("/templates/{template}\n"));
    is_from("prometheus-rule.yaml") || is_from("dashboards.yaml")
}

#[test]
fn the_output_is_as_expected() {
    for values in ALL {
        let output = rendered(values, &[]);
        let kept: Vec<&str> = documents(&output).filter(|one| !is_copy(one)).collect();
        let output = kept.join("\n---\n");
        let name = Path::new(values).file_name().expect("a name");
        let file = path("tests/fixtures/helm").join(name);
        if std::env::var_os("UPDATE_HELM").is_some() {
            fs::write(&file, &output).expect("the file can be written");
        }
        assert!(
            fs::read_to_string(&file).unwrap_or_default() == output,
            "the output for {values} has changed; if that is right, run \
             `UPDATE_HELM=1 cargo test --test it deploy::helm`, and review the difference:\n{output}"
        );
    }
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = text(&format!("{CHART}/Chart.yaml"));
    for key in ["version", "appVersion"] {
        let line = format!("\n{key}: {}\n", env!("CARGO_PKG_VERSION"));
        assert!(chart.contains(&line), "{key} is not that of Cargo.toml");
    }
}

#[test]
fn notes_name_the_commands_of_this_release() {
    let arguments = ["install", "wa", ".", "--dry-run=client", "--values"];
    for (values, is_reachable) in [(super::SQLITE, false), (super::CLUSTER, true)] {
        let said = said_by(helm(&arguments).arg(values), FROM_NPM);
        let (_, notes) = said.split_once("\nNOTES:\n").expect("notes");
        assert!(notes.contains("port-forward service/wa-whatsapp-business-exporter 10131:10131\n"));
        assert!(notes.contains("exec deployment/wa-whatsapp-business-exporter -- "));
        assert_eq!(
            !notes.contains("Meta cannot reach"),
            is_reachable,
            "{notes}"
        );
    }
}
