//! Sparse metrics have no zeros: no rule and no panel may look for one among the states of Meta's objects.

use promql_parser::parser::{Expr, parse, token};

use super::selectors::selected;
use crate::alerts::rules;
use crate::dashboards::board::complaints;
use crate::dashboards::variables::{Choice, expanded};
use crate::docs::tables;
use crate::support::assert_none;

/// Comparisons of state sets that a state which is not current is to satisfy.
fn zeros_in(expression: &str) -> Vec<String> {
    let parsed = parse(expression).expect("other tests find what cannot be parsed");
    let mut found = Vec::new();
    look(&parsed, &mut found);
    found
}

fn look(expression: &Expr, found: &mut Vec<String>) {
    match expression {
        Expr::Binary(binary) => {
            if let Expr::NumberLiteral(number) = binary.rhs.as_ref() {
                let left = selected(&binary.lhs.to_string());
                let is_met_by_zero = match binary.op.id() {
                    token::T_EQLC => number.val == 0.0,
                    token::T_NEQ => number.val != 0.0,
                    token::T_LSS => number.val > 0.0,
                    token::T_LTE => number.val >= 0.0,
                    _ => false,
                };
                if is_met_by_zero && !left.is_empty() && left.iter().all(|name| is_state_set(name))
                {
                    found.push(binary.to_string());
                }
            }
            look(&binary.lhs, found);
            look(&binary.rhs, found);
        }
        Expr::Call(call) => {
            if [
                "absent",
                "absent_over_time",
                "min_over_time",
                "avg_over_time",
            ]
            .contains(&call.func.name)
            {
                let names = selected(&expression.to_string());
                let states = names.iter().filter(|name| is_state_set(name));
                found.extend(states.map(|name| format!("{} of {name}", call.func.name)));
            }
            let arguments = call.args.args.iter();
            arguments.for_each(|argument| look(argument, found));
        }
        Expr::Aggregate(aggregate) => {
            let names = selected(&aggregate.expr.to_string());
            if aggregate.op.id() == token::T_MIN && names.iter().any(|name| is_state_set(name)) {
                found.push(aggregate.to_string());
            }
            look(&aggregate.expr, found);
        }
        Expr::Paren(inner) => look(&inner.expr, found),
        Expr::Unary(inner) => look(&inner.expr, found),
        Expr::Subquery(inner) => look(&inner.expr, found),
        Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Extension(_) => {}
    }
}

fn is_state_set(metric: &str) -> bool {
    let mut rows = tables::rows().into_iter();
    rows.any(|row| row.name == metric && row.is_state_set())
}

#[test]
fn zeros_are_found() {
    let status = "whatsapp_phone_number_status{status=\"BANNED\"}";
    for wrong in [
        format!("max by (waba_id) ({status}) == 0"),
        format!("({status} or last_over_time({status}[5m])) != 1"),
        format!("1 + min({status})"),
        format!("absent({status})"),
    ] {
        assert_eq!(zeros_in(&wrong).len(), 1, "{wrong}");
    }
    for right in [
        format!("max by (waba_id) ({status}) == 1"),
        format!("count({status} == 1) or vector(0)"),
        "whatsapp_access_token_valid == 0".to_owned(),
    ] {
        assert_eq!(zeros_in(&right), [""; 0], "{right}");
    }
}

#[test]
fn no_rule_and_no_panel_looks_for_the_zeros_of_a_state_set() {
    let rules = rules::groups().into_iter().flat_map(|group| group.rules);
    let mut wrong: Vec<String> = rules.flat_map(|rule| zeros_in(&rule.expr)).collect();
    wrong.extend(complaints(|board, panel| {
        let targets = panel.targets.iter();
        let expressions = targets.map(|target| expanded(&target.expr, &Choice::everything(board)));
        expressions.flat_map(|text| zeros_in(&text)).collect()
    }));
    assert_none(&wrong);
}
