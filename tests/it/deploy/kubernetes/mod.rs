//! The Kustomize base, the example based on it, and several replicas based on the example.

mod agreement;
pub mod build;
mod cluster;
mod monitor;
mod program;

use std::path::Path;

use serde_json::Value;

use super::{path, text};

pub const BASE: &str = "deploy/kubernetes/base";
pub const EXAMPLE: &str = "deploy/kubernetes/example";
pub const CLUSTER: &str = "deploy/kubernetes/cluster";

/// The documents of a YAML file.
pub fn parsed(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error} in:\n{yaml}"))
}

/// A file of the base or the example.
pub fn manifest(folder: &str, file: &str) -> Value {
    parsed(&text(&format!("{folder}/{file}")))
}

/// The texts in a list.
pub fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("a text")).collect()
}

/// The item of a list that has this name.
pub fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut items = list.as_array().into_iter().flatten();
    let found = items.find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

/// The YAML and JSON files of a folder.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| {
            [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect();
    names.sort();
    names
}

/// The folder of a kustomization that another one names.
fn folder_of(folder: &str, resource: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in resource.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Every kustomization, from the one of several replicas to the base.
fn kustomizations() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut open = vec![CLUSTER.to_owned()];
    while let Some(folder) = open.pop() {
        let kustomization = manifest(&folder, "kustomization.yaml");
        let folders = texts(&kustomization["resources"]).into_iter();
        let folders = folders.map(|resource| folder_of(&folder, resource));
        open.extend(folders.filter(|one| path(one).is_dir()));
        found.push((folder, kustomization));
    }
    found
}
