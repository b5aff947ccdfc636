//! No rule names a metric, a label or a word of Meta that does not exist: such a rule is valid, but never fires.

use super::annotations::{FILLED, named};
use super::rules::{Rule, alerts, groups};
use super::text;
use crate::promql::labels::{Labels, Metrics, read};
use crate::promql::selectors::matchers;
use crate::promql::vocabulary;
use crate::promql::words;
use crate::support::assert_none;

#[test]
fn every_metric_and_label_of_an_expression_exists() {
    let metrics = vocabulary::metrics();
    let rules = groups().into_iter().flat_map(|group| group.rules);
    let complaints = rules.flat_map(|rule| {
        let (_, complaints) = read(&rule.expr, &metrics);
        about(&rule, complaints)
    });
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn every_name_in_an_annotation_exists() {
    let metrics = vocabulary::metrics();
    let complaints = alerts().into_iter().flat_map(|rule| {
        let (labels, _) = read(&rule.expr, &metrics);
        let wrong = rule
            .annotations
            .values()
            .flat_map(|text| wrong_names(text, &labels, &metrics));
        about(&rule, wrong.collect::<Vec<_>>())
    });
    assert_none(&complaints.collect::<Vec<_>>());
}

/// Names in a template that do not exist.
fn wrong_names(template: &str, labels: &Labels, metrics: &Metrics) -> Vec<String> {
    let named = named(template);
    let unknown = named
        .labels
        .iter()
        .filter(|label| !labels.ever.contains(*label));
    let mut wrong: Vec<String> = unknown
        .map(|label| format!("has no label {label}"))
        .collect();
    let mut answered = Labels::default();
    for query in &named.queries {
        let (labels, complaints) = read(query, metrics);
        answered.ever.extend(labels.ever);
        wrong.extend(complaints);
    }
    let unknown = named
        .looked_up
        .iter()
        .filter(|label| !answered.ever.contains(*label));
    wrong.extend(unknown.map(|label| format!("no answer has a label {label}")));
    wrong
}

#[test]
fn every_word_that_is_matched_exists() {
    let rules = groups().into_iter().flat_map(|group| group.rules);
    let complaints = rules.flat_map(|rule| {
        let annotations = rule
            .annotations
            .values()
            .flat_map(|text| named(text).queries);
        let expressions: Vec<String> = annotations.chain([rule.expr.clone()]).collect();
        let matchers = expressions
            .iter()
            .flat_map(|expression| matchers(expression))
            // A value of a label of the alert.
            .filter(|(_, matcher)| matcher.value != FILLED);
        let unknown = matchers.flat_map(|(metric, matcher)| words::wrong(&metric, &matcher));
        about(&rule, unknown.collect::<Vec<_>>())
    });
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn every_metric_that_a_runbook_names_exists() {
    let metrics = vocabulary::metrics();
    let text = text("runbooks.md");
    let words = text.split(|at: char| !at.is_ascii_alphanumeric() && at != '_');
    let names = words.filter(|word| word.starts_with("whatsapp_"));
    let mut unknown: Vec<String> = names
        .filter(|name| {
            // A histogram is called by its name, and has series with suffixes only.
            let bucket = format!("{name}_bucket");
            let is_known = metrics.contains_key(*name) || metrics.contains_key(&bucket);
            !is_known && !NO_METRICS.contains(name)
        })
        .map(|name| format!("{name} is in the runbooks and not in the code"))
        .collect();
    unknown.dedup();
    assert_none(&unknown);
}

/// Words of Meta that look like names of metrics.
const NO_METRICS: &[&str] = &[
    "whatsapp_business_account",
    "whatsapp_business_management",
    "whatsapp_business_manager_messaging_limit",
];

fn about(rule: &Rule, complaints: impl IntoIterator<Item = String>) -> Vec<String> {
    let name = rule.name();
    complaints
        .into_iter()
        .map(|complaint| format!("{name}: {complaint}"))
        .collect()
}
