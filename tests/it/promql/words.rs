//! Words of Meta in matchers: one that does not exist matches nothing, without an error.

use promql_parser::label::{MatchOp, Matcher};

use super::vocabulary;

/// Words in a matcher that its label never has. A regular expression must be a list of words.
pub fn wrong(metric: &str, matcher: &Matcher) -> Vec<String> {
    let Some(known) = vocabulary::words(metric, &matcher.name) else {
        return vec![];
    };
    let separator = match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => "\0",
        MatchOp::Re(_) | MatchOp::NotRe(_) => "|",
    };
    let words = matcher.value.split(separator);
    words
        .filter(|word| !known.iter().any(|known| known == word))
        .map(|word| format!("{metric} has no {}=\"{word}\"", matcher.name))
        .collect()
}
