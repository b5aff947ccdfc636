//! Takeovers between replicas: a series about Meta has no `instance`, so it continues. Only the old target's staleness marker
//! can land after the new owner's first sample, which hides the series until the next scrape. That changes no alert.

use std::fs;

use serde_json::{Value, json};

use super::identity::OF_A_PROCESS;
use super::replicas::{
    Case, MANY, cases, change_series, list_of, renamed, seconds, text_of, write_rules,
};
use super::rules::groups;
use super::series::{notation, samples};
use super::tools;
use crate::deploy::relabel::is_of_any_replica;
use crate::promql::labels::read;
use crate::promql::selectors::selected;
use crate::promql::vocabulary;
use crate::support::assert_none;

/// Labels that differ between replicas, or change with a new pod.
const OF_A_REPLICA: [&str; 4] = ["instance", "pod", "node", "replica"];

/// The longest interval that the alerts support. Longer ones are refined to it, or to less.
const INTERVAL_SECONDS: u64 = 120;

fn without_instance(series: &str) -> String {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split(", ");
    let labels = labels.filter(|label| !label.trim().starts_with("instance="));
    format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(", "))
}

/// The case, scraped at least every two minutes.
fn refined(test: &Value) -> Value {
    let interval = seconds(text_of(test, "interval"));
    if interval <= INTERVAL_SECONDS {
        return test.clone();
    }
    // In equal parts of whole seconds, so that the series last as long as before.
    let mut parts = interval.div_ceil(INTERVAL_SECONDS)..;
    let parts = parts
        .find(|parts| interval.is_multiple_of(*parts))
        .expect("seconds");
    let times = usize::try_from(parts).expect("few");
    let mut test = change_series(test, |series, values| {
        let repeated = samples(values)
            .into_iter()
            .flat_map(|sample| vec![sample; times])
            .collect::<Vec<_>>();
        vec![(series.to_owned(), notation(&repeated))]
    });
    test["interval"] = json!(format!("{}s", interval / parts));
    test
}

/// The case with two takeovers: one in the middle, and one at the moment of the evaluation.
fn taken_over(case: &Case) -> Value {
    let test = refined(&case.test);
    let eval_time = text_of(&test["alert_rule_test"][0], "eval_time");
    let last = seconds(eval_time) / seconds(text_of(&test, "interval"));
    let last = usize::try_from(last).expect("few scrapes");
    change_series(&test, |series, values| {
        if !is_of_any_replica(series) {
            return vec![(series.to_owned(), values.to_owned())];
        }
        let mut samples = samples(values);
        for index in [last / 2, last] {
            // The samples before and after it are those of the old and the new owner.
            if let Some(sample) = samples.get_mut(index).filter(|sample| *sample != "_") {
                *sample = "stale".to_owned();
            }
        }
        vec![(without_instance(series), notation(&samples))]
    })
}

/// The case with its expected alerts as series. Their texts can contain a value that is a scrape older.
fn without_texts(mut test: Value) -> Value {
    let check = test["alert_rule_test"][0].clone();
    let alert = text_of(&check, "alertname");
    let of_alert = |labels: &Value| {
        let labels = labels.as_object().into_iter().flatten();
        let labels = labels.map(|(name, value)| format!(", {name}={value}"));
        let labels: String = labels.collect();
        let series = format!("ALERTS{{alertname={alert:?}, alertstate=\"firing\"{labels}}}");
        json!({"labels": series, "value": 1})
    };
    let expected = list_of(&check["exp_alerts"]).iter();
    let expected: Vec<Value> = expected.map(|one| of_alert(&one["exp_labels"])).collect();
    test["promql_expr_test"] = json!([{
        "expr": format!("ALERTS{{alertname={alert:?}, alertstate=\"firing\"}}"),
        "eval_time": check["eval_time"],
        "exp_samples": expected,
    }]);
    test["alert_rule_test"] = json!([]);
    test
}

#[test]
fn no_alert_resolves_or_starts_again_at_a_takeover() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for case in &cases() {
        let test = renamed(without_texts(taken_over(case)), "taken over");
        let has_owner = list_of(&test["input_series"])
            .iter()
            .any(|one| is_of_any_replica(text_of(one, "series")));
        if !has_owner {
            continue;
        }
        let rules = folder.path().join(format!("{}.rules.json", case.alert));
        let groups = write_rules(&case.alert, &rules);
        let file = folder.path().join(format!("{}.json", case.alert));
        let test = json!({
            "rule_files": [rules.display().to_string()],
            "evaluation_interval": if case.evaluations > MANY { "20m" } else { &case.evaluation_interval },
            "group_eval_order": groups,
            "tests": [test],
        });
        fs::write(&file, test.to_string()).expect("the folder is ours");
        files.push(file.display().to_string());
    }
    assert!(!files.is_empty(), "no alert is about Meta");
    tools::promtool(&["test", "rules"], files);
}

/// A rule with `instance` in its identity reads only series of processes; no rule has another label of a replica.
#[test]
fn no_identity_about_meta_contains_a_replica() {
    let metrics = vocabulary::metrics();
    let declared = vocabulary::declared();
    let mut complaints = Vec::new();
    for rule in groups().into_iter().flat_map(|group| group.rules) {
        let name = rule.name();
        let (labels, _) = read(&rule.expr, &metrics);
        let mut replica = OF_A_REPLICA
            .iter()
            .filter(|label| labels.ever.contains(**label));
        let Some(label) = replica.next() else {
            continue;
        };
        let is_of_process = OF_A_PROCESS.iter().any(|(process, _)| *process == name);
        if *label != "instance" || !is_of_process || replica.next().is_some() {
            complaints.push(format!("{name}: its identity contains {label}"));
        }
        for metric in selected(&rule.expr) {
            let labels = declared.get(&metric).into_iter().flatten();
            let pairs = labels.map(|label| format!("{label}=\"a\""));
            let series = format!("{metric}{{{}}}", pairs.collect::<Vec<_>>().join(","));
            if is_of_any_replica(&series) {
                complaints.push(format!("{name}: {metric} has no instance"));
            }
        }
    }
    assert_none(&complaints);
}
