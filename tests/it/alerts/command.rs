//! `alerts`, by the real program: the files that it writes with an operator's values, under the tools that read them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use whatsapp_business_exporter::alerts::RuleFile;

use super::rules::{self, Rule};
use super::{text, tools};
use crate::process::{Outcome, outcome};

/// Values of several kinds.
const VALUES: &str = "\
runbook_url: https://wiki.example.com/whatsapp
dashboard_url: https://grafana.example.com/g
alertmanager:
  timezone: Europe/Amsterdam
alerts:
  WhatsAppDataStale:
    severity: warning
    for: 1h30m
    seconds: 7200
";

/// A name, and the disabled alerts by place and name.
type Subset = (&'static str, fn(usize, &str) -> bool);

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Runs the subcommand with these values.
pub fn run(values: &str, output: &Path) -> Outcome {
    let folder = folder();
    let file = folder.path().join("mine.yaml");
    fs::write(&file, values).expect("the folder is ours");
    let flags = [
        format!("--values={}", file.display()),
        format!("--output={}", output.display()),
    ];
    outcome(&["alerts", &flags[0], &flags[1]], &[])
}

/// The paths of the rule files in a folder.
pub fn rule_files(folder: &Path) -> Vec<String> {
    let files = rules::files().into_iter();
    let paths = files.map(|file| folder.join(file).display().to_string());
    paths.collect()
}

fn alerts(folder: &Path) -> Vec<Rule> {
    let read = |path: String| -> RuleFile {
        let text = fs::read_to_string(&path).expect(&path);
        serde_saphyr::from_str(&text).expect(&path)
    };
    let groups = rule_files(folder)
        .into_iter()
        .flat_map(|path| read(path).groups);
    let rules = groups.flat_map(|group| group.rules);
    rules.filter(|rule| rule.alert.is_some()).collect()
}

#[test]
fn without_values_it_writes_the_committed_files_into_a_new_folder() {
    let folder = folder();
    let output = folder.path().join("new/alerts");
    let flag = format!("--output={}", output.display());
    for _ in 0..2 {
        let outcome = outcome(&["alerts", &flag], &[]);
        assert_eq!((outcome.code, outcome.log.as_str()), (Some(0), ""));
        let written: Vec<&str> = outcome.out.lines().collect();
        let names = rules::files().into_iter();
        let names =
            names.chain(["alertmanager.yml", "kubernetes/prometheus-rule.yaml"].map(str::to_owned));
        let names: Vec<String> = names.collect();
        assert_eq!(written.len(), names.len());
        for (path, name) in written.iter().zip(&names) {
            assert_eq!(Path::new(path), output.join(name));
            assert!(
                fs::read_to_string(path).expect(path) == text(name),
                "{name}"
            );
        }
    }
    // Nothing is left of the second run, which replaced the files.
    let entries = fs::read_dir(&output).expect("the folder is there");
    let names: BTreeSet<String> = entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(names.len(), rules::files().len() + 2, "{names:?}");
}

#[test]
fn values_are_in_the_files_and_the_tools_accept_them() {
    let folder = folder();
    let outcome = run(VALUES, folder.path());
    assert_eq!(outcome.code, Some(0), "{}", outcome.log);
    for rule in alerts(folder.path()) {
        let (runbook, dashboard) = (
            rule.annotation("runbook_url"),
            rule.annotation("dashboard_url"),
        );
        assert!(
            runbook.starts_with("https://wiki.example.com/whatsapp#whatsapp"),
            "{runbook}"
        );
        assert!(
            dashboard.starts_with("https://grafana.example.com/g/d/whatsapp-"),
            "{dashboard}"
        );
        if rule.name() == "WhatsAppDataStale" {
            assert_eq!(
                (rule.severity(), rule.pending.as_deref()),
                ("warning", Some("1h30m"))
            );
            assert!(rule.expr.contains("7200"), "{}", rule.expr);
        }
    }
    tools::promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        rule_files(folder.path()),
    );
    let alertmanager = folder.path().join("alertmanager.yml");
    let config = fs::read_to_string(&alertmanager).expect("it is written");
    assert!(config.contains("location: Europe/Amsterdam"), "{config}");
    tools::amtool(&["check-config", &alertmanager.display().to_string()]);
}

#[test]
fn promtool_accepts_the_other_rules_whichever_are_disabled() {
    let names: Vec<String> = rules::alerts()
        .iter()
        .map(|rule| rule.name().to_owned())
        .collect();
    let subsets: [Subset; 5] = [
        ("all", |_, _| true),
        ("even", |index, _| index.is_multiple_of(2)),
        ("odd", |index, _| !index.is_multiple_of(2)),
        ("one topic", |_, name| name.starts_with("WhatsAppNumber")),
        ("all but the first", |index, _| index > 0),
    ];
    let folder = folder();
    let mut files = Vec::new();
    for (subset, is_disabled) in subsets {
        let mut values = "alerts:\n".to_owned();
        let mut enabled = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if is_disabled(index, name) {
                values += &format!("  {name}: {{enabled: false}}\n");
            } else {
                enabled.push(name.clone());
            }
        }
        let output = folder.path().join(subset);
        let outcome = run(&values, &output);
        assert_eq!(outcome.code, Some(0), "{subset}: {}", outcome.log);
        let left: Vec<String> = alerts(&output)
            .iter()
            .map(|rule| rule.name().to_owned())
            .collect();
        assert_eq!(left, enabled, "{subset}");
        files.extend(rule_files(&output));
    }
    tools::promtool(&["check", "rules", "--lint=all", "--lint-fatal"], files);
}

#[test]
fn every_error_is_printed_and_nothing_is_written() {
    let folder = folder();
    let output = folder.path().join("alerts");
    let outcome = run(
        "alerts:\n  WhatsAppDataStal: {}\n  WhatsAppNumberBanned:\n    for: soon\n",
        &output,
    );
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    let mut lines = outcome.log.lines();
    let first = lines.next().unwrap_or_default();
    assert!(
        first.ends_with("mine.yaml is not valid, 2 errors:"),
        "{first}"
    );
    let rest: Vec<&str> = lines.collect();
    assert_eq!(
        rest,
        [
            "line 2: alerts.WhatsAppDataStal: unknown alert; did you mean `WhatsAppDataStale`?",
            "line 4: alerts.WhatsAppNumberBanned.for: \"soon\" is not a duration of Prometheus; write it like 30s, 5m, 1h30m or 7d",
        ]
    );
    assert!(!output.exists());
}

#[test]
fn unreadable_and_unwritable_files_are_named() {
    let folder = folder();
    let missing = format!("--values={}", folder.path().join("none.yaml").display());
    let occupied = folder.path().join("file");
    fs::write(&occupied, "").expect("the folder is ours");
    let output = format!("--output={}", occupied.display());
    for (arguments, name) in [
        (
            vec!["alerts", missing.as_str(), "--output=x"],
            "none.yaml: ",
        ),
        (vec!["alerts", output.as_str()], "file/numbers.yml: "),
    ] {
        let outcome = outcome(&arguments, &[]);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
        assert!(
            outcome.log.starts_with("error: ") && outcome.log.contains(name),
            "{}",
            outcome.log
        );
    }
    assert_eq!(
        outcome(&["alerts"], &[]).code,
        Some(2),
        "--output is required"
    );
}

#[test]
fn the_printed_values_are_the_defaults() {
    let printed = outcome(&["alerts", "--print-values"], &[]);
    assert_eq!(printed.code, Some(0), "{}", printed.log);
    assert_eq!(printed.out.trim_end(), text("values.yaml").trim_end());
    let folder = folder();
    let outcome = run(&printed.out, folder.path());
    assert_eq!(outcome.code, Some(0), "{}", outcome.log);
    assert_eq!(alerts(folder.path()), rules::alerts());
}
