//! The functions of the templates, which are written as PromQL.
//!
//! - `recent(x)`: the value of `x` now, or else its last value of a few minutes, so that one missed scrape changes
//!   nothing. The subquery alone would show each value late by up to one of its steps, and shorter steps need more
//!   evaluations.
//! - `growth(account, c[6h])`: the increase of a counter of an account. `increase()` needs an earlier sample, and a
//!   counter may appear with its first increment. A counter that did not exist at the start of the range has grown by
//!   its whole value, provided that Prometheus scraped the account at about that time. If it did not, as with a new
//!   Prometheus or a new pod, the past of the counter is unknown. `growth(by (campaign), c[6h])` is the same for a counter
//!   that is not of one account, as the highest value of all replicas by these labels. Another replica may continue the
//!   counter, and exports all of it, so the counter is only new if no replica had it at the start of the range.
//!   `growth(exporter by (field), c[1h])` is the highest growth of a counter that each process begins at 0: it is also new
//!   if the process started within the range.

/// A call of a function.
struct Call<'a> {
    before: &'a str,
    function: Function,
    arguments: &'a str,
    after: &'a str,
}

#[derive(Clone, Copy)]
enum Function {
    Recent,
    Growth,
}

impl Function {
    const ALL: [Self; 2] = [Self::Recent, Self::Growth];

    fn as_str(self) -> &'static str {
        match self {
            Self::Recent => "recent(",
            Self::Growth => "growth(",
        }
    }
}

/// The text with every call written as PromQL.
///
/// # Errors
/// A call that is not closed, or that has wrong arguments.
pub(super) fn expand(text: &str) -> Result<String, String> {
    let Some(call) = first_call(text)? else {
        return Ok(text.to_owned());
    };
    let arguments = expand(call.arguments)?;
    let promql = match call.function {
        Function::Recent => format!("({arguments} or last_over_time({arguments}[${{recent}}]))"),
        Function::Growth => growth(&arguments)?,
    };
    Ok(format!("{}{promql}{}", call.before, expand(call.after)?))
}

fn growth(arguments: &str) -> Result<String, String> {
    let by = |whose: &str| arguments.strip_prefix(whose)?.split_once("), ");
    let promql = match (by("by ("), by("exporter by (")) {
        (Some((labels, range)), _) => by_labels(labels, range),
        (None, Some((labels, range))) => of_exporter(labels, range),
        (None, None) => arguments.strip_prefix("account, ").and_then(of_account),
    };
    promql.ok_or_else(|| {
        format!(
            "`growth({arguments})` is none of `growth(account, c[6h])`, `growth(by (label), c[6h])` and `growth(exporter by (label), c[6h])`"
        )
    })
}

/// The growth of a counter of an account. `None` if it has no range.
fn of_account(range: &str) -> Option<String> {
    let (counter, duration) = counter_and_duration(range)?;
    Some(format!(
        "(last_over_time({counter}[5m]) unless last_over_time({counter}[5m] offset {duration}) \
         and on (${{identity_labels}}, instance, waba_id) \
         last_over_time(whatsapp_business_account_info{{${{selector}}}}[5m] offset {duration}) \
         or increase({range}))"
    ))
}

/// The growth of a counter by these labels, whichever replica exports it. `None` if it has no range.
fn by_labels(labels: &str, range: &str) -> Option<String> {
    let (counter, duration) = counter_and_duration(range)?;
    let by = format!("max by (${{identity_labels}}, {labels})");
    Some(format!(
        "({by} (last_over_time({counter}[5m])) unless {by} (last_over_time({counter}[5m] offset {duration})) \
         and on (${{identity_labels}}) max by (${{identity_labels}}) \
         (last_over_time(whatsapp_exporter_build_info{{${{selector}}}}[5m] offset {duration})) \
         or {by} (increase({range})))"
    ))
}

/// The growth by these labels of a counter that each process begins at 0. `None` if it has no range of a fixed length.
fn of_exporter(labels: &str, range: &str) -> Option<String> {
    let (counter, duration) = counter_and_duration(range)?;
    let seconds = humantime::parse_duration(duration).ok()?.as_secs();
    let by = format!("max by (${{identity_labels}}, {labels})");
    Some(format!(
        "({by} (last_over_time({counter}[5m]) and on (${{identity_labels}}, instance) \
         (last_over_time(whatsapp_exporter_build_info{{${{selector}}}}[5m] offset {duration}) \
         or time() - last_over_time(process_start_time_seconds{{${{selector}}}}[5m]) < {seconds})) \
         unless {by} (last_over_time({counter}[5m] offset {duration})) \
         or {by} (increase({range})))"
    ))
}

fn counter_and_duration(range: &str) -> Option<(&str, &str)> {
    range.strip_suffix(']')?.rsplit_once('[')
}

fn first_call(text: &str) -> Result<Option<Call<'_>>, String> {
    let calls = Function::ALL.into_iter();
    let calls = calls.filter_map(|function| Some((start(text, function)?, function)));
    let Some((start, function)) = calls.min_by_key(|(start, _)| *start) else {
        return Ok(None);
    };
    let name = function.as_str();
    let rest = &text[start + name.len()..];
    let end = closing(rest).ok_or_else(|| {
        let line = rest.lines().next().unwrap_or_default();
        format!("`{name}{line}` is not closed")
    })?;
    Ok(Some(Call {
        before: &text[..start],
        function,
        arguments: &rest[..end],
        after: &rest[end + 1..],
    }))
}

/// Where the next call of a function begins.
fn start(text: &str, function: Function) -> Option<usize> {
    let mut calls = text
        .match_indices(function.as_str())
        .map(|(start, _)| start);
    calls.find(|start| {
        let before = text[..*start].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// The place of the parenthesis that closes the one open at the start. Parentheses in strings do not count.
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
    fn a_counter_without_a_past_has_grown_by_its_value() {
        for (template, promql) in [
            (
                r#"max by (a) (growth(account, x{b="[c]"}[6h])) > 0 or recent(y)"#,
                r#"max by (a) ((last_over_time(x{b="[c]"}[5m]) unless last_over_time(x{b="[c]"}[5m] offset 6h) and on (${identity_labels}, instance, waba_id) last_over_time(whatsapp_business_account_info{${selector}}[5m] offset 6h) or increase(x{b="[c]"}[6h]))) > 0 or (y or last_over_time(y[${recent}]))"#,
            ),
            (
                "growth(by (a, b), x[1d])",
                "(max by (${identity_labels}, a, b) (last_over_time(x[5m])) \
                 unless max by (${identity_labels}, a, b) (last_over_time(x[5m] offset 1d)) \
                 and on (${identity_labels}) max by (${identity_labels}) \
                 (last_over_time(whatsapp_exporter_build_info{${selector}}[5m] offset 1d)) \
                 or max by (${identity_labels}, a, b) (increase(x[1d])))",
            ),
            (
                "growth(exporter by (a), x[15m])",
                "(max by (${identity_labels}, a) (last_over_time(x[5m]) and on (${identity_labels}, instance) \
                 (last_over_time(whatsapp_exporter_build_info{${selector}}[5m] offset 15m) \
                 or time() - last_over_time(process_start_time_seconds{${selector}}[5m]) < 900)) \
                 unless max by (${identity_labels}, a) (last_over_time(x[5m] offset 15m)) \
                 or max by (${identity_labels}, a) (increase(x[15m])))",
            ),
        ] {
            assert_eq!(expand(template).as_deref(), Ok(promql), "{template}");
        }
    }

    #[test]
    fn a_call_that_cannot_be_read_is_an_error() {
        for (template, error) in [
            ("recent(max(x)\nfor: 5m", "`recent(max(x)` is not closed"),
            (
                "growth(x[6h])",
                "`growth(x[6h])` is none of `growth(account, c[6h])`, `growth(by (label), c[6h])` and `growth(exporter by (label), c[6h])`",
            ),
            (
                "growth(exporter by (a), x[${range}])",
                "`growth(exporter by (a), x[${range}])` is none of `growth(account, c[6h])`, `growth(by (label), c[6h])` and `growth(exporter by (label), c[6h])`",
            ),
            (
                "growth(number, x[6h])",
                "`growth(number, x[6h])` is none of `growth(account, c[6h])`, `growth(by (label), c[6h])` and `growth(exporter by (label), c[6h])`",
            ),
        ] {
            assert_eq!(expand(template), Err(error.to_owned()));
        }
    }
}
