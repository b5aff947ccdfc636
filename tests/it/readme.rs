//! Holds the README to the code: its tables, names, flags, links and examples.
//!
//! `UPDATE_README=1 cargo test --test it readme` writes the tables anew.

pub mod tables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use whatsapp_business_exporter::cli::Cli;
use whatsapp_business_exporter::config::{self, Config, FixedEnvironment, Flags};

use crate::{alerts, dashboards};

/// Words of Meta's, and of this crate, that look like a metric's name and are none.
const NO_METRICS: &[&str] = &[
    "whatsapp_business_account",
    "whatsapp_business_exporter",
    "whatsapp_business_management",
    "whatsapp_business_messaging",
];

/// Flags of the other programs that the README calls.
const FOREIGN_FLAGS: &[&str] = &[
    "--all-targets",
    "--bench",
    "--build",
    "--build-arg",
    "--cap-drop",
    "--config",
    "--data",
    "--data-urlencode",
    "--detach",
    "--env",
    "--from-file",
    "--get",
    "--header",
    "--health-cmd",
    "--ignored",
    "--kustomize",
    "--locked",
    "--name",
    "--namespace",
    "--now",
    "--publish",
    "--read-only",
    "--release",
    "--request",
    "--restart",
    "--security-opt",
    "--short",
    "--silent",
    "--tag",
    "--test",
    "--unit",
    "--volume",
];

#[test]
fn tables_are_what_the_code_declares() {
    let (before, mut after) = (readme(), readme());
    for (name, table) in [
        ("configuration", tables::configuration()),
        ("metrics", tables::metrics()),
        ("alerts", alerts::table::table()),
        ("dashboards", dashboards::table::table()),
    ] {
        after = with_table(&after, name, &table);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path("README.md"), &after).expect("README.md can be written");
        return;
    }
    assert!(
        before == after,
        "README.md does not say what the code declares; `UPDATE_README=1 cargo test --test it readme` \
         writes this:\n\n{}\n{}",
        tables::configuration(),
        tables::metrics()
    );
}

#[test]
fn every_metric_named_exists() {
    let known: BTreeSet<String> = tables::rows().into_iter().flat_map(series_names).collect();
    for name in words(&readme(), "whatsapp_") {
        let known = known.contains(name) || NO_METRICS.contains(&name);
        assert!(known, "{name} is in the README and not in the code");
    }
}

#[test]
fn every_flag_and_variable_named_exists() {
    let flags = known_flags();
    let text = readme();
    let named = text
        .split(|at: char| at.is_whitespace() || "`(|[\"".contains(at))
        .filter(|word| word.strip_prefix("--").is_some_and(starts_with_a_letter));
    for word in named {
        let end = word[2..].find(|at: char| !at.is_ascii_alphanumeric() && !".-".contains(at));
        let flag = word[..end.map_or(word.len(), |end| end + 2)].trim_end_matches('.');
        let known = flags.contains(flag) || FOREIGN_FLAGS.contains(&flag);
        assert!(known, "{flag} is in the README and not in the code");
    }
    let variables: BTreeSet<&str> = config::reference()
        .iter()
        .filter_map(|row| row.variable)
        .collect();
    for name in words(&text, "WHATSAPP_") {
        assert!(variables.contains(name), "{name} is no variable");
    }
}

#[test]
fn links_lead_somewhere() {
    assert_links_lead_somewhere("README.md");
}

/// Fails at a link in this page that leads to no file, or to no heading of a page.
pub fn assert_links_lead_somewhere(page: &str) {
    let here = path(page);
    let text = std::fs::read_to_string(&here).expect("the page is there");
    let targets = text.split("](").skip(1);
    for target in targets.filter_map(|rest| rest.split(')').next()) {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let there = match file {
            "" => here.clone(),
            file => here.with_file_name(file),
        };
        let leads = target.starts_with("https://")
            || there.exists() && (anchor.is_empty() || has_heading(&there, anchor));
        assert!(leads, "{page}: {target}");
    }
}

fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = std::fs::read_to_string(page).expect("a page");
    prose(&text)
        .filter_map(anchor_of)
        .any(|found| found == anchor)
}

/// What an app is made of, where the file has none.
const VARIABLES: [&str; 4] = [
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
    "WHATSAPP_BUSINESS_ACCOUNT_IDS",
];

#[test]
fn configuration_examples_are_valid() {
    let text = readme();
    let examples: Vec<&str> = fenced(&text, "yaml")
        .filter(|example| !example.contains("scrape_configs:"))
        // A listener's file, which `web/readme.rs` reads.
        .filter(|example| !example.contains("tls_server_config:"))
        .collect();
    assert!(!examples.is_empty(), "the README shows no configuration");
    for example in examples {
        let with_file = |environment: FixedEnvironment, path| environment.with_file(path, "secret");
        let secrets = example
            .lines()
            .filter_map(|line| line.split_once("_file: "))
            .filter_map(|(_, path)| path.split_whitespace().next());
        let environment = secrets
            .fold(FixedEnvironment::default(), with_file)
            .with_file("config.yml", example);
        // An example of one section goes with the variables that the first example names.
        let environment = if example.contains("apps:") {
            environment
        } else {
            VARIABLES.iter().fold(environment, |environment, name| {
                environment.with_variable(name, "102290129340398")
            })
        };
        let flags = Flags::default().with_config_file(Some("config.yml".into()));
        if let Err(errors) = Config::load(&flags, &environment) {
            panic!("{example}\n{errors}");
        }
    }
}

fn readme() -> String {
    std::fs::read_to_string(path("README.md")).expect("README.md is there")
}

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The text with this table between its markers.
pub fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- generated: {name} -->\n"),
        format!("<!-- end of generated: {name} -->"),
    );
    let (before, rest) = text.split_once(&begin).expect("the opening marker");
    let (_, after) = rest.split_once(&end).expect("the closing marker");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

/// A family's name, and for histograms those of its series.
fn series_names(row: tables::Row) -> Vec<String> {
    let of_histograms = ["_bucket", "_sum", "_count"];
    let suffixes = of_histograms.iter().filter(|_| row.kind == "histogram");
    let mut names: Vec<String> = suffixes
        .map(|suffix| format!("{}{suffix}", row.name))
        .collect();
    names.push(row.name);
    names
}

/// Every word that begins so.
fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(|at: char| !at.is_ascii_alphanumeric() && at != '_')
        .filter(move |word| word.starts_with(prefix))
}

fn known_flags() -> BTreeSet<String> {
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

fn starts_with_a_letter(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// The lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n```").step_by(2).flat_map(|part| part.lines())
}

/// The insides of the fenced blocks of this language.
fn fenced<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("\n```")
        .skip(1)
        .step_by(2)
        .filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

/// A heading's anchor, as GitHub makes it.
fn anchor_of(line: &str) -> Option<String> {
    let (marks, title) = line.split_once(' ')?;
    let is_heading = !marks.is_empty() && marks.bytes().all(|byte| byte == b'#');
    let kept = |at: &char| at.is_alphanumeric() || " -_".contains(*at);
    is_heading.then(|| {
        let title: String = title.to_lowercase().chars().filter(kept).collect();
        title.replace(' ', "-")
    })
}
