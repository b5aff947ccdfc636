//! Unit tests of promtool with few rules. promtool evaluates every rule of a test's files at every step; most of that time
//! went to rules that the test does not ask about. Here, each test has the alerts that it names and the recording rules that
//! these read. The committed files are not changed, because operators run promtool on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::replicas::{list_of, text_of};
use super::{path, text, tools};

/// The series of Prometheus about all alerts. A test that reads it needs every rule.
const OF_ALL_ALERTS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

type Words = BTreeSet<String>;

/// The groups of a rule file, whose path is seen from `alerts/`.
pub fn groups_of(file: &str) -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&text(file)).expect("YAML");
    list_of(&rules["groups"]).to_vec()
}

/// Every word of every text in this, where names of metrics and of alerts are words.
fn words_of(value: &Value) -> Words {
    match value {
        Value::String(text) => {
            let is_between = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':';
            let words = text.split(is_between).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        }
        Value::Array(values) => values.iter().flat_map(words_of).collect(),
        Value::Object(fields) => fields.values().flat_map(words_of).collect(),
        _ => Words::new(),
    }
}

fn name_of(rule: &Value) -> &str {
    let names = ["alert", "record"].map(|key| text_of(rule, key));
    names[usize::from(names[0].is_empty())]
}

/// The rules that have one of these names, and the rules that they read, in the groups and in the order in which they were.
pub fn only(groups: &[Value], mut named: Words) -> Vec<Value> {
    let rules = || groups.iter().flat_map(|group| list_of(&group["rules"]));
    loop {
        if OF_ALL_ALERTS.iter().any(|name| named.contains(*name)) {
            return groups.to_vec();
        }
        let kept = rules().filter(|rule| named.contains(name_of(rule)));
        let read: Words = kept.flat_map(words_of).collect();
        if read.is_subset(&named) {
            break;
        }
        named.extend(read);
    }
    let mut groups = groups.to_vec();
    for group in &mut groups {
        let rules = list_of(&group["rules"]).iter();
        let kept = rules.filter(|rule| named.contains(name_of(rule))).cloned();
        group["rules"] = kept.collect();
    }
    groups.retain(|group| !list_of(&group["rules"]).is_empty());
    groups
}

/// The names of groups.
pub fn names_of(groups: &[Value]) -> BTreeSet<&str> {
    groups.iter().map(|group| text_of(group, "name")).collect()
}

/// The alerts and the expressions that a test asks about.
fn asked(test: &Value) -> Words {
    let alerts = list_of(&test["alert_rule_test"]).iter();
    let alerts = alerts.map(|case| &case["alertname"]);
    let expressions = list_of(&test["promql_expr_test"]).iter();
    let expressions = expressions.map(|case| &case["expr"]);
    alerts.chain(expressions).flat_map(words_of).collect()
}

/// A file of unit tests as several files, each with its rules: those of tests that ask about the same.
fn split(file: &Value) -> Vec<(Value, Value)> {
    let rule_files = list_of(&file["rule_files"]).iter();
    let groups: Vec<Value> = rule_files
        .flat_map(|rules| {
            let rules = rules.as_str().and_then(|rules| rules.strip_prefix("../"));
            groups_of(rules.expect("a file in alerts/"))
        })
        .collect();
    let rules = groups.iter().flat_map(|group| list_of(&group["rules"]));
    let known: BTreeSet<&str> = rules.map(name_of).collect();
    let mut by_question: BTreeMap<Words, Vec<Value>> = BTreeMap::new();
    for test in list_of(&file["tests"]) {
        // promtool takes an alert that does not exist for one that is silent.
        for case in list_of(&test["alert_rule_test"]) {
            let alert = text_of(case, "alertname");
            assert!(known.contains(alert), "{alert} is not in the rule files");
        }
        let same = by_question.entry(asked(test)).or_default();
        same.push(test.clone());
    }
    let parts = by_question.into_iter().map(|(question, tests)| {
        let groups = only(&groups, question);
        let names = names_of(&groups);
        let order = list_of(&file["group_eval_order"]).iter();
        let order = order.filter(|name| names.contains(name.as_str().unwrap_or_default()));
        let mut part = file.clone();
        part["group_eval_order"] = order.cloned().collect();
        part["tests"] = tests.into();
        (json!({ "groups": groups }), part)
    });
    parts.collect()
}

/// Runs the unit tests of a file, whose rule files are seen from `alerts/tests/`.
pub fn run_unit_tests(file: &Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for (index, (rules, mut tests)) in split(file).into_iter().enumerate() {
        let [rule_file, test_file] = ["rules", "tests"].map(|kind| {
            let file = folder.path().join(format!("{index}.{kind}.json"));
            file.display().to_string()
        });
        tests["rule_files"] = json!([rule_file]);
        fs::write(&rule_file, rules.to_string()).expect("the folder is ours");
        fs::write(&test_file, tests.to_string()).expect("the folder is ours");
        files.push(test_file);
    }
    tools::promtool(&["test", "rules"], files);
}

/// A file of unit tests, by its path as seen from `alerts/`.
pub fn unit_tests_of(file: &str) -> Value {
    let parsed: Value = serde_saphyr::from_str(&text(file)).expect("YAML");
    for rules in list_of(&parsed["rule_files"]) {
        let rules = path("tests").join(rules.as_str().expect("a path"));
        assert!(rules.is_file(), "{}", rules.display());
    }
    parsed
}

#[test]
fn every_unit_test_is_run_once() {
    for name in super::unit_tests::files() {
        let file = unit_tests_of(&name);
        let sorted = |tests: Vec<&Value>| {
            let mut tests: Vec<String> = tests.iter().map(ToString::to_string).collect();
            tests.sort();
            tests
        };
        let parts = split(&file);
        let run = parts.iter().flat_map(|(_, part)| list_of(&part["tests"]));
        let all = list_of(&file["tests"]).iter();
        assert_eq!(sorted(run.collect()), sorted(all.collect()), "{name}");
    }
}

#[test]
fn a_test_has_the_rules_that_it_reads_and_no_others() {
    let recording = |name: &str, expr: &str| json!({"record": name, "expr": expr});
    let alert = |name: &str, expr: &str, text: &str| json!({"alert": name, "expr": expr, "annotations": {"summary": text}});
    let groups = [
        json!({"name": "recordings", "rules": [
            recording("a:one", "sum(one)"),
            recording("a:two", "\na:one\n* 2"),
            recording("a:name", "name"),
            recording("a:other", "other"),
        ]}),
        json!({"name": "alerts", "rules": [
            alert("Reads", "a:two > 3", "{{ query \"a:name\" }}"),
            alert("Other", "a:other > 3", ""),
        ]}),
        json!({"name": "of alerts", "rules": [alert("Many", "count(ALERTS) > 3", "")]}),
    ];
    let kept = |name: &str| -> Vec<String> {
        let groups = only(&groups, [name.to_owned()].into());
        let rules = groups.iter().flat_map(|group| list_of(&group["rules"]));
        rules.map(|rule| name_of(rule).to_owned()).collect()
    };
    assert_eq!(kept("Reads"), ["a:one", "a:two", "a:name", "Reads"]);
    assert_eq!(kept("Other"), ["a:other", "Other"]);
    assert_eq!(kept("Many").len(), 7);
    assert_eq!(kept("a:two"), ["a:one", "a:two"]);
}
