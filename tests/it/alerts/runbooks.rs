//! Every alert has a runbook and every runbook an alert. No command in a runbook shows a secret.

use std::collections::BTreeMap;

use super::rules::{Rule, alerts};
use super::text;
use crate::support::assert_none;

/// The parts of each section, in this order.
const PARTS: &[&str] = &[
    "**Means.**",
    "**Impact.**",
    "**Verify.**",
    "**Do.**",
    "**Escalate.**",
    "**Stops.**",
];

/// The beginning of the line with the first step.
const FIRST: &str = "**First:** ";

/// Sections about all alerts.
const OF_ALL: &[&str] = &["Before you type"];

/// Sections by title.
fn sections(text: &str) -> BTreeMap<&str, &str> {
    let sections = text.split("\n## ").skip(1);
    sections
        .filter_map(|section| section.split_once('\n'))
        .collect()
}

#[test]
fn every_alert_has_a_section_and_every_section_an_alert() {
    let (text, alerts) = (text("runbooks.md"), alerts());
    let mut titles: Vec<&str> = sections(&text)
        .into_keys()
        .filter(|title| !OF_ALL.contains(title))
        .collect();
    let mut names: Vec<&str> = alerts.iter().map(Rule::name).collect();
    titles.sort_unstable();
    names.sort_unstable();
    assert_eq!(titles, names, "sections on the left, alerts on the right");
}

#[test]
fn every_section_begins_with_the_first_step() {
    let text = text("runbooks.md");
    let sections = sections(&text)
        .into_iter()
        .filter(|(title, _)| !OF_ALL.contains(title));
    let complaints = sections.flat_map(|(title, body)| {
        let opens = body.trim_start().starts_with(FIRST);
        let places: Vec<Option<usize>> = PARTS.iter().map(|part| body.find(part)).collect();
        let whole = places.iter().all(Option::is_some) && places.is_sorted();
        let first = (!opens).then(|| format!("{title} does not begin with {FIRST}"));
        let parts = (!whole).then(|| format!("{title} lacks a part, or has them out of order"));
        first.into_iter().chain(parts)
    });
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn no_command_has_a_secret_among_its_arguments() {
    let text = text("runbooks.md");
    let blocks = text.split("\n```").skip(1).step_by(2);
    for line in blocks
        .flat_map(str::lines)
        .filter(|line| line.contains("curl "))
    {
        for secret in ["TOKEN", "SECRET", "access_token="] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
