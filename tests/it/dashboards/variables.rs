//! Variables as Grafana handles them: it queries their options, and inserts the selected ones into queries.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::board::{Board, Variable};

/// The range of a query and the interval of its rates, those of a test's story at first, and a value for each variable.
#[derive(Clone)]
pub struct Choice(BTreeMap<String, String>);

impl Choice {
    /// `All`, as each variable of a board writes it; a word where it lists its options.
    pub fn everything(board: &Board) -> Self {
        let variables = board.templating.list.iter();
        let all = variables.map(|one| {
            let value = one.all_value.clone().unwrap_or_else(|| "any".to_owned());
            (one.name.clone(), value)
        });
        Self(all.collect()).over("5m", 300, "5s")
    }

    /// Another range, in its two forms, and another interval for rates.
    pub fn over(mut self, range: &str, seconds: u64, rate_interval: &str) -> Self {
        let seconds = seconds.to_string();
        let times = [
            ("__range", range),
            ("__range_s", &seconds),
            ("__rate_interval", rate_interval),
        ];
        let times = times.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.0.extend(times);
        self
    }

    /// Other options of one variable.
    pub fn set(&mut self, name: &str, options: &[String]) {
        let escaped: Vec<String> = options.iter().map(|option| regex::escape(option)).collect();
        // Twice, because PromQL reads the string before RE2 does.
        let text = format!("({})", escaped.join("|")).replace('\\', "\\\\");
        self.0.insert(name.to_owned(), text);
    }
}

/// Without the label `cluster`, or without problems, there is nothing to choose.
const MAY_HAVE_NO_OPTIONS: [&str; 2] = ["cluster", "problem_template_id"];

/// The default selection of a board, with the options of variables that list them.
pub fn chosen(
    board: &Board,
    mut choice: Choice,
    mut ask: impl FnMut(&str) -> Result<Value, String>,
) -> Result<Choice, String> {
    let variables = board.templating.list.iter();
    for variable in variables.filter(|one| one.kind == "query") {
        let data = ask(&expanded(&promql_of(variable), &choice))?;
        let options = options(variable, &data);
        let mut both = options.iter().flat_map(|one| [&one.text, &one.value]);
        if both.any(|text| text.trim().is_empty()) {
            let name = &variable.name;
            return Err(format!("{name}: an option without a name: {options:?}"));
        }
        if options.is_empty() && !MAY_HAVE_NO_OPTIONS.contains(&&*variable.name) {
            return Err(format!("{} has no options: {data}", variable.name));
        }
        if variable.all_value.is_none() {
            let values: Vec<String> = options.iter().map(|option| option.value.clone()).collect();
            choice.set(&variable.name, &values);
        }
    }
    Ok(choice)
}

/// The expression that Grafana sends.
pub fn expanded(expression: &str, choice: &Choice) -> String {
    let variable = Regex::new(r"\$([a-z_]+)").expect("a good pattern");
    let value = |found: &regex::Captures<'_>| {
        let value = choice.0.get(&found[1]);
        value.unwrap_or_else(|| panic!("no ${}", &found[1])).clone()
    };
    variable.replace_all(expression, value).into_owned()
}

/// The query of Grafana for the options of a variable.
pub enum Question {
    /// `query_result(expression)`: an option is a series, read by the variable's pattern.
    Series(String),
    /// `label_values(selector, label)`: an option is a value of the label.
    Values(String, String),
}

pub fn question(variable: &Variable) -> Question {
    let text = variable.query["query"].as_str().expect("a query");
    if let Some(inner) = call(text, "query_result") {
        return Question::Series(inner.to_owned());
    }
    let inner = call(text, "label_values").expect("a query that Grafana knows");
    let (selector, label) = inner.rsplit_once(',').expect("a selector and a label");
    Question::Values(selector.to_owned(), label.trim().to_owned())
}

fn call<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    text.strip_prefix(function)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// The expression in a variable's query.
pub fn promql_of(variable: &Variable) -> String {
    match question(variable) {
        Question::Series(expression) | Question::Values(expression, _) => expression,
    }
}

/// One option: what is shown, and what is put into queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choosable {
    pub text: String,
    pub value: String,
}

/// The options in a response of Prometheus, parsed as in Grafana.
pub fn options(variable: &Variable, answer: &Value) -> Vec<Choosable> {
    let series = answer["result"].as_array().cloned().unwrap_or_default();
    match question(variable) {
        Question::Values(_, label) => {
            let values = series
                .iter()
                .filter_map(|one| one["metric"][&label].as_str());
            let mut values: Vec<&str> = values.collect();
            values.sort_unstable();
            values.dedup();
            let both = |value: &str| Choosable {
                text: value.to_owned(),
                value: value.to_owned(),
            };
            values.into_iter().map(both).collect()
        }
        Question::Series(_) => {
            let pattern = variable.regex.trim_matches('/');
            let pattern = Regex::new(pattern).expect("a good pattern");
            let read = |one: &Value| {
                let text = written(&one["metric"]);
                let found = pattern.captures(&text)?;
                let value = found.name("value")?;
                let text = found.name("text").unwrap_or(value);
                Some(Choosable {
                    text: text.as_str().to_owned(),
                    value: value.as_str().to_owned(),
                })
            };
            series.iter().filter_map(read).collect()
        }
    }
}

/// A series as Grafana writes it for the pattern: labels in the order of the response of Prometheus.
fn written(metric: &Value) -> String {
    let labels = metric.as_object().expect("labels");
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", value.as_str().unwrap_or_default()))
        .collect();
    format!("{{{}}} 1 1700000000000", labels.join(","))
}
