//! The files in the chart are copies, because a chart cannot read files outside its own folder. Links would be lost
//! where Flux packs a chart, and on Windows.

use std::fs;

use serde_json::Value;

use super::super::kubernetes::{files, manifest};
use super::super::{path, text};
use super::{CHART, EVERYTHING, objects, rendered};

const BOARDS: &str = "grafana/dashboards";

/// The copies, each with its source.
fn copies() -> Vec<(String, String)> {
    let rules = (
        format!("{CHART}/files/prometheus-rule.yaml"),
        "alerts/kubernetes/prometheus-rule.yaml".to_owned(),
    );
    let boards = files(&path(BOARDS)).into_iter();
    let boards = boards.map(|name| {
        let copy = format!("{CHART}/files/dashboards/{name}");
        (copy, format!("{BOARDS}/{name}"))
    });
    boards.chain([rules]).collect()
}

#[test]
fn copies_are_as_their_sources() {
    for (copy, source) in copies() {
        let expected = text(&source);
        if std::env::var_os("UPDATE_HELM").is_some() {
            fs::write(path(&copy), &expected).expect("the file can be written");
        }
        let found = fs::read_to_string(path(&copy)).unwrap_or_default();
        assert!(
            found == expected,
            "{copy} differs from {source}; `UPDATE_HELM=1 cargo test --test it deploy::helm` copies it"
        );
    }
    let copied = files(&path(&format!("{CHART}/files/dashboards")));
    assert_eq!(copied, files(&path(BOARDS)), "a copy without a source");
}

#[test]
fn each_dashboard_has_a_config_map_that_the_sidecar_finds() {
    let objects = objects(&rendered(EVERYTHING, &[]));
    let generator = &manifest("grafana", "kustomization.yaml")["generatorOptions"];
    let mut found = 0;
    for name in files(&path(BOARDS)) {
        let key = format!("whatsapp-{name}");
        let has_board = |object: &&Value| object["data"].get(&key).is_some();
        let map = objects.iter().find(has_board).expect(&name);
        let board: Value =
            serde_json::from_str(map["data"][&key].as_str().expect("text")).expect("JSON");
        let source: Value = serde_json::from_str(&text(&format!("{BOARDS}/{name}"))).expect("JSON");
        assert_eq!(board, source, "{name}");
        assert_eq!(map["metadata"]["annotations"], generator["annotations"]);
        for (label, value) in generator["labels"].as_object().expect("labels") {
            assert_eq!(map["metadata"]["labels"][label], *value, "{name}");
        }
        found += 1;
    }
    let maps = objects
        .iter()
        .filter(|one| one["kind"] == "ConfigMap")
        .count();
    // One is the configuration.
    assert_eq!(maps, found + 1);
}
