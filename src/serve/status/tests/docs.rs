//! The documentation lists every field of the JSON.

use super::problems::{troubled, with_problems_everywhere};
use super::*;

/// Collects every path of the JSON, with `[]` for an element of a list.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    /// Objects whose keys are values.
    const BY_VALUE: [&str; 4] = [
        "accounts[].phone_numbers[].thread_owners",
        "accounts[].templates_past",
        "summary.phone_numbers_by_rating",
        "webhooks.refused_by_reason",
    ];
    match value {
        Value::Object(fields) if !BY_VALUE.contains(&path) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                paths(element, &format!("{path}[]"), found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn the_docs_list_every_field_and_no_other() {
    let page = include_str!("../../../../docs/status-api.md");
    let (_, table) = page
        .split_once("<!-- status fields -->")
        .expect("the table");
    let (table, _) = table
        .split_once("<!-- end of status fields -->")
        .expect("its end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let fields = rows
        .flat_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    let documented: BTreeSet<String> = fields.collect();
    let mut found = BTreeSet::new();
    let events = troubled().into_iter().chain(reports::events());
    let events: Vec<Event> = events.chain(causes::events()).collect();
    let troubled = with_problems_everywhere(facts(&events));
    paths(&json(&troubled), "", &mut found);
    // A value that is null with problems is an object or a list without them, and vice versa.
    found.retain(|path| !found_inside(path, &documented));
    assert_eq!(found, documented);
}

/// Whether the value is null here, and an object or a list in the table.
fn found_inside(path: &str, documented: &BTreeSet<String>) -> bool {
    documented.iter().any(|field| {
        let rest = field.strip_prefix(path);
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    })
}

#[test]
fn the_example_of_the_docs_matches_a_response() {
    let page = include_str!("../../../../docs/status-api.md");
    let (_, example) = page.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let example: Value = serde_json::from_str(example).expect("JSON");
    let (mut shown, mut found) = (BTreeSet::new(), BTreeSet::new());
    paths(&example, "", &mut shown);
    paths(&json(&facts(&troubled())), "", &mut found);
    assert!(shown.is_subset(&found), "{shown:?}");
}
