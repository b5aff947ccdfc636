//! The rules and the configuration under the tools of those who will read them. A missing tool fails the
//! test and names the package; `make test` installs it.

use std::process::Command;

use super::{path, rules};

/// Runs a tool in `alerts/`; fails with what it said if it ends badly.
fn run(tool: &str, package: &str, arguments: &[String]) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(path(""))
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!("{tool}: {error}; install Debian's package `{package}`, or run `make test`")
    });
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{}", said.concat());
}

fn promtool(what: &[&str], files: Vec<String>) {
    let what = what.iter().map(ToString::to_string);
    run(
        "promtool",
        "prometheus",
        &what.chain(files).collect::<Vec<_>>(),
    );
}

fn amtool(arguments: &[&str]) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    run("amtool", "prometheus-alertmanager", &arguments);
}

/// The unit tests of the rules.
fn unit_tests() -> Vec<String> {
    let folder = std::fs::read_dir(path("tests")).expect("alerts/tests/ is there");
    let names = folder.map(|entry| entry.expect("it can be read").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let files: Vec<String> = names.map(|name| format!("tests/{name}")).collect();
    assert!(!files.is_empty(), "there is no unit test");
    files
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        rules::files(),
    );
}

#[test]
fn every_unit_test_of_the_rules_passes() {
    promtool(&["test", "rules"], unit_tests());
}

#[test]
fn every_alert_has_a_unit_test() {
    let tests: String = unit_tests().iter().map(|file| super::text(file)).collect();
    for rule in rules::alerts() {
        let named = |line: &str| line.trim().trim_end_matches('"').ends_with(rule.name());
        assert!(tests.lines().any(named), "{} has no unit test", rule.name());
    }
}

#[test]
fn amtool_finds_nothing_wrong_with_the_configuration() {
    amtool(&["check-config", "alertmanager.yml"]);
}

#[test]
fn each_severity_goes_to_its_receiver() {
    for (severity, receiver) in [("critical", "pager"), ("warning", "chat"), ("info", "mail")] {
        let (verify, severity) = (
            format!("--verify.receivers={receiver}"),
            format!("severity={severity}"),
        );
        let alert = ["alertname=WhatsAppNumberBanned", &severity];
        let config = "--config.file=alertmanager.yml";
        amtool(&[&["config", "routes", "test", config, &verify], &alert[..]].concat());
    }
}
