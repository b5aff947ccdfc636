//! `values.yaml`: each value is described, in the schema, and used by a template.

use std::fs;

use serde_json::Value;

use super::super::kubernetes::parsed;
use super::super::{path, text};
use super::CHART;

/// Begins the description of a value, as helm-docs has it.
const MARK: &str = "# -- ";

/// Longer defaults are only in values.yaml.
const LONGEST_DEFAULT: usize = 60;

/// A value with a description.
struct Row {
    path: String,
    default: Value,
    description: String,
}

fn defaults() -> Value {
    parsed(&text(&format!("{CHART}/values.yaml")))
}

fn schema() -> Value {
    let text = text(&format!("{CHART}/values.schema.json"));
    serde_json::from_str(&text).expect("JSON")
}

/// The value at a dotted path.
fn at<'a>(values: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(values, |value, key| &value[key])
}

/// Every value with a description, in the order of the file.
fn rows() -> Vec<Row> {
    let (values, text) = (defaults(), text(&format!("{CHART}/values.yaml")));
    let mut rows = Vec::new();
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut description = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(text) = trimmed.strip_prefix(MARK) {
            description = Some(text.to_owned());
        } else if let Some((key, _)) = trimmed.split_once(':')
            && !trimmed.starts_with(['#', '-'])
        {
            open.retain(|(outer, _)| *outer < indent);
            open.push((indent, key));
            if let Some(description) = description.take() {
                let keys: Vec<&str> = open.iter().map(|(_, key)| *key).collect();
                let path = keys.join(".");
                let default = at(&values, &path).clone();
                rows.push(Row {
                    path,
                    default,
                    description,
                });
            }
        }
    }
    rows
}

/// The table of the chart's README.md.
pub fn table() -> String {
    let rows = rows().into_iter().map(|row| {
        let default = match row.default.to_string() {
            long if long.len() > LONGEST_DEFAULT => "see values.yaml".to_owned(),
            short => format!("`{short}`"),
        };
        format!("| `{}` | {default} | {} |\n", row.path, row.description)
    });
    let head = "| value | default | meaning |\n|---|---|---|\n".to_owned();
    head + &rows.collect::<String>()
}

/// The paths below a value that no description covers.
fn undescribed(prefix: &str, value: &Value, rows: &[Row]) -> Vec<String> {
    let Value::Object(entries) = value else {
        return vec![prefix.to_owned()];
    };
    let paths = entries.iter().flat_map(|(key, value)| {
        let path = format!("{prefix}{key}");
        if rows.iter().any(|row| row.path == path) {
            return Vec::new();
        }
        match value {
            Value::Object(_) => undescribed(&format!("{path}."), value, rows),
            _ => vec![path],
        }
    });
    paths.collect()
}

#[test]
fn every_value_is_described() {
    let rows = rows();
    assert_eq!(undescribed("", &defaults(), &rows), [""; 0]);
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        assert!(row.description.ends_with('.'), "{}", row.path);
    }
}

#[test]
fn every_value_is_in_the_schema_with_the_type_of_its_default() {
    let schema = schema();
    for Row { path, default, .. } in rows() {
        let node = path
            .split('.')
            .fold(&schema, |node, key| &node["properties"][key]);
        let expected = match default {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null => panic!("{path} has no default"),
        };
        let types = &node["type"];
        let is_allowed = types == expected
            || types
                .as_array()
                .is_some_and(|types| types.iter().any(|one| one == expected));
        assert!(is_allowed, "{path}: {types}");
    }
}

/// Fails if a section of the schema has a key that values.yaml does not have, or allows unknown keys.
fn assert_section(prefix: &str, node: &Value, values: &Value, described: &[String]) {
    assert_eq!(node["additionalProperties"], false, "{prefix}");
    for (key, inner) in node["properties"].as_object().expect("properties") {
        let path = format!("{prefix}{key}");
        // Helm's own, for charts that contain this one.
        if path == "global" {
            continue;
        }
        let value = &values[key];
        assert!(!value.is_null(), "{path} is only in the schema");
        if !described.contains(&path) {
            assert_section(&format!("{path}."), inner, value, described);
        }
    }
}

#[test]
fn the_schema_has_nothing_else() {
    let described: Vec<String> = rows().into_iter().map(|row| row.path).collect();
    assert_section("", &schema(), &defaults(), &described);
}

#[test]
fn every_value_is_used_by_a_template() {
    let folder = path(CHART).join("templates");
    let entries = fs::read_dir(folder).expect("a folder");
    let texts = entries.map(|entry| fs::read_to_string(entry.expect("an entry").path()));
    let templates: Vec<String> = texts.map(|text| text.expect("a template")).collect();
    let templates = templates.concat();
    let is_of_name = |next: char| next.is_ascii_alphanumeric() || next == '_';
    for Row { path, .. } in rows() {
        let name = format!(".Values.{path}");
        let mut uses = templates.match_indices(&name);
        let is_used =
            uses.any(|(start, _)| !templates[start + name.len()..].starts_with(is_of_name));
        assert!(is_used, "no template uses {path}");
    }
}
