//! Examples work: the program that reads them in production, or the tool that the page names, accepts them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use whatsapp_business_exporter::alerts::AlertSet;
use whatsapp_business_exporter::config::{Config, FixedEnvironment, Flags, WebFile};

use super::current;
use super::markdown::{Fence, fences};
use crate::alerts::tools;
use crate::deploy::helm;
use crate::promql::labels::read;
use crate::promql::selectors::matchers;
use crate::promql::{vocabulary, words};

/// Languages that nothing here can parse: output and diagrams, and systemd drop-ins.
const UNPARSED: &[&str] = &["text", "ini"];

/// Every example of a language, each with its page.
fn examples(language: &str) -> Vec<(String, Fence)> {
    let pages = current();
    let found: Vec<(String, Fence)> = pages
        .iter()
        .flat_map(|page| {
            fences(&page.text)
                .into_iter()
                .map(|fence| (page.path.clone(), fence))
        })
        .filter(|(_, fence)| fence.language == language)
        .collect();
    assert!(!found.is_empty(), "no page has {language}");
    found
}

#[test]
fn every_example_has_a_language_that_is_checked() {
    let checked = ["sh", "yaml", "json", "promql", "python", "js"];
    for page in current() {
        for fence in fences(&page.text) {
            let language = fence.language.as_str();
            let is_known = checked.contains(&language) || UNPARSED.contains(&language);
            assert!(is_known, "{}: a fence of {language:?}", page.path);
        }
    }
}

/// Fails if the program does not accept this on its standard input.
fn assert_accepted(program: &str, arguments: &[&str], page: &str, text: &str) {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program}: {error}; install {program}"));
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{page}:\n{text}\n{said}");
}

#[test]
fn bash_parses_shell() {
    for (page, example) in examples("sh") {
        assert_accepted("bash", &["-n"], &page, &example.body);
    }
}

#[test]
fn python_parses_python() {
    let parse = "import ast, sys; ast.parse(sys.stdin.read())";
    for (page, example) in examples("python") {
        assert_accepted("python3", &["-c", parse], &page, &example.body);
    }
}

#[test]
fn node_parses_javascript() {
    let parse = "new (require('vm').Script)(require('fs').readFileSync(0, 'utf8'))";
    for (page, example) in examples("js") {
        assert_accepted("node", &["--eval", parse], &page, &example.body);
    }
}

#[test]
fn json_is_json() {
    for (page, example) in examples("json") {
        let parsed: Result<Value, _> = serde_json::from_str(&example.body);
        assert!(parsed.is_ok(), "{page}: {parsed:?}\n{}", example.body);
    }
}

#[test]
fn queries_name_metrics_labels_and_values_that_exist() {
    let metrics = vocabulary::metrics();
    for (page, example) in examples("promql") {
        let queries = example.body.split("\n\n").map(without_comments);
        for query in queries.filter(|query| !query.trim().is_empty()) {
            let (_, mut wrong) = read(&query, &metrics);
            for (metric, matcher) in matchers(&query) {
                wrong.extend(words::wrong(&metric, &matcher));
            }
            assert!(wrong.is_empty(), "{page}: {query}\n{wrong:?}");
        }
    }
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The program that reads a YAML example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Alerts,
    Exporter,
    Helm,
    Listener,
    Prometheus,
}

fn kind(yaml: &str) -> Kind {
    let has = |key: &str| yaml.lines().any(|line| line.starts_with(key));
    if has("scrape_configs:") || has("rule_files:") {
        Kind::Prometheus
    } else if has("config:") || has("prometheusRule:") {
        Kind::Helm
    } else if has("alerts:") {
        Kind::Alerts
    } else if has("tls_server_config:") {
        Kind::Listener
    } else {
        Kind::Exporter
    }
}

/// The YAML examples of this kind, each with its page.
fn yaml(wanted: Kind) -> Vec<(String, String)> {
    let examples = examples("yaml").into_iter();
    let found: Vec<(String, String)> = examples
        .map(|(page, example)| (page, example.body))
        .filter(|(_, body)| kind(body) == wanted)
        .collect();
    assert!(!found.is_empty(), "no page has {wanted:?}");
    found
}

/// An app, for examples of one section.
const APP: [&str; 4] = [
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
    "WHATSAPP_BUSINESS_ACCOUNT_IDS",
];

#[test]
fn the_exporter_loads_its_configuration() {
    for (page, example) in yaml(Kind::Exporter) {
        let with_file = |environment: FixedEnvironment, (key, path): (&str, &str)| {
            let is_url = key.ends_with("url");
            let text = if is_url {
                "https://hooks.example.com/secret"
            } else {
                "secret"
            };
            environment.with_file(path.split_whitespace().next().unwrap_or_default(), text)
        };
        let secrets = example
            .lines()
            .filter_map(|line| line.split_once("_file: "));
        let environment = secrets
            .fold(FixedEnvironment::default(), with_file)
            .with_file("config.yml", &*example);
        let environment = if example.contains("apps:") {
            environment
        } else {
            APP.iter().fold(environment, |environment, name| {
                environment.with_variable(name, "102290129340398")
            })
        };
        let flags = Flags::default().with_config_file(Some("config.yml".into()));
        if let Err(errors) = Config::load(&flags, &environment) {
            panic!("{page}:\n{example}\n{errors}");
        }
    }
}

#[test]
fn values_of_the_alerts_are_accepted() {
    for (page, example) in yaml(Kind::Alerts) {
        let values = AlertSet::embedded().with_values(&example);
        assert!(values.is_ok(), "{page}:\n{example}\n{values:?}");
    }
}

#[test]
fn helm_renders_the_values_and_the_exporter_loads_their_configuration() {
    for (_, example) in yaml(Kind::Helm) {
        helm::program::config(&helm::rendered_with(&example));
    }
}

#[test]
fn the_exporter_loads_the_file_of_a_listener() {
    for (page, example) in yaml(Kind::Listener) {
        let with_options = example.replace("  # client_", "  client_");
        assert_ne!(example, with_options, "{page} shows client certificates");
        for text in [example, with_options] {
            let environment = FixedEnvironment::default()
                .with_file("/etc/web.yml", &*text)
                .with_file("/etc/exporter.crt", "certificate")
                .with_file("/etc/exporter.key", "key")
                .with_file("/etc/clients.crt", "authority");
            let file = WebFile::load(Path::new("/etc/web.yml"), &environment);
            let file = file.unwrap_or_else(|errors| panic!("{page}: {errors}"));
            assert!(file.tls.is_some() && file.rate_limit.is_some());
            assert_eq!((file.users.0.len(), file.headers.len()), (1, 1));
        }
    }
}

#[test]
fn promtool_accepts_prometheus_configuration() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (number, (_, example)) in yaml(Kind::Prometheus).into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.yml"));
        std::fs::write(&file, example).expect("the directory is ours");
        // The files that an example names are the reader's.
        let arguments = ["check", "config", "--syntax-only"];
        tools::promtool(&arguments, vec![file.display().to_string()]);
    }
}
