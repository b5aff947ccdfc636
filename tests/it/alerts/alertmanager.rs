//! The inhibitions of `alertmanager.yml`: every alert that they name exists, and every label that they
//! compare is there. A label that is missing on both sides is equal to Alertmanager, so one alert would
//! inhibit unrelated ones.

use promql_parser::label::Matcher;
use serde::Deserialize;

use super::{rules, text};
use crate::promql::labels::{Labels, read};
use crate::promql::selectors::matchers;
use crate::promql::vocabulary;
use crate::support::assert_none;

#[derive(Debug, Deserialize)]
struct Configuration {
    inhibit_rules: Vec<Inhibition>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inhibition {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
    equal: Vec<String>,
}

/// An alert and the labels that it has.
struct Alert {
    name: String,
    labels: Labels,
}

/// One side of an inhibition.
struct Side(Vec<Matcher>);

impl Side {
    fn new(texts: &[String]) -> Self {
        let selector = format!("x{{{}}}", texts.join(","));
        let matchers = matchers(&selector).into_iter().map(|(_, matcher)| matcher);
        let side = Self(matchers.collect());
        assert_eq!(
            side.0.len(),
            texts.len(),
            "{selector} is no list of matchers"
        );
        side
    }

    fn alerts<'a>(&self, alerts: &'a [Alert]) -> Vec<&'a Alert> {
        let by_name = || self.0.iter().filter(|matcher| matcher.name == "alertname");
        let named = |alert: &&Alert| by_name().all(|matcher| matcher.is_match(&alert.name));
        alerts.iter().filter(named).collect()
    }

    /// Whether it excludes alerts without this label.
    fn demands(&self, label: &str) -> bool {
        let mut about = self.0.iter().filter(|matcher| matcher.name == label);
        about.any(|matcher| !matcher.is_match(""))
    }
}

fn inhibitions() -> Vec<Inhibition> {
    let read: Result<Configuration, _> = serde_saphyr::from_str(&text("alertmanager.yml"));
    read.expect("alertmanager.yml can be read").inhibit_rules
}

fn alerts() -> Vec<Alert> {
    let metrics = vocabulary::metrics();
    let alert = |rule: rules::Rule| Alert {
        name: rule.name().to_owned(),
        labels: read(&rule.expr, &metrics).0,
    };
    rules::alerts().into_iter().map(alert).collect()
}

#[test]
fn compared_labels_exist() {
    let alerts = alerts();
    let mut complaints = Vec::new();
    for rule in inhibitions() {
        let sides = [
            Side::new(&rule.source_matchers),
            Side::new(&rule.target_matchers),
        ];
        // A label that one side is sure to have cannot be missing on both.
        let lacking = rule.equal.iter().filter(|label| {
            !sides.iter().any(|side| {
                let always = |alert: &&Alert| alert.labels.always.contains(*label);
                side.demands(label) || side.alerts(&alerts).iter().all(always)
            })
        });
        let about = |label| format!("{rule:?}: {label} may be missing on both sides");
        complaints.extend(lacking.map(about));
    }
    assert_none(&complaints);
}

#[test]
fn every_alert_has_the_labels_that_match_it() {
    let alerts = alerts();
    let mut complaints = Vec::new();
    for rule in inhibitions() {
        for side in [
            Side::new(&rule.source_matchers),
            Side::new(&rule.target_matchers),
        ] {
            let labels = side.0.iter().map(|matcher| matcher.name.as_str());
            for label in labels.filter(|label| *label != "alertname") {
                let has = |alert: &&Alert| alert.labels.ever.contains(label);
                let anybody = side.alerts(&alerts).iter().any(has);
                complaints.extend((!anybody).then(|| format!("{rule:?}: nobody has {label}")));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_named_alert_exists_and_none_inhibits_itself() {
    let alerts = alerts();
    let mut complaints = Vec::new();
    for rule in inhibitions() {
        let (source, target) = (
            Side::new(&rule.source_matchers),
            Side::new(&rule.target_matchers),
        );
        let (sources, targets) = (source.alerts(&alerts), target.alerts(&alerts));
        let both = sources
            .iter()
            .find(|source| targets.iter().any(|target| target.name == source.name));
        complaints.extend(both.map(|alert| format!("{rule:?}: {} silences itself", alert.name)));
        let texts = rule.source_matchers.iter().chain(&rule.target_matchers);
        let names = texts
            .filter(|text| text.starts_with("alertname"))
            .flat_map(|text| spelled_out(text));
        let unknown = names.filter(|name| !alerts.iter().any(|alert| matches(name, &alert.name)));
        complaints.extend(unknown.map(|name| format!("{rule:?}: there is no {name}")));
    }
    assert_none(&complaints);
}

/// `A(B|C)` as `AB` and `AC`; `A|B` as `A` and `B`.
fn spelled_out(matcher: &str) -> Vec<String> {
    let value = matcher.split('"').nth(1).unwrap_or_default();
    match value.split_once('(') {
        None => value.split('|').map(str::to_owned).collect(),
        Some((before, rest)) => {
            let (inside, after) = rest.split_once(')').expect("it is closed");
            let words = inside.split('|');
            words.map(|word| format!("{before}{word}{after}")).collect()
        }
    }
}

/// One name, or all that begin like it.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".+") {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}
