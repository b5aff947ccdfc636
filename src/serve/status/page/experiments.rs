//! The declared experiments with their current figures: a table with one row for each variant.

use std::time::Duration;

use maud::{Markup, html};

use crate::insight::experiments::Verdict;
use crate::serve::experiment_record::{ArmRecord, Bounds, ComparisonRecord, ExperimentRecord};
use crate::serve::status::words::{grouped, percent, span};

const TITLES: [&str; 6] = [
    "Variant",
    "Users",
    "Rate",
    "Difference",
    "Verdict",
    "Side effects",
];

/// Draws nothing without experiments.
pub(super) fn draw(experiments: &[ExperimentRecord]) -> Markup {
    html! {
        @if !experiments.is_empty() {
            section aria-labelledby="experiments" {
                h2 #experiments { "Experiments" }
                @for experiment in experiments { (table(experiment)) }
                p.quiet {
                    "More figures, as JSON: " a href="api/v1/experiments" { "/api/v1/experiments" } "."
                }
            }
        }
    }
}

fn table(experiment: &ExperimentRecord) -> Markup {
    let is_mismatch = experiment
        .split
        .as_ref()
        .is_some_and(|split| split.is_mismatch);
    html! {
        table role="table" {
            caption {
                bdi { (experiment.name) } ": " (experiment.metric)
                @if is_mismatch { ". The split differs from the plan, so the verdicts are not valid." }
            }
            thead role="rowgroup" { tr role="row" {
                @for title in TITLES { th scope="col" role="columnheader" { (title) } }
            } }
            tbody role="rowgroup" {
                @for arm in &experiment.arms { (row(arm, experiment)) }
            }
        }
    }
}

/// The control has no difference and no verdict.
fn row(arm: &ArmRecord, experiment: &ExperimentRecord) -> Markup {
    let mut comparisons = experiment.comparisons.iter();
    let comparison = comparisons.find(|one| one.variant == arm.variant);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { bdi { (arm.variant) } }
            td role="cell" data-title=(TITLES[1]) { (users(arm, is_decided(experiment))) }
            td role="cell" data-title=(TITLES[2]) { (rate(arm)) }
            td role="cell" data-title=(TITLES[3]) { (comparison.map_or_else(|| "control".to_owned(), difference)) }
            td role="cell" data-title=(TITLES[4]) { (comparison.map_or("", |one| verdict(one.verdict))) }
            td role="cell" data-title=(TITLES[5]) { (side_effects(arm)) }
        }
    }
}

/// Whether every comparison has a verdict: a clear difference is found before the planned
/// number of users is reached.
fn is_decided(experiment: &ExperimentRecord) -> bool {
    let mut comparisons = experiment.comparisons.iter();
    comparisons.all(|one| one.verdict != Verdict::NotEnough.as_str())
}

fn users(arm: &ArmRecord, is_decided: bool) -> String {
    let users = grouped(arm.users);
    match arm.users_still_needed {
        0 => users,
        _ if is_decided => users,
        needed => format!("{users}, {} more needed", grouped(needed)),
    }
}

/// Side effects of a variant, which even a better one may have.
fn side_effects(arm: &ArmRecord) -> String {
    let mut parts = vec![
        format!("{} opted out", grouped(arm.opted_out)),
        format!("{} failed messages", grouped(arm.failed_messages)),
    ];
    if let Some(seconds) = arm.mean_first_response_seconds {
        let waited = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        parts.push(format!("first response after {}", span(waited.as_secs())));
    }
    let ratings = arm.quality_ratings.iter();
    parts.extend(ratings.map(|(rating, numbers)| format!("numbers rated {rating}: {numbers}")));
    parts.join(", ")
}

fn rate(arm: &ArmRecord) -> String {
    let Some(rate) = arm.rate else {
        return "no users".to_owned();
    };
    format!("{} ({})", percent(rate), range(arm.rate_bounds))
}

fn difference(comparison: &ComparisonRecord) -> String {
    // The bounds are those of the verdict. Those of one look would show a difference too early.
    let Bounds { lower, upper } = comparison.always_valid_bounds;
    let [lower, upper] = [lower, upper].map(points);
    comparison
        .difference
        .map_or_else(String::new, |difference| {
            format!("{} pp ({lower} to {upper})", points(difference))
        })
}

/// Percentage points with a sign: `+10.0`.
fn points(difference: f64) -> String {
    // Adding 0 turns -0 into 0.
    let rounded = (difference * 1_000.0).round() / 10.0 + 0.0;
    format!("{rounded:+.1}")
}

fn range(bounds: Bounds) -> String {
    format!("{} to {}", percent(bounds.lower), percent(bounds.upper))
}

fn verdict(word: &str) -> &str {
    match word {
        "a_better" => "control is better",
        "b_better" => "variant is better",
        "no_difference" => "difference below smallest_effect",
        _ => "more users needed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn arm(variant: &str, users: u64, rate: Option<f64>) -> ArmRecord {
        ArmRecord {
            variant: variant.to_owned(),
            users,
            successes: 0,
            rate,
            rate_bounds: Bounds {
                lower: 0.1,
                upper: 0.9,
            },
            users_needed: 1_500,
            users_still_needed: 1_500_u64.saturating_sub(users),
            opted_out: 12,
            failed_messages: 0,
            responses: users / 2,
            mean_first_response_seconds: (users > 0).then_some(190.7),
            quality_ratings: BTreeMap::from([("YELLOW", 2)]),
        }
    }

    #[test]
    fn a_table_shows_users_rates_and_the_verdict() {
        let experiment = ExperimentRecord {
            name: "wording".to_owned(),
            journey: Some("booking".to_owned()),
            metric: "completion",
            step: None,
            within_seconds: None,
            is_better_lower: false,
            smallest_effect: 0.05,
            significance: 0.05,
            power: 0.8,
            expected_rate: 0.5,
            is_before_after: false,
            arms: vec![arm("<long>", 2_000, Some(0.125)), arm("short", 0, None)],
            comparisons: vec![ComparisonRecord {
                variant: "short".to_owned(),
                difference: None,
                difference_bounds: None,
                always_valid_bounds: Bounds {
                    lower: -1.0,
                    upper: 1.0,
                },
                verdict: "not_enough",
            }],
            split: None,
        };
        let mut decided = experiment.clone();
        decided.comparisons[0].verdict = "b_better";
        decided.comparisons[0].difference = Some(-0.000_01);
        let drawn = draw(&[decided]).into_string();
        assert!(drawn.contains("variant is better") && !drawn.contains("more needed"));
        assert!(drawn.contains("+0.0 pp (-100.0 to +100.0)"), "{drawn}");
        let drawn = draw(&[experiment]).into_string();
        for text in [
            "&lt;long&gt;",
            "2,000<",
            "12.5\u{a0}% (10.0\u{a0}% to 90.0\u{a0}%)",
            "control<",
            "0, 1,500 more needed",
            "12 opted out, 0 failed messages, first response after 3\u{a0}min, numbers rated YELLOW: 2<",
            "12 opted out, 0 failed messages, numbers rated YELLOW: 2<",
            "no users",
            "more users needed",
        ] {
            assert!(drawn.contains(text), "{text}: {drawn}");
        }
        assert_eq!(draw(&[]).into_string(), "");
    }
}
