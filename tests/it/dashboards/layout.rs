//! The layout of the JSON of boards: a value that fits into a line is on one line, so a diff shows changes of values.

use serde_json::{Map, Value};

use super::board::{files, folder};

/// As wide as the code.
const WIDTH: usize = 120;

/// The JSON with its keys in order, its short parts on one line each.
fn laid_out(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, 0);
    text.push('\n');
    text
}

/// Writes a value that stands `taken` columns into a line of `depth`.
fn write(text: &mut String, value: &Value, depth: usize, taken: usize) {
    let short = on_one_line(value);
    let parts: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        Value::Object(fields) => in_order(fields),
        _ => vec![],
    };
    if parts.is_empty() || taken + short.chars().count() <= WIDTH {
        text.push_str(&short);
        return;
    }
    let (open, close) = if value.is_array() {
        ('[', ']')
    } else {
        ('{', '}')
    };
    let indent = "  ".repeat(depth + 1);
    text.push(open);
    for (at, (name, part)) in parts.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text.push_str(&format!("{comma}\n{indent}{name}"));
        // A comma may follow.
        write(
            text,
            part,
            depth + 1,
            indent.len() + name.chars().count() + 1,
        );
    }
    text.push_str(&format!("\n{}{close}", "  ".repeat(depth)));
}

/// The fields by name, each name as it is written.
fn in_order(fields: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    let written =
        |(name, value): (&String, _)| (format!("{}: ", Value::from(name.as_str())), value);
    fields.into_iter().map(written).collect()
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(on_one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = in_order(fields).into_iter();
            let fields: Vec<String> = fields
                .map(|(name, value)| name + &on_one_line(value))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn every_board_is_laid_out() {
    for (name, text) in files() {
        let value: Value = serde_json::from_str(&text).expect("a board is JSON");
        let tidy = laid_out(&value);
        if std::env::var_os("UPDATE_DASHBOARDS").is_some() {
            std::fs::write(folder().join(&name), tidy).expect("the folder is ours");
        } else {
            assert!(
                text == tidy,
                "{name}: `UPDATE_DASHBOARDS=1 cargo test --test it dashboards` lays it out"
            );
        }
    }
}

#[test]
fn values_that_fit_are_on_one_line() {
    let long = "x".repeat(WIDTH);
    let value = serde_json::json!({"b": [1, {"c": null}], "a": {}, "long": [long]});
    let expected = format!(
        "{{\n  \"a\": {{}},\n  \"b\": [1, {{ \"c\": null }}],\n  \"long\": [\n    \"{long}\"\n  ]\n}}\n"
    );
    assert_eq!(laid_out(&value), expected);
}
