//! The labels of the result of an expression, and names in it that do not exist, by the rules of PromQL and the
//! declarations of the exporter.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
    parse, token,
};

/// A set of label names.
pub type Names = BTreeSet<String>;

/// Metric names, each with its labels.
pub type Metrics = BTreeMap<String, Names>;

/// The labels of what an expression gives. The two differ where `or` joins unlike sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Every series has these.
    pub always: Names,
    /// Some series have these.
    pub ever: Names,
}

impl Labels {
    fn new(names: &Names) -> Self {
        Self {
            always: names.clone(),
            ever: names.clone(),
        }
    }

    fn each(self, change: impl Fn(Names) -> Names) -> Self {
        Self {
            always: change(self.always),
            ever: change(self.ever),
        }
    }

    fn or(mut self, other: &Self) -> Self {
        self.always.retain(|name| other.always.contains(name));
        self.ever.extend(other.ever.iter().cloned());
        self
    }
}

/// Reads an expression. Returns its labels, and the names in it that do not exist.
pub fn read(expression: &str, metrics: &Metrics) -> (Labels, Vec<String>) {
    let mut reader = Reader {
        metrics,
        complaints: Vec::new(),
    };
    let labels = match parse(expression) {
        Ok(parsed) => reader.labels(&parsed),
        Err(error) => {
            reader.complaints.push(format!("{expression}: {error}"));
            Labels::default()
        }
    };
    (labels, reader.complaints)
}

struct Reader<'a> {
    metrics: &'a Metrics,
    complaints: Vec<String>,
}

impl Reader<'_> {
    fn labels(&mut self, expression: &Expr) -> Labels {
        match expression {
            Expr::VectorSelector(selector) => self.of_selector(selector),
            Expr::MatrixSelector(matrix) => self.of_selector(&matrix.vs),
            Expr::Aggregate(aggregate) => self.of_aggregate(aggregate),
            Expr::Binary(binary) => self.of_binary(binary),
            Expr::Call(call) => self.of_call(call),
            Expr::Paren(inner) => self.labels(&inner.expr),
            Expr::Unary(inner) => self.labels(&inner.expr),
            Expr::Subquery(inner) => self.labels(&inner.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {
                Labels::default()
            }
        }
    }

    fn of_selector(&mut self, selector: &VectorSelector) -> Labels {
        let name = selector.name.as_deref().unwrap_or_default();
        let Some(names) = self.metrics.get(name) else {
            self.complaints
                .push(format!("no metric is called {name:?}"));
            return Labels::default();
        };
        let matchers = selector.matchers.matchers.iter();
        let alternatives = selector.matchers.or_matchers.iter().flatten();
        let labels = matchers.chain(alternatives).map(|matcher| &matcher.name);
        self.demand(labels, names, &format!("{name} has no label"));
        Labels::new(names)
    }

    fn of_aggregate(&mut self, aggregate: &AggregateExpr) -> Labels {
        let inner = self.labels(&aggregate.expr);
        if [token::T_TOPK, token::T_BOTTOMK].contains(&aggregate.op.id()) {
            return inner;
        }
        match &aggregate.modifier {
            None => Labels::default(),
            Some(modifier) => {
                let names = &modifier.labels().labels;
                self.demand(names.iter(), &inner.ever, "nothing to aggregate has");
                let include = modifier.is_include();
                inner.each(|labels| kept(labels, names, include))
            }
        }
    }

    fn of_binary(&mut self, binary: &BinaryExpr) -> Labels {
        let (left, right) = (self.labels(&binary.lhs), self.labels(&binary.rhs));
        if binary.lhs.value_type() == ValueType::Scalar {
            return right;
        }
        if binary.rhs.value_type() == ValueType::Scalar {
            return left;
        }
        let Some(modifier) = &binary.modifier else {
            return if binary.op.id() == token::T_LOR {
                left.or(&right)
            } else {
                left
            };
        };
        let matching = modifier.matching.as_ref();
        self.demand_matching(matching, &left, &right);
        match &modifier.card {
            VectorMatchCardinality::ManyToMany if binary.op.id() == token::T_LOR => left.or(&right),
            VectorMatchCardinality::ManyToMany => left,
            VectorMatchCardinality::OneToOne => matched(left, matching),
            VectorMatchCardinality::ManyToOne(from_one) => {
                self.demand(from_one.labels.iter(), &right.ever, "the right side has no");
                left.each(|labels| with(labels, &from_one.labels))
            }
            VectorMatchCardinality::OneToMany(from_one) => {
                self.demand(from_one.labels.iter(), &left.ever, "the left side has no");
                right.each(|labels| with(labels, &from_one.labels))
            }
        }
    }

    /// A label that one side lacks is a match that never is, or always is.
    fn demand_matching(&mut self, matching: Option<&LabelModifier>, left: &Labels, right: &Labels) {
        let Some(modifier) = matching else { return };
        let names = modifier.labels().labels.iter();
        if modifier.is_include() {
            self.demand(
                names.clone(),
                &left.ever,
                "matched on, but not on the left:",
            );
            self.demand(names, &right.ever, "matched on, but not on the right:");
        } else {
            let either = &left.ever | &right.ever;
            self.demand(names, &either, "ignored, but on neither side:");
        }
    }

    fn of_call(&mut self, call: &Call) -> Labels {
        let arguments: Vec<Labels> = call
            .args
            .args
            .iter()
            .map(|argument| self.labels(argument))
            .collect();
        let inner = arguments
            .into_iter()
            .find(|labels| *labels != Labels::default());
        let inner = inner.unwrap_or_default();
        match call.func.name {
            "absent" | "absent_over_time" | "scalar" => Labels::default(),
            "histogram_quantile" => inner.each(|labels| kept(labels, &["le".to_owned()], false)),
            "label_replace" | "label_join" => match call.args.args.get(1).map(AsRef::as_ref) {
                Some(Expr::StringLiteral(target)) => {
                    inner.each(|labels| with(labels, std::slice::from_ref(&target.val)))
                }
                _ => inner,
            },
            _ => inner,
        }
    }

    fn demand<'n>(
        &mut self,
        names: impl Iterator<Item = &'n String>,
        there: &Names,
        complaint: &str,
    ) {
        let missing = names.filter(|name| !there.contains(*name));
        let complaints = missing.map(|name| format!("{complaint} {name}"));
        self.complaints.extend(complaints);
    }
}

/// One-to-one matches keep what they matched by.
fn matched(labels: Labels, matching: Option<&LabelModifier>) -> Labels {
    match matching {
        None => labels,
        Some(modifier) => {
            let (names, include) = (&modifier.labels().labels, modifier.is_include());
            labels.each(|labels| kept(labels, names, include))
        }
    }
}

fn kept(mut labels: Names, names: &[String], include: bool) -> Names {
    labels.retain(|label| names.contains(label) == include);
    labels
}

fn with(mut labels: Names, more: &[String]) -> Names {
    labels.extend(more.iter().cloned());
    labels
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Names, read};

    fn metrics() -> Metrics {
        let names = |labels: &[&str]| labels.iter().map(ToString::to_string).collect::<Names>();
        let both = [("a", names(&["x", "y"])), ("b", names(&["x", "z"]))];
        both.map(|(name, labels)| (name.to_owned(), labels)).into()
    }

    /// What an expression always has, or what is wrong with it.
    fn always_has(expression: &str) -> String {
        let (labels, complaints) = read(expression, &metrics());
        let words = if complaints.is_empty() {
            labels.always.into_iter().collect()
        } else {
            complaints
        };
        words.join(", ")
    }

    #[test]
    fn labels_go_the_way_that_prometheus_lets_them_go() {
        for (expression, labels) in [
            ("max_over_time(a[5m]) == 1", "x, y"),
            ("sum by (x) (a)", "x"),
            ("sum without (x) (a) > 1", "y"),
            ("sum(a)", ""),
            ("time() - a > 5", "x, y"),
            ("a * on (x) group_left (z) b", "x, y, z"),
            ("a / on (x) b", "x"),
            ("a and on (x) b", "x, y"),
            ("a unless on (x) b", "x, y"),
            ("a or b", "x"),
            ("label_replace(a, \"w\", \"1\", \"\", \"\")", "w, x, y"),
            ("max_over_time((a > 1)[1h:5m])", "x, y"),
            ("changes(a[1d:]) > bool 3", "x, y"),
            ("a < a offset 6h and a != +Inf", "x, y"),
            ("-(a unless b)", "x, y"),
            (
                "histogram_quantile(0.9, sum by (x, y) (rate(a[5m])))",
                "x, y",
            ),
            ("b * on (x) group_right (z) a", "x, y, z"),
        ] {
            assert_eq!(always_has(expression), labels, "{expression}");
        }
    }

    #[test]
    fn names_that_do_not_exist_are_reported() {
        for (expression, complaint) in [
            ("c", "no metric is called \"c\""),
            ("a{z=\"1\"}", "a has no label z"),
            ("sum by (z) (a)", "nothing to aggregate has z"),
            ("a and on (y) b", "matched on, but not on the right: y"),
            ("a * on (x) group_left (w) b", "the right side has no w"),
        ] {
            assert_eq!(always_has(expression), complaint, "{expression}");
        }
    }
}
