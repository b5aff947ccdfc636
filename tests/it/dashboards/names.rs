//! No query names a metric, a label or a word that does not exist, or a variable that its board lacks.

use regex::Regex;

use super::board::{Board, boards, complaints};
use super::variables::{Choice, expanded, promql_of};
use crate::deploy::relabel;
use crate::promql::labels::{Names, read};
use crate::promql::selectors::{lacking, matchers};
use crate::promql::{vocabulary, words};
use crate::support::assert_none;

/// Complaints about an expression of a board, and the labels of its result.
fn judged(board: &Board, expression: &str) -> (Names, Vec<String>) {
    let text = expanded(expression, &Choice::everything(board));
    let (labels, mut wrong) = read(&text, &vocabulary::metrics());
    for (metric, matcher) in matchers(&text) {
        if matcher.value != ".*" && matcher.value != "any" {
            wrong.extend(words::wrong(&metric, &matcher));
        }
    }
    (labels.ever, wrong)
}

#[test]
fn every_name_in_a_panel_exists() {
    let legend = Regex::new(r"\{\{(\w+)\}\}").expect("a good pattern");
    assert_none(&complaints(|board, panel| {
        let mut wrong = Vec::new();
        for target in &panel.targets {
            let (labels, complaints) = judged(board, &target.expr);
            wrong.extend(complaints);
            let named = legend.captures_iter(&target.legend_format);
            let unknown = named.filter(|name| !labels.contains(&name[1]));
            wrong.extend(unknown.map(|name| format!("no series has the label {}", &name[1])));
        }
        wrong
    }));
}

#[test]
fn every_column_of_a_table_is_a_label_or_a_value_of_its_queries() {
    assert_none(&complaints(|board, panel| {
        if panel.kind != "table" {
            return vec![];
        }
        let several = panel.targets.len() > 1;
        let mut fields = Names::new();
        for target in &panel.targets {
            fields.extend(judged(board, &target.expr).0);
            fields.insert(if several {
                format!("Value #{}", target.ref_id)
            } else {
                "Value".to_owned()
            });
        }
        let of = |id: &str| panel.transformations.iter().find(|one| one["id"] == id);
        let kept = of("filterFieldsByName").expect("a table says what it shows");
        let kept = kept["options"]["include"]["names"]
            .as_array()
            .expect("names");
        let kept = kept.iter().filter_map(|name| name.as_str());
        let overridden = panel
            .field_config
            .overrides
            .iter()
            .map(|one| one.matcher.options.as_str());
        let names = kept.clone().chain(overridden);
        let unknown = names.filter(|name| !fields.contains(*name));
        let mut wrong: Vec<String> = unknown
            .map(|name| format!("there is no field {name}"))
            .collect();
        let untitled = kept.filter(|name| panel.property(name, "displayName").is_none());
        wrong.extend(untitled.map(|name| format!("{name} has no title")));
        wrong
    }));
}

#[test]
fn every_name_in_a_variable_or_an_annotation_exists() {
    let mut wrong = Vec::new();
    for board in boards() {
        let variables = board
            .templating
            .list
            .iter()
            .filter(|one| one.kind == "query");
        let queries = variables.map(|one| (&one.name, promql_of(one)));
        let annotations = board
            .annotations
            .list
            .iter()
            .map(|one| (&one.name, one.expr.clone()));
        for (name, expression) in queries.chain(annotations) {
            let complaints = judged(&board, &expression).1;
            wrong.extend(
                complaints
                    .into_iter()
                    .map(|text| format!("{} / {name}: {text}", board.uid)),
            );
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_variable_that_is_used_is_there() {
    let used = Regex::new(r"\$\{?([a-z_]+)").expect("a good pattern");
    let mut wrong = Vec::new();
    for board in boards() {
        let expressions = board.panels.iter().flat_map(|panel| &panel.targets);
        for target in expressions {
            let mine = |name: &str| {
                name.starts_with("__") || board.templating.list.iter().any(|one| one.name == name)
            };
            let unknown = used
                .captures_iter(&target.expr)
                .filter(|name| !mine(&name[1]));
            wrong.extend(unknown.map(|name| format!("{}: there is no ${}", board.uid, &name[1])));
        }
    }
    assert_none(&wrong);
}

/// Without it, a board shows what another job or cluster has.
#[test]
fn every_query_is_of_the_chosen_jobs_and_clusters() {
    let mut wrong = Vec::new();
    for board in boards() {
        let panels = board.panels.iter().flat_map(|panel| &panel.targets);
        let annotations = board.annotations.list.iter();
        let variables = board.templating.list.iter().filter(|one| {
            // They offer the jobs and the clusters.
            one.kind == "query" && !["job", "cluster"].contains(&&*one.name)
        });
        let queries = panels
            .map(|target| target.expr.clone())
            .chain(annotations.map(|one| one.expr.clone()))
            .chain(variables.map(promql_of));
        for query in queries {
            let text = expanded(&query, &Choice::everything(&board));
            for label in ["job", "cluster"] {
                let lacking = lacking(&text, label).into_iter();
                wrong
                    .extend(lacking.map(|metric| format!("{}: {metric} lacks {label}", board.uid)));
            }
        }
    }
    assert_none(&wrong);
}

/// With several replicas, an account has no `instance`, whichever exporters are chosen.
#[test]
fn series_of_any_replica_are_shown_without_an_instance() {
    let declared = vocabulary::declared();
    let is_of_any_replica = |metric: &str| {
        let labels = declared.get(metric).into_iter().flatten();
        let pairs = labels.map(|label| format!("{label}=\"a\""));
        let pairs: Vec<String> = pairs.collect();
        relabel::is_of_any_replica(&format!("{metric}{{{}}}", pairs.join(",")))
    };
    assert_none(&complaints(|board, panel| {
        let expressions = panel.targets.iter();
        let expressions =
            expressions.map(|target| expanded(&target.expr, &Choice::everything(board)));
        let matchers = expressions.flat_map(|text| matchers(&text));
        let of_instance = matchers.filter(|(_, matcher)| matcher.name == "instance");
        let lost = of_instance
            .filter(|(metric, matcher)| is_of_any_replica(metric) && !matcher.is_match(""));
        lost.map(|(metric, _)| format!("{metric} needs instance=~\"|$instance\""))
            .collect()
    }));
}

/// A graph of a month has a thousand steps. A window of a month at each of them is a thousand months.
#[test]
fn a_graph_looks_at_its_whole_range_only_once() {
    assert_none(&complaints(|_, panel| {
        let graphs = panel.targets.iter().filter(|target| target.range);
        let windows = graphs.flat_map(|target| target.expr.split("[$__range]").skip(1));
        let often = windows.filter(|after| !after.starts_with(" @ end()"));
        often
            .map(|_| "a window of the whole range at each step; add `@ end()`".to_owned())
            .collect()
    }));
}
