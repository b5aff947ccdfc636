//! Every panel and every rule over a month of a large fleet, on a real Prometheus.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::board::{Panel, boards};
use super::month::{ACCOUNTS, DAYS, INTERVAL, TEMPLATES, write_blocks};
use super::variables::{Choice, chosen, expanded};
use crate::alerts::{path, rules};
use crate::http;
use crate::process::{demo, until};
use crate::prometheus::begun;
use crate::prometheus::server::Prometheus;
use crate::support::{assert_none, measured};

const A_STORY: Duration = Duration::from_secs(300);

/// Every group has been evaluated; the longest interval is five minutes.
const EVALUATIONS: Duration = Duration::from_secs(420);

/// The range of each board, and the interval of its samples in seconds. Grafana computes windows of rates from them.
const RANGE: &str = "30d";
const RANGE_SECONDS: u64 = DAYS.unsigned_abs() * 86_400;
const SAMPLES: u64 = INTERVAL.unsigned_abs();

/// Points of a graph that is as wide as a screen.
const POINTS: u64 = 1_000;

const AT_MOST: Duration = Duration::from_secs(2);

#[test]
#[ignore = "makes a month of blocks: minutes, and 9 GB of memory and of disk; docs/development.md has its command"]
fn every_panel_answers_within_two_seconds() {
    let (demo, address) = demo("5");
    until("the story's second round", A_STORY, || begun(&demo, 2));
    let page = until("a paused template", A_STORY, || {
        let page = http::metrics(address)?;
        let is_paused = |line: &str| {
            line.starts_with("whatsapp_message_template_status{")
                && line.ends_with("status=\"PAUSED\"} 1")
        };
        match page.lines().any(is_paused) {
            true => Ok(page),
            false => Err("not yet".to_owned()),
        }
    });
    drop(demo);

    let data = tempfile::tempdir().expect("a temporary folder");
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let end = since_1970.expect("a time after 1970").as_secs() as i64;
    let series = write_blocks(&page, data.path(), end);
    let files: Vec<PathBuf> = rules::files().iter().map(|name| path(name)).collect();
    let config = format!("global: {{evaluation_interval: 1m}}\nrule_files: {files:?}\n");
    // A series counts as present until its next sample is due.
    let lookback = format!("--query.lookback-delta={}s", INTERVAL + 60);
    let prometheus = Prometheus::start_with(data, &config, &[&lookback]);
    until("the rules were evaluated", EVALUATIONS, || {
        evaluated(&prometheus)
    });

    let templates = ACCOUNTS * TEMPLATES;
    let mut report =
        format!("{series} series, {templates} templates\n| board | panel | ms |\n|---|---|---|\n");
    let mut slow = Vec::new();
    let now = prometheus.value("vector(time())").expect("the time");
    for board in boards() {
        let choice = Choice::everything(&board).over(RANGE, RANGE_SECONDS, "2h");
        let began = Instant::now();
        let choice = chosen(&board, choice, |query| prometheus.query(query)).expect(&board.uid);
        let variables = [("variables".to_owned(), began.elapsed())].into_iter();
        let panels = board.panels.iter().filter(|panel| !panel.is_row());
        let panels = panels.map(|panel| {
            (
                panel.title.clone(),
                time_of(panel, &choice, &prometheus, now),
            )
        });
        for (title, took) in variables.chain(panels) {
            let _ = writeln!(report, "| {} | {title} | {} |", board.uid, took.as_millis());
            if took > AT_MOST {
                slow.push(format!("{} / {title}: {took:?}", board.uid));
            }
        }
    }
    report.push_str(&rule_times(&prometheus));
    measured(&report);
    assert_none(&slow);
}

/// How long the queries of a panel take one after the other, as Grafana sends them.
fn time_of(panel: &Panel, choice: &Choice, prometheus: &Prometheus, now: f64) -> Duration {
    let step = RANGE_SECONDS / panel.max_data_points.unwrap_or(POINTS);
    let rates = (step + SAMPLES).max(4 * SAMPLES);
    let choice = choice
        .clone()
        .over(RANGE, RANGE_SECONDS, &format!("{rates}s"));
    let began = Instant::now();
    for target in &panel.targets {
        let query = expanded(&target.expr, &choice);
        let answer = match target.instant {
            true => prometheus.query(&query),
            false => prometheus.between(&query, now - RANGE_SECONDS as f64, now, step),
        };
        answer.unwrap_or_else(|error| panic!("{}: {error}", panel.title));
    }
    began.elapsed()
}

fn groups(prometheus: &Prometheus) -> Result<Vec<Value>, String> {
    let data = prometheus.ask("/api/v1/rules")?;
    Ok(data["groups"].as_array().cloned().unwrap_or_default())
}

fn evaluated(prometheus: &Prometheus) -> Result<(), String> {
    prometheus.value("count(phone_number_id:whatsapp_phone_number_name:info)")?;
    let all = groups(prometheus)?;
    let waiting = all.iter().find(|group| group["evaluationTime"] == 0.0);
    waiting.map_or(Ok(()), |group| Err(group["name"].to_string()))
}

/// How long each group took, and the slowest rules.
fn rule_times(prometheus: &Prometheus) -> String {
    let mut report = "| group | ms |\n|---|---|\n".to_owned();
    let mut rules = Vec::new();
    for group in groups(prometheus).expect("rules") {
        let ms = |of: &Value| of["evaluationTime"].as_f64().unwrap_or_default() * 1000.0;
        let _ = writeln!(report, "| {} | {:.0} |", group["name"], ms(&group));
        let some = group["rules"].as_array().cloned().unwrap_or_default();
        rules.extend(some.iter().map(|rule| (ms(rule), rule["name"].to_string())));
    }
    rules.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (ms, name) in rules.iter().take(12) {
        let _ = writeln!(report, "| {name} | {ms:.0} |");
    }
    report
}
