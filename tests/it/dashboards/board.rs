//! The boards as values: the fields that Grafana 11 reads and that the tests check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    pub uid: String,
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    pub schema_version: u32,
    pub time: BTreeMap<String, String>,
    pub links: Vec<Value>,
    pub annotations: List<Annotation>,
    pub templating: List<Variable>,
    pub panels: Vec<Panel>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    pub list: Vec<T>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Annotation {
    pub name: String,
    pub datasource: Value,
    pub expr: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub query: Value,
    pub regex: String,
    #[serde(default)]
    pub all_value: Option<String>,
    #[serde(default)]
    pub datasource: Value,
    pub multi: bool,
    pub include_all: bool,
    pub description: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub id: u32,
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub grid_pos: Place,
    /// Points of a graph, if it is not as many as its pixels.
    pub max_data_points: Option<u64>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub datasource: Value,
    #[serde(default)]
    pub targets: Vec<Target>,
    #[serde(default)]
    pub field_config: Fields,
    #[serde(default)]
    pub transformations: Vec<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Place {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub ref_id: String,
    pub expr: String,
    pub format: String,
    pub instant: bool,
    pub range: bool,
    pub datasource: Value,
    #[serde(default)]
    pub legend_format: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Fields {
    pub defaults: Defaults,
    pub overrides: Vec<Override>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    pub unit: String,
    #[serde(default)]
    pub no_value: Option<String>,
    pub mappings: Vec<Mapping>,
    pub thresholds: Value,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Override {
    pub matcher: Matcher,
    pub properties: Vec<Property>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Matcher {
    pub id: String,
    pub options: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Property {
    pub id: String,
    pub value: Value,
}

/// The texts of values.
#[derive(Clone, Debug, Deserialize)]
pub struct Mapping {
    pub options: BTreeMap<String, Shown>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    pub text: String,
    pub color: String,
}

impl Panel {
    /// Rows only divide.
    pub fn is_row(&self) -> bool {
        self.kind == "row"
    }

    /// Overrides of a column or series.
    pub fn property(&self, field: &str, id: &str) -> Option<&Value> {
        let about = |one: &&Override| one.matcher.options == field;
        let found = self.field_config.overrides.iter().find(about)?;
        let property = found.properties.iter().find(|property| property.id == id)?;
        Some(&property.value)
    }

    /// Its mappings: the default ones, then the overrides of fields.
    pub fn mappings(&self) -> Vec<(Option<&str>, Mapping)> {
        let defaults = self.field_config.defaults.mappings.iter().cloned();
        let mut all: Vec<_> = defaults.map(|mapping| (None, mapping)).collect();
        for one in &self.field_config.overrides {
            let own = one.properties.iter().filter(|own| own.id == "mappings");
            for property in own {
                let read: Vec<Mapping> =
                    serde_json::from_value(property.value.clone()).expect("mappings");
                let field = Some(one.matcher.options.as_str());
                all.extend(read.into_iter().map(|mapping| (field, mapping)));
            }
        }
        all
    }

    /// Its steps: the default ones, then the overrides of fields.
    pub fn thresholds(&self) -> Vec<(Option<&str>, &Value)> {
        let own = self.field_config.overrides.iter().filter_map(|one| {
            let field = one.matcher.options.as_str();
            Some((Some(field), self.property(field, "thresholds")?))
        });
        [(None, &self.field_config.defaults.thresholds)]
            .into_iter()
            .chain(own)
            .collect()
    }
}

/// The folder of the boards.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards")
}

/// Every file of a board with its text, by name.
pub fn files() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder()).expect("the boards are there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<(String, String)> = paths
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(&path).expect("it is text"))
        })
        .collect();
    files.sort();
    files
}

/// Every board.
pub fn boards() -> Vec<Board> {
    let read = |(name, text): (String, String)| {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    files().into_iter().map(read).collect()
}

/// Complaints about panels of all boards, each with its place.
pub fn complaints(look: impl Fn(&Board, &Panel) -> Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for board in boards() {
        for panel in board.panels.iter().filter(|panel| !panel.is_row()) {
            let wrong = look(&board, panel).into_iter();
            all.extend(wrong.map(|wrong| format!("{} / {}: {wrong}", board.uid, panel.title)));
        }
    }
    all
}
