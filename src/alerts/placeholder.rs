//! Placeholders in a text: `${name}`, or `${section.name}`. `${1}` is no placeholder, but a group of PromQL's
//! `label_replace`.

/// The next placeholder: the text before it, its name, and the text after it.
fn next(text: &str) -> Result<Option<(&str, &str, &str)>, String> {
    let mut from = 0;
    while let Some(found) = text[from..].find("${") {
        let start = from + found;
        let rest = &text[start + 2..];
        let inside = rest.split('}').next().unwrap_or_default();
        let is_closed = inside.len() < rest.len();
        let end = start + 2 + inside.len();
        if is_closed && is_name(inside) {
            return Ok(Some((&text[..start], inside, &text[end + 1..])));
        }
        if !is_closed || !is_group(inside) {
            let line = rest.lines().next().unwrap_or_default();
            return Err(format!("`${{{line}` does not begin with a placeholder"));
        }
        from = end;
    }
    Ok(None)
}

/// Words of lower-case letters, digits and `_`, separated by dots.
fn is_name(text: &str) -> bool {
    text.split('.').all(|word| {
        let is_of_word =
            |next: char| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_';
        word.starts_with(|first: char| first.is_ascii_lowercase()) && word.chars().all(is_of_word)
    })
}

fn is_group(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|next| next.is_ascii_digit())
}

/// The names of all placeholders in a text.
pub(super) fn names(text: &str) -> Result<Vec<&str>, String> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some((_, name, after)) = next(rest)? {
        names.push(name);
        rest = after;
    }
    Ok(names)
}

/// The text with every placeholder replaced by its value.
pub(super) fn fill<'v>(
    text: &str,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, String> {
    replace(text, |name| match value(name) {
        None => Err(format!("`${{{name}}}` has no value")),
        known => Ok(known),
    })
}

/// The text with the known placeholders replaced, and the others kept.
pub(super) fn fill_some<'v>(
    text: &str,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, String> {
    replace(text, |name| Ok(value(name)))
}

/// The text with the placeholders that have a value replaced.
fn replace<'v>(
    text: &str,
    value: impl Fn(&str) -> Result<Option<&'v str>, String>,
) -> Result<String, String> {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, name, after)) = next(rest)? {
        filled.push_str(before);
        let placeholder = &rest[before.len()..rest.len() - after.len()];
        rest = match value(name)? {
            Some("") => close_gap(&mut filled, after),
            known => {
                filled.push_str(known.unwrap_or(placeholder));
                after
            }
        };
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Removes an empty value from a list together with a comma next to it, or else with the braces around it.
fn close_gap<'a>(before: &mut String, after: &'a str) -> &'a str {
    if let Some(kept) = before.trim_end_matches(' ').strip_suffix(',') {
        before.truncate(kept.len());
        return after;
    }
    if let Some(rest) = after.strip_prefix(',') {
        return rest.trim_start_matches(' ');
    }
    // Double braces are an action of a template.
    let opens = before.ends_with('{') && !before.ends_with("{{");
    match after.strip_prefix('}') {
        Some(rest) if opens => {
            before.pop();
            rest
        }
        _ => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        fill(text, |name| match name {
            "selector" | "none" => Some(""),
            "cluster" => Some("cluster=\"eu-1\""),
            "labels" => Some("job, cluster"),
            "alertmanager.zone" => Some("UTC"),
            _ => None,
        })
    }

    #[test]
    fn placeholders_are_replaced_and_nothing_else() {
        for (text, expected) in [
            ("", ""),
            (
                "no $labels.x, no {{ $value }}",
                "no $labels.x, no {{ $value }}",
            ),
            ("location: ${alertmanager.zone} # x", "location: UTC # x"),
            ("by (${labels}, waba_id)", "by (job, cluster, waba_id)"),
            ("x{a=\"b\",${cluster}}", "x{a=\"b\",cluster=\"eu-1\"}"),
            (
                "label_replace(x{${cluster}}, \"a\", \"${1}-${12}\", \"b\", \"(.+)\")",
                "label_replace(x{cluster=\"eu-1\"}, \"a\", \"${1}-${12}\", \"b\", \"(.+)\")",
            ),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_empty_value_is_removed_with_its_comma_or_braces() {
        for (text, expected) in [
            ("x{a=\"b\",${selector}}[5m]", "x{a=\"b\"}[5m]"),
            ("x{a=\"b\", ${selector}}", "x{a=\"b\"}"),
            ("x{${selector}, a=\"b\"}", "x{a=\"b\"}"),
            ("x{a=\"b\",${selector},c=\"d\"}", "x{a=\"b\",c=\"d\"}"),
            ("x{${selector}} + y{}", "x + y{}"),
            ("x{${selector},${none}}", "x"),
            ("x{${selector},${cluster}}", "x{cluster=\"eu-1\"}"),
            ("by (${none}, waba_id)", "by (waba_id)"),
            ("by (waba_id, ${none})", "by (waba_id)"),
            ("[${none}]", "[]"),
            ("{{${none}}}", "{{}}"),
            (
                "{{ printf `x{id=\"%s\",${selector}}` $labels.id }}",
                "{{ printf `x{id=\"%s\"}` $labels.id }}",
            ),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn unknown_placeholders_are_kept_where_only_some_are_known() {
        let known = |name: &str| (name == "number").then_some("900 {{ $value }}");
        let filled = fill_some("${number}: ${for} ${number} ${1}", known);
        let expected = "900 {{ $value }}: ${for} 900 {{ $value }} ${1}";
        assert_eq!(filled.as_deref(), Ok(expected));
    }

    #[test]
    fn malformed_and_unknown_placeholders_are_errors() {
        assert_eq!(
            filled("a ${unknown} b"),
            Err("`${unknown}` has no value".to_owned())
        );
        for text in [
            "${", "${for", "${}", "${For}", "${a b}", "${.a}", "${a..b}", "${1a}", "${_}",
        ] {
            let error = filled(text).expect_err(text);
            assert!(
                error.ends_with("does not begin with a placeholder"),
                "{error}"
            );
        }
        assert_eq!(
            names("${a}, ${b.c} and ${1}"),
            Ok(vec!["a", "b.c"]),
            "names in order"
        );
    }
}
