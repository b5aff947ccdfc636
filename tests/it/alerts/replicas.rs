//! Replicas: one firing case of every alert, repeated with two instances at the same time, with an instance that another
//! one replaces during the run, and with two clusters. The first two change nothing; two clusters are two alerts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use super::identity::OF_A_PROCESS;
use super::rules::alerts;
use super::series::{notation, samples};
use super::{few, rules, text, tools, unit_tests};

/// Alerts whose case cannot have a replaced instance, and why. Alerts of `OF_A_PROCESS` cannot either: a replaced process is
/// another process.
const NOT_REPLACED: &[(&str, &str)] = &[
    ("WhatsAppWatchdog", "it has no series"),
    ("WhatsAppAllExportersDown", "no instance is left"),
    (
        "WhatsAppWebhookUnwatched",
        "an instance is replaced in its case already; after two, each has counted too few",
    ),
];

/// Cases with more evaluations than these are evaluated every 20 minutes, which suffices for windows of days.
pub(super) const MANY: u64 = 1_000;

/// A test of promtool in which an alert fires.
pub(super) struct Case {
    pub alert: String,
    /// Evaluation interval of its file.
    pub evaluation_interval: String,
    pub test: Value,
    /// Number of evaluations.
    pub evaluations: u64,
}

/// Seconds of a duration such as `1d2h`.
pub(super) fn seconds(duration: &str) -> u64 {
    let parts = Regex::new(r"(\d+)(ms|[smhdw])").expect("a good pattern");
    let seconds = parts.captures_iter(duration).map(|part| {
        let number: u64 = part[1].parse().expect("digits");
        match &part[2] {
            "s" => number,
            "m" => number * 60,
            "h" => number * 3_600,
            "d" => number * 86_400,
            "w" => number * 604_800,
            unit => panic!("{duration}: {unit} is too short"),
        }
    });
    seconds.sum()
}

pub(super) fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

pub(super) fn list_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The cheapest firing case of every alert.
pub(super) fn cases() -> Vec<Case> {
    let mut cheapest: BTreeMap<String, Case> = BTreeMap::new();
    for file in unit_tests::files() {
        let file: Value = serde_saphyr::from_str(&text(&file)).expect("YAML");
        let evaluation_interval = text_of(&file, "evaluation_interval").to_owned();
        for test in list_of(&file["tests"]) {
            for check in list_of(&test["alert_rule_test"]) {
                if list_of(&check["exp_alerts"]).is_empty() {
                    continue;
                }
                let alert = text_of(check, "alertname").to_owned();
                let evaluations =
                    seconds(text_of(check, "eval_time")) / seconds(&evaluation_interval);
                let mut test = test.clone();
                test["alert_rule_test"] = json!([check]);
                test["promql_expr_test"] = json!([]);
                let case = Case {
                    alert: alert.clone(),
                    evaluation_interval: evaluation_interval.clone(),
                    test,
                    evaluations,
                };
                let is_cheaper = |known: &Case| case.evaluations < known.evaluations;
                if cheapest.get(&alert).is_none_or(is_cheaper) {
                    cheapest.insert(alert, case);
                }
            }
        }
    }
    cheapest.into_values().collect()
}

/// The name of the other replica.
fn other_instance(text: &str) -> String {
    text.replace(":10131", ":20131")
}

fn with_label(series: &str, label: &str, value: &str) -> String {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    format!("{name}{{{label}=\"{value}\", {labels}")
}

pub(super) fn change_series(
    test: &Value,
    change: impl Fn(&str, &str) -> Vec<(String, String)>,
) -> Value {
    let series = list_of(&test["input_series"]).iter();
    let changed = series.flat_map(|one| change(text_of(one, "series"), text_of(one, "values")));
    let changed: Vec<Value> = changed
        .map(|(series, values)| json!({"series": series, "values": values}))
        .collect();
    let mut test = test.clone();
    test["input_series"] = json!(changed);
    test
}

fn change_expected(test: &mut Value, change: impl Fn(&Value) -> Vec<Value>) {
    let expected = &mut test["alert_rule_test"][0]["exp_alerts"];
    *expected = list_of(expected).iter().flat_map(change).collect();
}

/// (a) Two exporters in HA, or one that is scraped twice.
fn two_instances(case: &Case) -> Value {
    let mut test = change_series(&case.test, |series, values| {
        let other = other_instance(series);
        let mut both = vec![(series.to_owned(), values.to_owned())];
        if other != series {
            both.push((other, values.to_owned()));
        }
        both
    });
    if is_of_process(&case.alert) {
        change_expected(&mut test, |alert| {
            let other = other_instance(&alert.to_string());
            vec![alert.clone(), serde_json::from_str(&other).expect("JSON")]
        });
    }
    test
}

fn is_of_process(alert: &str) -> bool {
    OF_A_PROCESS.iter().any(|(name, _)| *name == alert)
}

/// How one instance takes over from another.
#[derive(Clone, Copy)]
struct Takeover {
    /// Scrapes without any instance.
    missed: usize,
    /// Its counters begin at 0: it does not have the other's store.
    is_fresh: bool,
}

fn is_counter(series: &str) -> bool {
    let name = series.split('{').next().unwrap_or_default();
    let suffixes = ["_total", "_bucket", "_count", "_sum"];
    suffixes.iter().any(|suffix| name.ends_with(suffix))
}

fn has_counters(test: &Value) -> bool {
    let mut series = list_of(&test["input_series"]).iter();
    series.any(|one| is_counter(text_of(one, "series")))
}

/// (b) In the middle of the run, another instance takes over. The staleness marker of the old one lands at the same time as
/// the first sample of the new one.
fn replaced(case: &Case, takeover: Takeover) -> Value {
    let check = &case.test["alert_rule_test"][0];
    let scrapes = seconds(text_of(check, "eval_time")) / seconds(text_of(&case.test, "interval"));
    let cut = usize::try_from(scrapes / 2).expect("few scrapes");
    change_series(&case.test, |series, values| {
        let other = other_instance(series);
        let samples = samples(values);
        if other == series || samples.len() <= cut + takeover.missed {
            return vec![(series.to_owned(), values.to_owned())];
        }
        let (before, after) = samples.split_at(cut);
        let mut old = before.to_vec();
        old.push("stale".to_owned());
        let mut new = vec!["_".to_owned(); cut + takeover.missed];
        let after = &after[takeover.missed..];
        if takeover.is_fresh && is_counter(series) {
            let base: f64 = before
                .iter()
                .rev()
                .find_map(|value| value.parse().ok())
                .unwrap_or(0.0);
            new.extend(after.iter().map(|value| match value.parse::<f64>() {
                Ok(value) => (value - base).max(0.0).to_string(),
                Err(_) => value.clone(),
            }));
        } else {
            new.extend_from_slice(after);
        }
        vec![(series.to_owned(), notation(&old)), (other, notation(&new))]
    })
}

/// (c) Two clusters in one Prometheus.
fn two_clusters(case: &Case) -> Value {
    const CLUSTERS: [&str; 2] = ["eu", "us"];
    let mut test = change_series(&case.test, |series, values| {
        let of_cluster = |cluster| (with_label(series, "cluster", cluster), values.to_owned());
        CLUSTERS.map(of_cluster).into()
    });
    if case.alert != "WhatsAppWatchdog" {
        change_expected(&mut test, |alert| {
            let of_cluster = |cluster: &str| {
                let mut alert = alert.clone();
                alert["exp_labels"]["cluster"] = json!(cluster);
                alert
            };
            CLUSTERS.map(of_cluster).into()
        });
    }
    test
}

/// A file with this alert and what it reads of the recordings. Gives the names of its groups, recordings first.
pub(super) fn write_rules(alert: &str, file: &Path) -> Vec<String> {
    let files = rules::files();
    let (recordings, alerts): (Vec<_>, Vec<_>) = files
        .iter()
        .flat_map(|file| few::groups_of(file))
        .partition(|group| group["rules"][0]["alert"].is_null());
    let groups = few::only(&[recordings, alerts].concat(), [alert.to_owned()].into());
    fs::write(file, json!({"groups": groups}).to_string()).expect("the folder is ours");
    let names = groups.iter().map(|group| text_of(group, "name").to_owned());
    names.collect()
}

/// The test under another name.
pub(super) fn renamed(mut test: Value, variant: &str) -> Value {
    test["name"] = json!(format!("{}; {variant}", text_of(&test, "name")));
    test
}

#[test]
fn replicas_change_nothing_and_each_cluster_has_its_own_alerts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = cases();
    let tested: Vec<&str> = cases.iter().map(|case| case.alert.as_str()).collect();
    for alert in alerts() {
        assert!(
            tested.contains(&alert.name()),
            "{} has no case",
            alert.name()
        );
    }
    let mut files = Vec::new();
    for case in &cases {
        let mut tests = vec![
            renamed(two_instances(case), "two instances"),
            renamed(two_clusters(case), "two clusters"),
        ];
        let may_be_replaced = !is_of_process(&case.alert)
            && !NOT_REPLACED.iter().any(|(alert, _)| *alert == case.alert);
        if may_be_replaced {
            let fresh = Takeover {
                missed: 1,
                is_fresh: true,
            };
            let continued = Takeover {
                missed: 0,
                is_fresh: false,
            };
            tests.push(renamed(replaced(case, fresh), "replaced, counters at 0"));
            if has_counters(&case.test) {
                let test = replaced(case, continued);
                tests.push(renamed(test, "replaced, counters go on"));
            }
        }
        let rules = folder.path().join(format!("{}.rules.json", case.alert));
        let groups = write_rules(&case.alert, &rules);
        let file = folder.path().join(format!("{}.json", case.alert));
        let test = json!({
            "rule_files": [rules.display().to_string()],
            "evaluation_interval": if case.evaluations > MANY { "20m" } else { &case.evaluation_interval },
            "group_eval_order": groups,
            "tests": tests,
        });
        fs::write(&file, test.to_string()).expect("the folder is ours");
        files.push(file.display().to_string());
    }
    tools::promtool(&["test", "rules"], files);
}

#[test]
fn samples_are_read_and_written_as_promtool_does() {
    let read = samples("1x2 stale _ 0+10x2 _x3 5");
    let expected = [
        "1", "1", "1", "stale", "_", "0", "10", "20", "_", "_", "_", "5",
    ];
    assert_eq!(read, expected);
    assert_eq!(notation(&read), "1x2 stale _x1 0x0 10x0 20x0 _x3 5x0");
    assert_eq!(
        with_label("up{job=\"a\"}", "cluster", "eu"),
        "up{cluster=\"eu\", job=\"a\"}"
    );
}
