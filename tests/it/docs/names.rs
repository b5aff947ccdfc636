//! Metrics, flags, variables, configuration keys, alerts and reasons that a page names exist in the code.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;
use whatsapp_business_exporter::cli::Cli;
use whatsapp_business_exporter::config;
use whatsapp_business_exporter::domain::{WebhookField, Word};
use whatsapp_business_exporter::ingest::graph::FailureKind;

use super::markdown::{code_spans, prose, words};
use super::{Page, current};
use crate::alerts::rules;
use crate::promql::vocabulary;

/// Words of Meta's and of this crate that look like the name of a metric.
const NOT_METRICS: &[&str] = &[
    "whatsapp_business_account",
    "whatsapp_business_exporter",
    "whatsapp_business_management",
    "whatsapp_business_manager_messaging_limit",
    "whatsapp_business_messaging",
    "whatsapp_exporter", // the default schema of PostgreSQL
    "whatsapp_manager",
    "whatsapp_manager_url",
];

/// Flags of other programs that the pages call.
const FOREIGN_FLAGS: &[&str] = &[
    "--all-targets",
    "--baseline",
    "--bench",
    "--build",
    "--build-arg",
    "--bundle",
    "--cap-drop",
    "--certificate-identity-regexp",
    "--certificate-oidc-issuer",
    "--check",
    "--config",
    "--data",
    "--data-urlencode",
    "--detach",
    "--enable-feature",
    "--env",
    "--from-file",
    "--get",
    "--git",
    "--header",
    "--health-cmd",
    "--ignore-missing",
    "--ignored",
    "--kustomize",
    "--locked",
    "--max-block-duration",
    "--name",
    "--namespace",
    "--now",
    "--platform",
    "--previous",
    "--program",
    "--publish",
    "--read-only",
    "--release",
    "--request",
    "--restart",
    "--rm",
    "--rounds",
    "--security-opt",
    "--set",
    "--set-file",
    "--set-string",
    "--short",
    "--silent",
    "--tag",
    "--test",
    "--unit",
    "--volume",
];

/// Fails with every name that `known` does not have.
fn assert_known<'a>(
    pages: &'a [Page],
    names: impl Fn(&'a Page) -> Vec<&'a str>,
    known: impl Fn(&str) -> bool,
) {
    let unknown: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            let names = names(page).into_iter().filter(|name| !known(name));
            names.map(|name| format!("{}: {name}", page.path))
        })
        .collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_metric_exists() {
    let known = vocabulary::metrics();
    let families: BTreeSet<String> = super::tables::rows()
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_known(
        &current(),
        |page| {
            let own = words(&page.text, "whatsapp_", "_:");
            // Recorded series: level, metric and operations.
            let recorded = words(&page.text, "", "_:").filter(|word| word.contains(":whatsapp_"));
            own.chain(recorded)
                .map(|word| word.trim_end_matches(':'))
                .collect()
        },
        |name| known.contains_key(name) || families.contains(name) || NOT_METRICS.contains(&name),
    );
}

#[test]
fn every_flag_exists() {
    let known = flags();
    assert_known(
        &current(),
        |page| {
            let at_begin = page
                .text
                .split(|at: char| at.is_whitespace() || "`(|[\"".contains(at));
            at_begin.filter_map(flag_in).collect()
        },
        |flag| known.contains(flag) || FOREIGN_FLAGS.contains(&flag),
    );
}

/// The flag that this word begins with.
fn flag_in(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--")?;
    let end = name.find(|at: char| !at.is_ascii_alphanumeric() && !".-".contains(at));
    let flag = &word[..end.map_or(word.len(), |end| end + 2)];
    let is_flag = name.starts_with(|first: char| first.is_ascii_alphabetic());
    is_flag.then(|| flag.trim_end_matches('.'))
}

/// Every flag of every subcommand.
fn flags() -> BTreeSet<String> {
    let mut command = Cli::command();
    command.build();
    let nested = command
        .get_subcommands()
        .flat_map(clap::Command::get_subcommands);
    let all = command.get_subcommands().chain(nested).chain([&command]);
    all.flat_map(clap::Command::get_arguments)
        .filter_map(clap::Arg::get_long)
        .map(|long| format!("--{long}"))
        .collect()
}

#[test]
fn every_variable_exists() {
    let known: BTreeSet<&str> = config::reference()
        .iter()
        .filter_map(|row| row.variable)
        .collect();
    assert_known(
        &current(),
        |page| words(&page.text, "WHATSAPP_", "_").collect(),
        // `WHATSAPP_EXPORTER_` stands for all variables that begin with it.
        |name| {
            let is_prefix = name.ends_with('_');
            known.contains(name) || is_prefix && known.iter().any(|known| known.starts_with(name))
        },
    );
}

#[test]
fn every_configuration_key_exists() {
    let known: BTreeSet<&str> = config::reference()
        .iter()
        .filter_map(|row| row.key)
        .collect();
    let sections: BTreeSet<&str> = known
        .iter()
        .filter_map(|key| key.split_once('.'))
        .map(|(section, _)| section)
        .collect();
    assert_known(
        &current(),
        |page| {
            let spans = code_spans(without_status_fields(&page.text));
            spans
                .into_iter()
                .filter_map(key_in)
                .filter(|key| {
                    key.split_once('.')
                        .is_some_and(|(section, _)| sections.contains(section))
                })
                .collect()
        },
        |key| known.contains(key),
    );
}

/// The dotted key that this code begins with.
fn key_in(code: &str) -> Option<&str> {
    let end = code.find(|at: char| !at.is_ascii_lowercase() && !"._[]".contains(at));
    let key = &code[..end.unwrap_or(code.len())];
    let is_file = ["md", "yml", "yaml", "rs"]
        .iter()
        .any(|extension| key.ends_with(&format!(".{extension}")));
    (!is_file && !key.ends_with('.')).then_some(key)
}

/// The text before the table of the status API, whose fields look like keys.
fn without_status_fields(text: &str) -> &str {
    text.split("<!-- status fields -->").next().unwrap_or(text)
}

#[test]
fn every_alert_exists() {
    let alerts = rules::alerts();
    assert_known(
        &current(),
        |page| {
            words(&page.text, "WhatsApp", "")
                .filter(|word| word.len() > "WhatsApp".len())
                .collect()
        },
        |name| alerts.iter().any(|rule| rule.name() == name),
    );
}

#[test]
fn every_reason_of_a_failed_poll_is_explained() {
    let page = Page::read("docs/deploy.md");
    let (_, section) = page
        .text
        .split_once("### Reasons of failed polls\n")
        .expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let explained: BTreeSet<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    let declared = FailureKind::ALL.iter().map(|kind| kind.as_str());
    // The reasons of a late poll that no failed request has.
    let declared: BTreeSet<&str> = declared.chain(["not_listed", "queued"]).collect();
    assert_eq!(explained, declared);
}

#[test]
fn subscribed_fields_are_listed() {
    let page = Page::read("docs/connect.md");
    let (_, list) = page.text.split_once("- The fields are ").expect("the list");
    let (list, _) = list.split_once('.').expect("its end");
    let listed: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let watched = WebhookField::WATCHED.iter().map(|field| field.as_str());
    assert_eq!(listed, watched.collect());
}

#[test]
fn quoted_defaults_are_the_defaults() {
    let defaults: BTreeMap<&str, &str> = config::reference()
        .iter()
        .filter_map(|row| row.key.zip(row.default))
        .collect();
    let mut checked = 0;
    for page in current() {
        for (key, quoted) in prose(&page.text).into_iter().flat_map(quoted_defaults) {
            let Some(default) = defaults.get(key) else {
                continue;
            };
            checked += 1;
            assert_eq!(as_written(quoted), *default, "{}: {key}", page.path);
        }
    }
    assert!(checked > 10, "only {checked} defaults");
}

/// Every key of a line that has a value in brackets behind it, as in "`poll.calls_per_hour` (1,000)".
fn quoted_defaults(line: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = line.split('`').collect();
    let pairs = parts.windows(2).skip(1).step_by(2);
    pairs
        .filter_map(|pair| {
            let value = pair[1].strip_prefix(" (")?.split(')').next()?;
            let is_value =
                value == "off" || value.starts_with(|first: char| first.is_ascii_digit());
            is_value.then_some((pair[0], value))
        })
        .collect()
}

/// A value of a text in the spelling of the configuration.
fn as_written(value: &str) -> String {
    match value {
        "off" => "0".to_owned(),
        value => value
            .replace(" days", "d")
            .replace(" day", "d")
            .replace([',', ' '], ""),
    }
}
