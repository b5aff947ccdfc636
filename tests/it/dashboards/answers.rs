//! Every query of every panel and variable, sent to a real Prometheus with the shipped rules that has scraped the whole
//! story of the demo, and to one that has scraped a healthy fleet.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::board::{Board, Panel, boards};
use super::variables::{Choice, chosen, expanded};
use crate::process::{SOON, demo_with, exported_by, program, quiet_meta, until};
use crate::prometheus::begun;
use crate::prometheus::server::Prometheus;
use crate::support::assert_none;

/// The story five times as fast, and the rules as many times faster as there is less time for them.
const SPEED: &str = "5";
const TIMES: f64 = 400.0;

const A_ROUND: Duration = Duration::from_secs(120);

/// The result of a range query with a step of a second.
struct Answer {
    series: Vec<Value>,
}

impl Answer {
    fn values(&self) -> impl Iterator<Item = &str> {
        let samples = self
            .series
            .iter()
            .flat_map(|one| one["values"].as_array())
            .flatten();
        samples.filter_map(|sample| sample[1].as_str())
    }
}

/// A Prometheus and since when it has looked.
struct Watch {
    prometheus: Prometheus,
    since: f64,
}

impl Watch {
    fn over(target: SocketAddr) -> Self {
        let prometheus = Prometheus::with_rules(target, TIMES);
        let since = until("the time", SOON, || prometheus.value("vector(time())"));
        Self { prometheus, since }
    }

    fn ask(&self, expression: &str) -> Result<Answer, String> {
        let data = self.prometheus.range(expression, self.since)?;
        let series = data["result"].as_array().cloned().unwrap_or_default();
        Ok(Answer { series })
    }
}

/// Defects of the result of a panel that must have data.
fn misshapen(panel: &Panel, answer: &Answer) -> Option<String> {
    let of_mapping = |value: &str| {
        let mappings = &panel.field_config.defaults.mappings;
        mappings
            .iter()
            .any(|mapping| mapping.options.contains_key(value))
    };
    match panel.kind.as_str() {
        "stat" if answer.series.len() != 1 => {
            Some(format!("{} series for one value", answer.series.len()))
        }
        "state-timeline" => {
            let mut unknown = answer.values().filter(|value| !of_mapping(value));
            unknown
                .next()
                .map(|value| format!("a state that has no word: {value}"))
        }
        "timeseries" => {
            let mut odd = answer.values().filter(|value| value.contains("Inf"));
            odd.next().map(|value| format!("cannot be drawn: {value}"))
        }
        _ => None,
    }
}

/// Runs the queries of every panel of every board. Returns results, or the reason why there is none.
fn each_panel(
    watch: &Watch,
    mut look: impl FnMut(&Board, &Panel, Vec<(String, Answer)>),
) -> Vec<String> {
    let mut wrong = Vec::new();
    for board in boards() {
        let choice = Choice::everything(&board);
        let choice = match chosen(&board, choice, |query| watch.prometheus.query(query)) {
            Ok(choice) => choice,
            Err(error) => {
                wrong.push(format!("{}: {error}", board.uid));
                continue;
            }
        };
        for panel in board.panels.iter().filter(|panel| !panel.is_row()) {
            let expressions = panel
                .targets
                .iter()
                .map(|target| expanded(&target.expr, &choice));
            let answers = expressions.map(|text| watch.ask(&text).map(|answer| (text, answer)));
            match answers.collect() {
                Ok(answers) => look(&board, panel, answers),
                Err(error) => wrong.push(format!("{} / {}: {error}", board.uid, panel.title)),
            }
        }
    }
    wrong
}

/// Panels about what the demo does not act: a store that fails, series that are refused, lost accounts, replicas.
const NOT_IN_THE_STORY: &[&str] = &[
    "Failed commits",
    "Objects omitted from scrapes",
    "Lost accounts",
    "Messages webhooks at another URL",
    "Shards by owner",
    "Takeovers by reason",
    "Takeover duration, p50, p99",
    "Age of oldest inbox row",
    "Database connections",
];

#[test]
fn every_panel_shows_the_story() {
    panels_show_the_story("full");
}

#[test]
fn every_panel_shows_the_story_of_sparse_metrics() {
    panels_show_the_story("sparse");
}

fn panels_show_the_story(state_sets: &str) {
    let (demo, address) = demo_with(SPEED, &["--metrics.state-sets", state_sets]);
    let watch = Watch::over(address);
    // The first scrape comes some seconds after the first beat, so the first round is not seen whole.
    until("the story's third round", A_ROUND, || begun(&demo, 3));
    // Below this number of sessions, the panel shows no completion rate.
    until("a hundred sessions of each variant", A_ROUND, || {
        let sessions = "waba_id_phone_number_id_variant:whatsapp_journey_sessions:increase7d";
        let variants = format!("count({sessions}{{variant!=\"none\"}} >= 100) == 2");
        watch.prometheus.value(&variants)
    });
    // On a busy machine, some of the story comes later.
    let report = until("every panel to show the story", A_ROUND, || table(&watch));
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(format!("dashboards-{state_sets}.md")), report)
        .expect("the folder is ours");
}

/// What each panel shows, as a table; or the panels that show nothing, or what no panel can show.
fn table(watch: &Watch) -> Result<String, String> {
    let mut report = String::from("| board | panel | queries | showed |\n|---|---|---|---|\n");
    let mut empty = Vec::new();
    let mut wrong = each_panel(watch, |board, panel, answers| {
        let place = format!("{} / {}", board.uid, panel.title);
        let mut counts = Vec::new();
        for (target, (_, answer)) in panel.targets.iter().zip(&answers) {
            counts.push(format!("{}: {}", target.ref_id, shown(panel, answer)));
            empty.extend(
                misshapen_or_none(panel, answer)
                    .map(|text| format!("{place}, {}: {text}", target.ref_id)),
            );
        }
        let queries: Vec<String> = panel
            .targets
            .iter()
            .map(|target| target.expr.clone())
            .collect();
        let queries = queries
            .join(" ; ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|");
        let shown = counts.join(", ");
        let _ = writeln!(
            report,
            "| {} | {} | `{queries}` | {shown} |",
            board.uid, panel.title
        );
        let some = answers.iter().any(|(_, answer)| !answer.series.is_empty());
        if !some && !NOT_IN_THE_STORY.contains(&panel.title.as_str()) {
            empty.push(format!("{place}: nothing in the whole story"));
        }
    });
    wrong.append(&mut empty);
    match wrong.is_empty() {
        true => Ok(report),
        false => Err(wrong.join("\n")),
    }
}

/// A summary of the result: the number of series, and the range of values or the words.
fn shown(panel: &Panel, answer: &Answer) -> String {
    let count = answer.series.len();
    if panel.kind == "state-timeline" {
        let mapping = &panel.field_config.defaults.mappings[0];
        let words = answer
            .values()
            .filter_map(|value| mapping.options.get(value));
        let words: BTreeSet<&str> = words.map(|shown| shown.text.as_str()).collect();
        return format!("{count} series, {words:?}");
    }
    let numbers = answer
        .values()
        .filter_map(|value| value.parse::<f64>().ok());
    let (least, most) = numbers.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), number| (least.min(number), most.max(number)),
    );
    match count {
        0 => "nothing".to_owned(),
        _ => format!("{count} series, {least:.4} to {most:.4}"),
    }
}

/// An empty result has no shape.
fn misshapen_or_none(panel: &Panel, answer: &Answer) -> Option<String> {
    if answer.series.is_empty() {
        None
    } else {
        misshapen(panel, answer)
    }
}

#[test]
fn a_healthy_fleet_has_no_panel_without_data() {
    let (meta, graph) = quiet_meta(&[]);
    let base_url = format!("--graph.base-url=http://{graph}");
    let arguments = ["serve", &base_url, "--web.listen-address=127.0.0.1:0"];
    let exporter = program(&arguments, &exported_by(&meta));
    let address = exporter.address_after("the status page address=");
    let watch = Watch::over(address);
    until("polls of every kind and a few scrapes", A_ROUND, || {
        let polled = "count(count by (collector) (whatsapp_exporter_poll_last_success_timestamp_seconds)) == 3";
        watch.prometheus.value(polled)?;
        let scraped = watch
            .prometheus
            .value("min(count_over_time(whatsapp_exporter_poll_up[1m])) >= 8")?;
        Ok(scraped)
    });
    let mut silent = Vec::new();
    let mut wrong = each_panel(&watch, |board, panel, answers| {
        let some = answers.iter().any(|(_, answer)| !answer.series.is_empty());
        if !some && panel.field_config.defaults.no_value.is_none() {
            silent.push(format!("{} / {} says \"No data\"", board.uid, panel.title));
        }
    });
    wrong.append(&mut silent);
    assert_none(&wrong);
}
