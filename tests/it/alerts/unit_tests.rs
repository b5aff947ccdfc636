//! Every alert has a unit test in which it fires and one in which it does not. `promtool` runs these tests.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::rules::{Rule, alerts};
use super::{path, text};
use crate::support::assert_none;

#[derive(Debug, Deserialize)]
struct File {
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Case>,
}

/// What an alert is expected to be at some time.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub alertname: String,
    /// One map for each alert that is to fire: `exp_labels` and `exp_annotations`.
    #[serde(default)]
    pub exp_alerts: Vec<BTreeMap<String, BTreeMap<String, String>>>,
}

/// The files, as seen from `alerts/`.
pub fn files() -> Vec<String> {
    let folder = std::fs::read_dir(path("tests")).expect("alerts/tests/ is there");
    let names = folder.map(|entry| entry.expect("it can be read").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let files: Vec<String> = names.map(|name| format!("tests/{name}")).collect();
    assert!(!files.is_empty(), "there is no unit test");
    files
}

/// Every case of every file.
pub fn cases() -> Vec<Case> {
    let read = |file: String| -> Vec<Test> {
        let parsed: Result<File, _> = serde_saphyr::from_str(&text(&file));
        parsed
            .unwrap_or_else(|error| panic!("{file}: {error}"))
            .tests
    };
    let tests = files().into_iter().flat_map(read);
    tests.flat_map(|test| test.alert_rule_test).collect()
}

/// promtool compares texts, and does not mind if both are the message of an error.
#[test]
fn no_expected_text_is_an_error() {
    let texts = cases().into_iter().flat_map(|case| case.exp_alerts);
    let texts = texts.filter_map(|mut fired| fired.remove("exp_annotations"));
    let texts = texts.flat_map(BTreeMap::into_values);
    let errors = texts.filter(|text| text.contains("<error") || text.contains("<no value>"));
    assert_none(&errors.collect::<Vec<_>>());
}

#[test]
fn every_alert_is_shown_to_fire_and_to_stay_silent() {
    let cases = cases();
    let named = |fires: bool| -> BTreeSet<&str> {
        let of_kind = cases
            .iter()
            .filter(|case| case.exp_alerts.is_empty() != fires);
        of_kind.map(|case| case.alertname.as_str()).collect()
    };
    let (fire, silent) = (named(true), named(false));
    let alerts = alerts();
    let lacking = |has: &BTreeSet<&str>| -> Vec<String> {
        let names = alerts.iter().map(Rule::name);
        names
            .filter(|name| !has.contains(name))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lacking(&fire), [""; 0], "never shown to fire");
    // A dead man's switch never is.
    assert_eq!(
        lacking(&silent),
        ["WhatsAppWatchdog"],
        "never shown to stay silent"
    );
}
