//! `recent(x)` in a template: the value of `x` now, or else its last value of a few minutes, so that one missed scrape
//! changes nothing.
//!
//! The look back alone would show each value up to one of its steps late, and shorter steps are more evaluations.

const FUNCTION: &str = "recent(";

/// The text with every `recent(x)` written as PromQL.
///
/// # Errors
/// A `recent(` that is not closed.
pub(super) fn expand(text: &str) -> Result<String, String> {
    let Some(start) = call(text) else {
        return Ok(text.to_owned());
    };
    let rest = &text[start + FUNCTION.len()..];
    let end = closing(rest).ok_or_else(|| {
        let line = rest.lines().next().unwrap_or_default();
        format!("`{FUNCTION}{line}` is not closed")
    })?;
    let (before, inner) = (&text[..start], expand(&rest[..end])?);
    let after = expand(&rest[end + 1..])?;
    Ok(format!(
        "{before}({inner} or last_over_time({inner}[${{recent}}])){after}"
    ))
}

/// Where the next call begins.
fn call(text: &str) -> Option<usize> {
    let mut calls = text.match_indices(FUNCTION).map(|(start, _)| start);
    calls.find(|start| {
        let before = text[..*start].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// Where the parenthesis that is open at the start is closed. Parentheses in strings do not count.
fn closing(text: &str) -> Option<usize> {
    let (mut open, mut is_quoted) = (1, false);
    for (at, next) in text.char_indices() {
        match next {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => open += 1,
            ')' if !is_quoted => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_now_comes_first() {
        for (template, promql) in [
            ("vector(1)", "vector(1)"),
            ("not_recent(x)", "not_recent(x)"),
            ("recent(x) == 1", "(x or last_over_time(x[${recent}])) == 1"),
            (
                r#"recent(max by (a) (x{b=~"(c|d"})) > 1 unless recent(y)"#,
                r#"(max by (a) (x{b=~"(c|d"}) or last_over_time(max by (a) (x{b=~"(c|d"})[${recent}])) > 1 unless (y or last_over_time(y[${recent}]))"#,
            ),
            (
                "sum(recent(max(recent(x))))",
                "sum((max((x or last_over_time(x[${recent}]))) or \
                 last_over_time(max((x or last_over_time(x[${recent}])))[${recent}])))",
            ),
        ] {
            assert_eq!(expand(template).as_deref(), Ok(promql), "{template}");
        }
    }

    #[test]
    fn a_call_that_is_not_closed_is_an_error() {
        let error = expand("recent(max(x)\nfor: 5m").expect_err("it is open");
        assert_eq!(error, "`recent(max(x)` is not closed");
    }
}
