//! The selectors of an expression: its metrics and their matchers.

use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, VectorSelector, parse};

use super::labels::Names;

/// The metric and the matchers of every selector in an expression.
pub fn matchers(expression: &str) -> Vec<(String, Matcher)> {
    let mut found = Vec::new();
    each(expression, &mut |selector| {
        let name = selector.name.clone().unwrap_or_default();
        let matchers = selector.matchers.matchers.iter().cloned();
        found.extend(matchers.map(|matcher| (name.clone(), matcher)));
    });
    found
}

/// Every metric that an expression selects.
pub fn selected(expression: &str) -> Names {
    let mut found = Names::new();
    each(expression, &mut |selector| {
        found.extend(selector.name.clone());
    });
    found
}

/// The metrics of the selectors that have no matcher for this label.
pub fn lacking(expression: &str, label: &str) -> Names {
    let mut found = Names::new();
    each(expression, &mut |selector| {
        let mut matchers = selector.matchers.matchers.iter();
        if !matchers.any(|matcher| matcher.name == label) {
            found.extend(selector.name.clone());
        }
    });
    found
}

/// An expression that cannot be parsed selects nothing. `labels` reports the error.
fn each(expression: &str, see: &mut dyn FnMut(&VectorSelector)) {
    if let Ok(parsed) = parse(expression) {
        each_selector(&parsed, see);
    }
}

fn each_selector(expression: &Expr, see: &mut dyn FnMut(&VectorSelector)) {
    match expression {
        Expr::VectorSelector(selector) => see(selector),
        Expr::MatrixSelector(matrix) => see(&matrix.vs),
        Expr::Aggregate(aggregate) => {
            each_selector(&aggregate.expr, see);
            let parameter = aggregate.param.iter();
            parameter.for_each(|parameter| each_selector(parameter, see));
        }
        Expr::Binary(binary) => {
            each_selector(&binary.lhs, see);
            each_selector(&binary.rhs, see);
        }
        Expr::Call(call) => {
            let arguments = call.args.args.iter();
            arguments.for_each(|argument| each_selector(argument, see));
        }
        Expr::Paren(inner) => each_selector(&inner.expr, see),
        Expr::Unary(inner) => each_selector(&inner.expr, see),
        Expr::Subquery(inner) => each_selector(&inner.expr, see),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}
