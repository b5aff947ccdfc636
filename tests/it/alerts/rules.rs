//! The rule files as values. Knows their shape and nothing of what they say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{path, text};

/// The files in the order in which people read them; any other comes after these.
const ORDER: &[&str] = &[
    "numbers.yml",
    "templates.yml",
    "conversations.yml",
    "accounts.yml",
    "access.yml",
    "exporter.yml",
];

/// The one file in the folder that is for Alertmanager.
const ALERTMANAGER: &str = "alertmanager.yml";

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Group>,
}

/// Rules that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    pub rules: Vec<Rule>,
}

/// One alert, or one recorded series.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    pub expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it is called.
    pub fn name(&self) -> &str {
        let name = self.alert.as_deref().or(self.record.as_deref());
        name.expect("promtool wants a name")
    }

    /// Its `severity`, or nothing.
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map_or("", String::as_str)
    }

    /// An annotation, or nothing.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }
}

/// The names of the rule files, in order.
pub fn files() -> Vec<String> {
    let folder = std::fs::read_dir(path("")).expect("alerts/ is there");
    let names = folder.map(|entry| entry.expect("it can be read").file_name());
    let mut files: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".yml") && name != ALERTMANAGER)
        .collect();
    let place = |file: &String| ORDER.iter().position(|name| name == file);
    files.sort_by_key(|file| (place(file).unwrap_or(ORDER.len()), file.clone()));
    files
}

/// Every group of every file.
pub fn groups() -> Vec<Group> {
    let read = |file: String| -> Vec<Group> {
        let parsed: Result<File, _> = serde_saphyr::from_str(&text(&file));
        parsed
            .unwrap_or_else(|error| panic!("{file}: {error}"))
            .groups
    };
    files().into_iter().flat_map(read).collect()
}

/// Every alert, in the order of the files.
pub fn alerts() -> Vec<Rule> {
    let rules = groups().into_iter().flat_map(|group| group.rules);
    let alerts: Vec<Rule> = rules.filter(|rule| rule.alert.is_some()).collect();
    assert!(!alerts.is_empty(), "there is no alert");
    alerts
}

/// Every recording rule.
pub fn recordings() -> Vec<Rule> {
    let rules = groups().into_iter().flat_map(|group| group.rules);
    rules.filter(|rule| rule.record.is_some()).collect()
}
