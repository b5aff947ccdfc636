//! Where a panel changes its colour, an alert begins to fire: the two name the same number.

use std::collections::BTreeSet;

use promql_parser::parser::{Expr, parse, token};

use super::board::{Board, Panel, boards, complaints};
use super::variables::{Choice, expanded};
use crate::alerts::rules;
use crate::promql::selectors::selected;
use crate::support::assert_none;

/// Every number that a part of an expression comes to.
fn numbers(expression: &Expr, found: &mut Vec<f64>) -> Option<f64> {
    let value = match expression {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(inner) => numbers(&inner.expr, found),
        Expr::Binary(binary) => {
            let (left, right) = (numbers(&binary.lhs, found), numbers(&binary.rhs, found));
            match (left, right) {
                (Some(left), Some(right)) if binary.op.id() == token::T_MUL => Some(left * right),
                _ => None,
            }
        }
        Expr::Aggregate(aggregate) => {
            numbers(&aggregate.expr, found);
            None
        }
        _ => None,
    };
    found.extend(value);
    value
}

/// The alerts that look at a metric, with the numbers they compare it to.
fn of_alerts(metrics: &BTreeSet<String>) -> Vec<f64> {
    let about = rules::alerts()
        .into_iter()
        .filter(|rule| !selected(&rule.expr).is_disjoint(metrics));
    let mut found = Vec::new();
    for rule in about {
        let parsed = parse(&rule.expr).expect("promtool takes it");
        numbers(&parsed, &mut found);
    }
    found
}

/// Where one thing is counted, one is too many.
const ONE_OF_IT: f64 = 1.0;

/// The metrics behind a field of a panel, or behind all of them.
fn metrics_of(board: &Board, panel: &Panel, field: Option<&str>) -> BTreeSet<String> {
    let letter = field.and_then(|field| field.strip_prefix("Value #"));
    let of_field = panel
        .targets
        .iter()
        .filter(|target| letter.is_none_or(|letter| target.ref_id == letter));
    of_field
        .flat_map(|target| selected(&expanded(&target.expr, &Choice::everything(board))))
        .collect()
}

fn steps(panel: &Panel) -> Vec<(Option<&str>, f64)> {
    let mut all = Vec::new();
    for (field, thresholds) in panel.thresholds() {
        let steps = thresholds["steps"].as_array().expect("steps");
        all.extend(
            steps
                .iter()
                .filter_map(|step| Some((field, step["value"].as_f64()?))),
        );
    }
    all
}

#[test]
fn a_colour_changes_where_an_alert_begins() {
    assert_none(&complaints(|board, panel| {
        let steps = steps(panel)
            .into_iter()
            .filter(|(_, step)| *step != ONE_OF_IT);
        let wrong = steps.filter(|(field, step)| {
            let theirs = of_alerts(&metrics_of(board, panel, *field));
            !theirs.iter().any(|number| (number - step).abs() < 1e-9)
        });
        wrong
            .map(|(_, step)| format!("no alert about this begins at {step}"))
            .collect()
    }));
    let panels = boards().into_iter().flat_map(|board| board.panels);
    let looked_at: usize = panels
        .map(|panel| {
            if panel.is_row() {
                0
            } else {
                steps(&panel).len()
            }
        })
        .sum();
    assert!(looked_at > 30, "only {looked_at} steps");
}
