//! The unit tests of the rules again, with the series that `metrics.state_sets: sparse` leaves: only the current state,
//! and counters from their first increment, with the time of their last one. The same alerts fire.

use std::collections::BTreeMap;

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, parse};
use serde_json::{Value, json};

use super::few;
use super::series::{notation, samples};
use crate::docs::tables;

/// The time of the last increment of each counter that alone can fire an alert.
const LAST_TIMES: &[(&str, &str)] = &[
    (
        "whatsapp_business_account_events_total",
        "whatsapp_business_account_last_event_timestamp_seconds",
    ),
    (
        "whatsapp_business_account_alerts_total",
        "whatsapp_business_account_last_alert_timestamp_seconds",
    ),
    (
        "whatsapp_message_template_rejections_total",
        "whatsapp_message_template_last_rejection_timestamp_seconds",
    ),
    (
        "whatsapp_message_template_category_changes_total",
        "whatsapp_message_template_last_category_change_timestamp_seconds",
    ),
    (
        "whatsapp_message_failures_total",
        "whatsapp_message_last_failure_timestamp_seconds",
    ),
];

const MISSING: &str = "_";
const STALE: &str = "stale";

/// Long before every test.
const LONG_AGO: f64 = -30.0 * 86_400.0;

/// The name and the labels of a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    metric: String,
    labels: BTreeMap<String, String>,
}

impl Name {
    fn parse(text: &str) -> Self {
        let Ok(Expr::VectorSelector(selector)) = parse(text) else {
            panic!("{text} is not a series");
        };
        let matchers = selector.matchers.matchers.iter();
        let labels = matchers.map(|matcher| {
            assert_eq!(matcher.op, MatchOp::Equal, "{text}");
            (matcher.name.clone(), matcher.value.clone())
        });
        Self {
            metric: selector.name.clone().expect("a metric"),
            labels: labels.collect(),
        }
    }

    fn with(mut self, label: &str, value: &str) -> Self {
        self.labels.insert(label.to_owned(), value.to_owned());
        self
    }

    fn text(&self) -> String {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        format!("{}{{{}}}", self.metric, labels.join(", "))
    }
}

/// The declaration of a metric that has fewer series.
enum Kind {
    /// A state set, with the label of its state.
    StateSet(String),
    Counter,
}

/// The metrics that have fewer series, by name. Those about the exporter are always the same.
fn affected() -> BTreeMap<String, Kind> {
    let rows = tables::rows().into_iter();
    let about_meta = rows.filter(|row| !row.name.starts_with("whatsapp_exporter_"));
    let affected = about_meta.filter_map(|row| {
        let state = row.labels.last().cloned().unwrap_or_default();
        match row.kind {
            "counter" => Some((row.name, Kind::Counter)),
            _ if row.is_state_set() => Some((row.name, Kind::StateSet(state))),
            _ => None,
        }
    });
    affected.collect()
}

/// The value of a sample. `None` if the notation has none there.
fn value(sample: &str) -> Option<f64> {
    sample.parse().ok()
}

fn is_zero(sample: &str) -> bool {
    value(sample) == Some(0.0)
}

/// Zeros have no sample, and a series that ends is marked as stale.
fn without_zeros(samples: &[String]) -> Vec<String> {
    let mut was_there = false;
    let sparse = samples.iter().map(|sample| {
        let left = match (is_zero(sample), was_there) {
            (true, true) => STALE,
            (true, false) => MISSING,
            (false, _) => sample,
        };
        was_there = value(left).is_some();
        left.to_owned()
    });
    sparse.collect()
}

/// The series of a test as a sparse exporter has them. `None` if they are the same.
fn sparse(test: &Value, affected: &BTreeMap<String, Kind>) -> Option<Value> {
    let interval = humantime::parse_duration(test["interval"].as_str().unwrap_or("1m"));
    let interval = interval.expect("an interval").as_secs_f64();
    let mut series: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    let mut is_changed = false;
    for one in test["input_series"].as_array()? {
        let name = Name::parse(one["series"].as_str().expect("a series"));
        let samples = samples(one["values"].as_str().expect("values"));
        let has_zero = samples.iter().any(|sample| is_zero(sample));
        match affected.get(&name.metric) {
            Some(Kind::StateSet(label)) => {
                let other = name.clone().with(label, "OTHER");
                let rest = series.entry(other).or_default();
                add_other_state(rest, &samples);
                is_changed |= has_zero;
            }
            Some(Kind::Counter) => {
                if let Some((last_name, last)) = last_times(&name, &samples, interval) {
                    let known = series.entry(last_name).or_default();
                    newer_of_each(known, &last);
                }
                is_changed |= has_zero;
            }
            None => {}
        }
        series.insert(name, samples);
    }
    for (name, samples) in &mut series {
        if affected.contains_key(&name.metric) {
            *samples = without_zeros(samples);
        }
    }
    let written = series
        .iter()
        .map(|(name, samples)| json!({ "series": name.text(), "values": notation(samples) }));
    let mut test = test.clone();
    test["input_series"] = written.collect();
    is_changed.then_some(test)
}

/// While no state of the test is 1, another one is. Then `rest` is 1, according to the series so far.
fn add_other_state(rest: &mut Vec<String>, samples: &[String]) {
    for (index, sample) in samples.iter().enumerate() {
        if index == rest.len() {
            rest.push("1".to_owned());
        }
        match value(sample) {
            Some(0.0) => {}
            Some(_) => rest[index] = "0".to_owned(),
            None => rest[index].clone_from(sample),
        }
    }
}

/// The time of the last increment of a counter at each of its samples. A counter that is not seen at 0 before was
/// incremented long ago.
fn last_times(name: &Name, samples: &[String], interval: f64) -> Option<(Name, Vec<String>)> {
    let (_, metric) = LAST_TIMES
        .iter()
        .find(|(counter, _)| *counter == name.metric)?;
    let mut labels = name.labels.clone();
    if metric.contains("last_category_change") {
        labels.remove("from");
    }
    let (mut before, mut last) = (None, LONG_AGO);
    let times = samples.iter().enumerate().map(|(index, sample)| {
        let Some(count) = value(sample) else {
            return sample.clone();
        };
        if before.is_some_and(|before| before < count) {
            last = index as f64 * interval;
        }
        before = Some(count);
        if count == 0.0 {
            MISSING.to_owned()
        } else {
            last.to_string()
        }
    });
    let times = times.collect();
    let metric = (*metric).to_owned();
    Some((Name { metric, labels }, times))
}

/// Several counters may have one time, such as those of changes to one category.
fn newer_of_each(known: &mut Vec<String>, more: &[String]) {
    known.resize(known.len().max(more.len()), MISSING.to_owned());
    for (known, more) in known.iter_mut().zip(more) {
        let newer = value(known).into_iter().chain(value(more)).reduce(f64::max);
        if let Some(newer) = newer {
            *known = newer.to_string();
        }
    }
}

/// A file of unit tests, with those that have other series with sparse metrics.
fn sparse_file(file: &str) -> Value {
    let affected = affected();
    let mut parsed = few::unit_tests_of(file);
    let tests = parsed["tests"].as_array().expect("tests");
    let tests: Vec<Value> = tests
        .iter()
        .filter_map(|test| sparse(test, &affected))
        .collect();
    assert!(!tests.is_empty(), "{file} has no state and no counter");
    parsed["tests"] = tests.into();
    parsed
}

macro_rules! sparse_unit_tests_pass {
    ($($file:ident)*) => {$(
        #[test]
        fn $file() {
            let file = concat!("tests/", stringify!($file), ".yml");
            super::few::run_unit_tests(&super::sparse_file(file));
        }
    )*};
}

/// Without the tests of the confidence intervals: their counters reach their value within one scrape, whose first
/// increment `increase()` does not see.
mod unit_tests_of_the_rules_pass {
    sparse_unit_tests_pass! {
        accounts conversations conversations_past numbers past templates
    }
}
