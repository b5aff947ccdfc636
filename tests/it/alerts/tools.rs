//! The tools that read the rules and the configuration accept them. A missing tool fails the
//! test and names the package; `make test` installs it.

use std::process::Command;

use super::{few, path, rules, unit_tests};

/// Runs a tool in `alerts/`. Fails with its output if the tool fails.
fn run(tool: &str, package: &str, arguments: &[String]) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(path(""))
        // Of the time of unit tests, a quarter went to the collection of garbage.
        .env("GOGC", "400")
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!("{tool}: {error}; install Debian's package `{package}`, or run `make test`")
    });
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{}", said.concat());
}

/// Runs promtool over files.
pub fn promtool(what: &[&str], files: Vec<String>) {
    let what = what.iter().map(ToString::to_string);
    run(
        "promtool",
        "prometheus",
        &what.chain(files).collect::<Vec<_>>(),
    );
}

/// Runs amtool.
pub fn amtool(arguments: &[&str]) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    run("amtool", "prometheus-alertmanager", &arguments);
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        rules::files(),
    );
}

/// One test for each file of unit tests, because they take minutes and run in parallel.
macro_rules! unit_tests_pass {
    ($($file:ident)*) => {
        mod unit_tests_of_the_rules_pass {
            $(
                #[test]
                fn $file() {
                    let file = concat!("tests/", stringify!($file), ".yml");
                    super::few::run_unit_tests(&super::few::unit_tests_of(file));
                }
            )*
        }

        #[test]
        fn every_file_of_unit_tests_is_run() {
            let run = [$(concat!("tests/", stringify!($file), ".yml")),*];
            let mut files = unit_tests::files();
            files.sort();
            assert_eq!(files, run);
        }
    };
}

unit_tests_pass! {
    access accounts cluster conversations conversations_past exporter exporter_past numbers past templates wilson
}

#[test]
fn amtool_finds_nothing_wrong_with_the_configuration() {
    amtool(&["check-config", "alertmanager.yml"]);
}

#[test]
fn each_severity_goes_to_its_receiver() {
    for (alert, severity, receiver) in [
        ("WhatsAppNumberBanned", "critical", "pager"),
        ("WhatsAppNumberBanned", "warning", "chat"),
        ("WhatsAppNumberBanned", "info", "mail"),
        ("WhatsAppWatchdog", "none", "dead-mans-switch"),
    ] {
        let verify = format!("--verify.receivers={receiver}");
        let labels = [format!("alertname={alert}"), format!("severity={severity}")];
        let config = "--config.file=alertmanager.yml";
        let labels = labels.each_ref().map(String::as_str);
        amtool(&[&["config", "routes", "test", config, &verify], &labels[..]].concat());
    }
}
