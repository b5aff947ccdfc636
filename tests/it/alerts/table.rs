//! The table of alerts in `alerts/README.md`, and the index of the runbooks.

use std::collections::BTreeMap;

use regex::Regex;

use super::rules::{Rule, alerts, files, groups_of};
use super::text;

/// Every alert, in the order of the files.
pub fn table() -> String {
    let head = "| alert | severity | for | title |\n|---|---|---|---|\n";
    let titles = titles();
    let line = |rule: &Rule| line(rule, &titles[rule.name()]);
    let lines: String = alerts().iter().map(line).collect();
    format!("{head}{lines}")
}

/// A link to each runbook, one paragraph for each rule file.
pub fn index() -> String {
    let lines = files().into_iter().filter_map(|file| {
        let rules = groups_of(&file).into_iter().flat_map(|group| group.rules);
        let alerts: Vec<Rule> = rules.filter(|rule| rule.alert.is_some()).collect();
        let links: Vec<String> = alerts.iter().map(|rule| link(rule, "")).collect();
        let topic = file.strip_suffix(".yml").unwrap_or(&file);
        (!links.is_empty()).then(|| format!("- **{topic}**: {}\n", links.join(", ")))
    });
    lines.collect()
}

/// A link to the alert's runbook in this page.
fn link(rule: &Rule, page: &str) -> String {
    let name = rule.name();
    format!("[{name}]({page}#{})", name.to_lowercase())
}

fn line(rule: &Rule, title: &str) -> String {
    let pending = rule.pending.as_deref().unwrap_or("0s");
    let title = title.replace("*for*", pending);
    let (link, severity) = (link(rule, "runbooks.md"), rule.severity());
    format!("| {link} | {severity} | {pending} | {title} |\n")
}

/// The summary of each alert as the templates have it, for people.
fn titles() -> BTreeMap<String, String> {
    let summary =
        Regex::new(r"(?s)- alert: (\w+)\n.*?\n +summary: '([^\n]*)'\n").expect("a good pattern");
    let mut titles = BTreeMap::new();
    for file in files() {
        let template = text(&format!("templates/{file}"));
        for found in summary.captures_iter(&template) {
            titles.insert(found[1].to_owned(), readable(&found[2]));
        }
    }
    titles
}

/// A template as people read it: what is inserted is a word in italics, and of two alternatives the first is shown.
fn readable(template: &str) -> String {
    let alternatives = Regex::new(r"\{\{ if [^}]*\}\}(.*?)(?:\{\{ else \}\}.*?)?\{\{ end \}\}")
        .expect("a good pattern");
    let inserted =
        Regex::new(r"\$\{(\w+)\}|\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}").expect("a good pattern");
    let text = template.replace("''", "'");
    let text = alternatives.replace_all(&text, "$1");
    let word = |found: &regex::Captures<'_>| {
        let name = found
            .get(1)
            .or_else(|| found.get(2))
            .map_or("", |name| name.as_str());
        format!("*{}*", name.replace('_', " "))
    };
    inserted.replace_all(&text, word).into_owned()
}

#[test]
fn a_title_is_readable() {
    for (template, title) in [
        ("${number}: rated RED", "*number*: rated RED"),
        (
            "Meta''s API is at {{ $value | humanizePercentage }}",
            "Meta's API is at *value*",
        ),
        (
            "App {{ $labels.app }}: {{ if gt $value 0.0 }}ends in ${duration}{{ else }}has ended{{ end }}",
            "App *app*: ends in *duration*",
        ),
        (
            "{{ if $labels.a_b }}${template}{{ end }} is paused",
            "*template* is paused",
        ),
    ] {
        assert_eq!(readable(template), title);
    }
}
