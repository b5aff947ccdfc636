//! Both text formats, read by the strictest parsers during a fast story.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{A_ROUND, whole_round};
use crate::http::{get, metrics};
use crate::process::{demo, until};

/// Looks at the story, at least; on a busy machine a round may end before so many.
const MOMENTS: usize = 5;

const ACCEPT_OPEN_METRICS: &str = "Accept: application/openmetrics-text; version=1.0.0";

/// Reads every family, and returns violations of the specification.
const STRICT_PARSER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = sys.stdin.buffer.read().decode('utf-8')
families = list(text_string_to_metric_families(text))
assert sum(len(family.samples) for family in families) > 300, 'hardly any samples'
";

/// Looks at the demo again and again, at least until its story begins a second time.
fn at_moments_of_a_story(mut look: impl FnMut(SocketAddr)) {
    let (demo, address) = demo("20");
    let mut moments = 0;
    until("the story's second round", A_ROUND, || {
        look(address);
        moments += 1;
        if moments < MOMENTS {
            return Err(format!("only {moments} looks"));
        }
        whole_round(&demo)
    });
}

/// Runs a tool over a text. `remedy` describes how to install it.
fn run_over(text: &str, command: &mut Command, remedy: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; {remedy}"));
    let mut input = child.stdin.take().expect("it is piped");
    // A tool that ends early prints its error, so a broken pipe is ignored.
    let _ = input.write_all(text.as_bytes());
    drop(input);
    child.wait_with_output().expect("it is our child")
}

fn assert_silent(output: &Output, text: &str) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let said = said.concat();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[test]
fn promtool_has_nothing_to_say_at_any_moment() {
    at_moments_of_a_story(|address| {
        let text = metrics(address).expect("the metrics");
        let mut promtool = Command::new("promtool");
        let output = run_over(
            &text,
            promtool.args(["check", "metrics"]),
            "install Debian's package `prometheus`, or run `make test`",
        );
        assert_silent(&output, &text);
    });
}

/// Where `make test` puts PyPI's `prometheus_client`.
fn python() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../venv/bin/python3")
}

#[test]
fn open_metrics_pass_the_strict_parser_at_any_moment() {
    at_moments_of_a_story(|address| {
        let answer = get(address, "/metrics", ACCEPT_OPEN_METRICS).expect("the metrics");
        assert_open_metrics(&answer.body);
    });
}

/// Panics unless the text passes the strict parser.
pub fn assert_open_metrics(text: &str) {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut parser = Command::new(python());
    let output = run_over(
        text,
        parser.args(["-c", STRICT_PARSER]),
        "run `make test`, or: python3 -m venv target/venv && \
         target/venv/bin/pip install prometheus_client (Debian's package `python3-venv`)",
    );
    assert_silent(&output, text);
}
