//! The same state has the same word and the same colour on every board, and every state has one.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::board::{Panel, boards, complaints};
use crate::promql::vocabulary;
use crate::support::assert_none;

/// `4 * metric{…, label="WORD"} == 1`: one code of a timeline.
fn codes(expression: &str) -> Vec<(String, String, String, String)> {
    let code =
        Regex::new(r#"(\d+) \* \((\w+)\{[^}]*?(\w+)="(\w+)"\} == 1\)"#).expect("a good pattern");
    let found = code.captures_iter(expression);
    found
        .map(|found| {
            let part = |at: usize| found[at].to_owned();
            (part(1), part(2), part(3), part(4))
        })
        .collect()
}

#[test]
fn a_word_has_one_colour_on_all_boards() {
    let mut seen: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for board in boards() {
        for panel in &board.panels {
            let place = || format!("{} / {}", board.uid, panel.title);
            for (_, mapping) in panel.mappings() {
                for shown in mapping.options.into_values() {
                    seen.entry(shown.text)
                        .or_default()
                        .insert(shown.color, place());
                }
            }
            for one in &panel.field_config.overrides {
                let colour = panel.property(&one.matcher.options, "color");
                if let Some(colour) = colour.and_then(|colour| colour["fixedColor"].as_str()) {
                    let colours = seen.entry(one.matcher.options.clone()).or_default();
                    colours.insert(colour.to_owned(), place());
                }
            }
        }
    }
    assert!(seen.len() > 40, "hardly any words: {seen:?}");
    seen.retain(|_, colours| colours.len() > 1);
    assert!(seen.is_empty(), "{seen:#?}");
}

/// The numbers of a timeline are codes, which its mapping translates to words.
fn wrong_codes(panel: &Panel) -> Vec<String> {
    let mut wrong = Vec::new();
    for target in &panel.targets {
        let codes = codes(&target.expr);
        let Some((_, metric, label, _)) = codes.first().cloned() else {
            continue;
        };
        let coded: BTreeMap<&str, &str> = codes
            .iter()
            .map(|(code, _, _, word)| (code.as_str(), word.as_str()))
            .collect();
        let mappings = panel.mappings();
        let (_, mapping) = &mappings[0];
        let shown: BTreeMap<&str, &str> = mapping
            .options
            .iter()
            .map(|(code, shown)| (code.as_str(), shown.text.as_str()))
            .collect();
        if coded != shown {
            wrong.push(format!("codes {coded:?}, shown as {shown:?}"));
        }
        let known = vocabulary::words(&metric, &label).unwrap_or_default();
        // Only Meta adds words.
        let other = (!metric.starts_with("whatsapp_experiment_")).then_some("OTHER");
        let known: BTreeSet<&str> = known.iter().map(String::as_str).chain(other).collect();
        let there: BTreeSet<&str> = coded.into_values().collect();
        let missing = &known - &there;
        if !missing.is_empty() {
            wrong.push(format!("no code for {missing:?}"));
        }
    }
    wrong
}

#[test]
fn every_timeline_maps_every_state_to_a_word() {
    let timelines = complaints(|_, panel| wrong_codes(panel));
    assert_none(&timelines);
    let coded = boards().into_iter().flat_map(|board| board.panels);
    let coded = coded
        .flat_map(|panel| panel.targets)
        .filter(|target| !codes(&target.expr).is_empty());
    assert!(coded.count() > 5, "the pattern has missed the codes");
}

/// The label behind a column: `label_replace` gives some another name.
fn source(expression: &str, column: &str) -> (String, String) {
    let renamed = Regex::new(r#""(\w+)", "\$1", "(\w+)", "\(\.\+\)""#).expect("a good pattern");
    let metric = Regex::new(r"whatsapp_\w+").expect("a good pattern");
    let metric = metric.find(expression).map_or("", |found| found.as_str());
    let label = renamed
        .captures(expression)
        .filter(|found| &found[1] == column);
    let label = label.map_or(column.to_owned(), |found| found[2].to_owned());
    (metric.to_owned(), label)
}

#[test]
fn every_state_in_a_table_has_a_colour() {
    assert_none(&complaints(|_, panel| {
        let mut wrong = Vec::new();
        for (field, mapping) in panel.mappings() {
            let Some(field) = field else { continue };
            for target in &panel.targets {
                let (metric, label) = source(&target.expr, field);
                let by =
                    Regex::new(&format!(r"by \([^)]*\b{label}\b[^)]*\)")).expect("a good pattern");
                if !by.is_match(&target.expr) {
                    continue;
                }
                let Some(known) = vocabulary::words(&metric, &label) else {
                    continue;
                };
                let missing = known
                    .iter()
                    .filter(|word| !mapping.options.contains_key(*word));
                wrong.extend(missing.map(|word| format!("{field} has no colour for {word}")));
            }
        }
        wrong
    }));
}
