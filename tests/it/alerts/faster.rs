//! The shipped files with every duration divided by a factor, and nothing else changed.

use std::path::Path;

use regex::{Captures, Regex};

use super::{rules, text};

/// Prometheus scrapes and evaluates once a second here, so no duration is shorter.
const SHORTEST_MS: f64 = 1_000.0;

/// The text with its durations shortened: of rules and of routes, and the ranges, steps and offsets of PromQL.
pub fn faster(text: &str, times: f64) -> String {
    let pattern = r"(for: |_wait: |_interval: |\[|:|offset )(\d+)(ms|s|m|h|d)\b";
    let durations = Regex::new(pattern).expect("a good pattern");
    let shorter = |found: &Captures<'_>| {
        let number: f64 = found[2].parse().expect("digits");
        let unit = match &found[3] {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => 86_400_000.0,
        };
        let shorter = (number * unit / times).max(SHORTEST_MS);
        format!("{}{shorter:.0}ms", &found[1])
    };
    durations.replace_all(text, shorter).into_owned()
}

/// Writes all rule files into `folder`, so many times faster and evaluated every second. Returns the path for the
/// configuration of Prometheus.
pub fn write_rules(folder: &Path, times: f64) -> String {
    let folder = folder.join("rules");
    std::fs::create_dir(&folder).expect("the folder is ours");
    let own_pace = Regex::new("\n    interval: .*").expect("a good pattern");
    for name in rules::files() {
        let fast = faster(&own_pace.replace_all(&text(&name), ""), times);
        let fast = fast.replace("\n    rules:\n", "\n    interval: 1s\n    rules:\n");
        std::fs::write(folder.join(&name), fast).expect("the folder is ours");
    }
    folder.join("*.yml").display().to_string()
}

#[test]
fn durations_get_shorter_and_nothing_else_does() {
    let rule = "expr: max_over_time(x:y[6h] offset 1d) > min(z)[1d:5m] + 3 * 86400\nfor: 15m\nkeep_firing_for: 30s\n\
                url: http://localhost:3000/d/a, at 08:30";
    let fast = "expr: max_over_time(x:y[360000ms] offset 1440000ms) > min(z)[1440000ms:5000ms] + 3 * 86400\nfor: 15000ms\n\
                keep_firing_for: 1000ms\nurl: http://localhost:3000/d/a, at 08:30";
    assert_eq!(faster(rule, 60.0), fast);
}
