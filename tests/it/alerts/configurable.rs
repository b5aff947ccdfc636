//! Everything that is configurable, changed at once: each change is in the files, where it belongs, and promtool accepts
//! the rules.

use std::fs;

use serde_json::{Map, Value, json};

use super::command::{folder, rule_files, run};
use super::{text, tools};

/// A changed value.
struct Changed {
    /// Alert that it belongs to. `None` for a global value.
    alert: Option<String>,
    key: String,
    /// Its text in the files.
    text: String,
}

/// Another value of the same kind; `number` makes it unique.
fn other(key: &str, default: &Value, number: usize) -> Value {
    let seconds = 100_000 + number;
    let text = default.as_str().unwrap_or_default();
    let is_digit = |first: char| first.is_ascii_digit();
    match key {
        "enabled" => json!(true),
        "severity" if text == "info" => json!("warning"),
        "severity" => json!("info"),
        "clock" => json!("wall"),
        "for" | "keep_firing_for" => json!(format!("{seconds}s")),
        _ if key.ends_with("selector") => json!(format!("cluster=\"changed-{number}\"")),
        _ if key.ends_with("_url") => json!(format!("https://changed-{number}.example.com")),
        "recent" => json!(format!("{seconds}s:{}s", seconds / 10)),
        _ if default.is_boolean() => json!(default != true),
        _ if default.is_number() => json!(seconds),
        _ if default.is_array() => json!(["job", format!("changed_{number}")]),
        _ if text.contains(':') && text.starts_with(is_digit) => json!(format!("03:{number:02}")),
        _ if text.starts_with(is_digit) => json!(format!("{seconds}s")),
        _ => json!(format!("changed-{number}")),
    }
}

/// The same keys with other values.
fn change(defaults: &Value, path: &[&str], changed: &mut Vec<Changed>) -> Value {
    let entries = defaults.as_object().expect("a section");
    let mut section = Map::new();
    for (key, default) in entries {
        let path = [path, &[key]].concat();
        let value = if default.is_object() {
            change(default, &path, changed)
        } else {
            let value = other(key, default, changed.len());
            let items = value.as_array().map(|items| {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join(", ")
            });
            let text = items.or_else(|| value.as_str().map(str::to_owned));
            // The word alone is in many names of metrics.
            let text = text.map(|text| match key.as_str() {
                "severity" => format!("severity: {text}"),
                _ => text,
            });
            changed.push(Changed {
                alert: (path[0] == "alerts").then(|| path[1].to_owned()),
                key: path.join("."),
                text: text.unwrap_or_else(|| value.to_string()),
            });
            value
        };
        section.insert(key.clone(), value);
    }
    Value::Object(section)
}

/// The lines of one alert.
fn lines_of<'a>(rules: &'a str, alert: &str) -> &'a str {
    let beginning = format!("- alert: {alert}\n");
    let (_, rest) = rules.split_once(&beginning).expect(alert);
    rest.split("      - alert: ").next().unwrap_or_default()
}

#[test]
fn every_change_of_a_value_is_in_the_files() {
    let defaults: Value = serde_saphyr::from_str(&text("values.yaml")).expect("YAML");
    let mut changed = Vec::new();
    let values = change(&defaults, &[], &mut changed);
    let folder = folder();
    // JSON is YAML.
    let outcome = run(&values.to_string(), folder.path());
    assert_eq!(outcome.code, Some(0), "{}", outcome.log);
    let read = |path: String| fs::read_to_string(&path).expect(&path);
    let rules: String = rule_files(folder.path()).into_iter().map(read).collect();
    let alertmanager = read(folder.path().join("alertmanager.yml").display().to_string());
    assert!(changed.len() > 100, "only {} values", changed.len());
    for Changed { alert, key, text } in changed {
        let is_there = match alert {
            // Its other values are there, so it is enabled.
            Some(_) if key.ends_with(".enabled") => true,
            // The wall clock is the fallback of expressions, so it is there anyway.
            Some(alert) if key.ends_with(".clock") => {
                !lines_of(&rules, &alert).contains("clock=\"business\"")
            }
            Some(alert) => lines_of(&rules, &alert).contains(&text),
            None => rules.contains(&text) || alertmanager.contains(&text),
        };
        assert!(is_there, "{key}: {text}");
    }
    tools::promtool(&["check", "rules"], rule_files(folder.path()));
}
