//! Label matchers of PromQL that an operator adds to every selector.

/// Why this text cannot be inserted between other matchers; `None` if it can.
pub(super) fn problem(text: &str) -> Option<String> {
    if text.starts_with(',') || text.ends_with(',') {
        return Some(format!(
            "{text:?} begins or ends with a comma; remove it, because the rules add the comma"
        ));
    }
    // Selectors are also part of the format string of the annotations' `printf`.
    if text.contains('%') {
        return Some(format!(
            "{text:?} contains \"%\", which annotations would take for a verb of printf; remove it"
        ));
    }
    let mut rest = text;
    while let Some(after) = after_matcher(rest.trim_start()) {
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next,
            None if after.trim().is_empty() => return None,
            None => break,
        }
    }
    Some(format!(
        "{text:?} is not a list of label matchers; write it like cluster=\"eu-1\", region=~\"eu-.+\""
    ))
}

/// The text after one matcher at the beginning of `text`.
fn after_matcher(text: &str) -> Option<&str> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if !text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return None;
    }
    let rest = text.trim_start_matches(is_of_name).trim_start();
    let operators = ["=~", "!~", "!=", "="];
    let rest = operators
        .iter()
        .find_map(|operator| rest.strip_prefix(operator))?;
    let value = rest.trim_start().strip_prefix('"')?;
    let mut is_escaped = false;
    for (index, character) in value.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(&value[index + 1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn matchers_are_separated_by_commas() {
        for good in [
            r#"cluster="eu-1""#,
            r#"cluster =~ "eu-.+", region != "a,b" ,_x!~"\"""#,
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in [
            "eu-1",
            "cluster",
            "cluster=eu-1",
            r#"cluster=="eu-1""#,
            r#"cluster="eu-1" region="a""#,
            r#"cluster="eu-1",,region="a""#,
            r#"cluster="eu-1"#,
            r#"1="a""#,
            r#"cluster="eu-1"}"#,
        ] {
            let message = problem(bad).expect(bad);
            assert!(
                message.contains("is not a list of label matchers"),
                "{message}"
            );
        }
    }

    #[test]
    fn outer_commas_and_verbs_of_printf_are_refused() {
        for outer in [r#"cluster="eu-1","#, r#",cluster="eu-1""#] {
            let message = problem(outer).expect(outer);
            assert!(message.contains("begins or ends with a comma"), "{message}");
        }
        let message = problem(r#"a="50%""#).expect("a verb");
        assert!(message.contains("a verb of printf"), "{message}");
    }
}
