//! Names in the templates of annotations: labels of the alert, queries, and labels of the results of queries.
//!
//! Reads only words and literals inside `{{ }}`, not the whole template language of Go.

/// The names in one template.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// `$labels.x`: of the alert.
    pub labels: Vec<String>,
    /// Queries, with a value in place of each verb of `printf`.
    pub queries: Vec<String>,
    /// `label "x"` and `.Labels.x`: of the result of a query.
    pub looked_up: Vec<String>,
}

enum Token {
    Word(String),
    Literal(String),
}

/// Finds the names in a template.
pub fn named(template: &str) -> Named {
    let mut named = Named::default();
    for action in template.split("{{").skip(1) {
        let action = action.split("}}").next().unwrap_or_default();
        let mut before = String::new();
        for token in tokens(action) {
            match token {
                Token::Word(word) => {
                    let label_of = |prefix| word.strip_prefix(prefix).map(str::to_owned);
                    named.labels.extend(label_of("$labels."));
                    named.looked_up.extend(label_of(".Labels."));
                    before = word;
                }
                Token::Literal(text) if before == "label" => named.looked_up.push(text),
                Token::Literal(text) if text.contains("whatsapp_") => {
                    named.queries.push(filled(&text));
                }
                Token::Literal(_) => {}
            }
        }
    }
    named
}

/// The value of a label in a query: an id, or all words of a label with few words.
pub const FILLED: &str = "1";

/// A format with its verbs filled in.
fn filled(format: &str) -> String {
    format
        .replace("%q", &format!("\"{FILLED}\""))
        .replace("%s", FILLED)
        .replace("%v", FILLED)
}

fn tokens(action: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = action.chars().peekable();
    while let Some(first) = rest.next() {
        if first == '"' || first == '`' {
            tokens.push(Token::Literal(literal(first, &mut rest)));
        } else if is_of_word(first) {
            let mut word = String::from(first);
            while let Some(next) = rest.next_if(|next| is_of_word(*next)) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        }
    }
    tokens
}

/// The end of a literal that `quote` began. Only `"` allows escapes.
fn literal(quote: char, rest: &mut impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        match next {
            '\\' if quote == '"' => text.extend(rest.next()),
            next if next == quote => break,
            next => text.push(next),
        }
    }
    text
}

fn is_of_word(at: char) -> bool {
    at.is_alphanumeric() || "$._".contains(at)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_are_found_in_both_kinds_of_literals() {
        let found = named(
            "Number {{ with printf `whatsapp_info{id=\"%s\"}` $labels.id | query }}\
             {{ . | first | label \"name\" }}{{ else }}{{ $labels.id }}{{ end }}: {{ $value }}, \
             {{ with query (printf \"whatsapp_other{id=%q}\" $labels.other) }}\
             {{ with first . }}{{ .Labels.colour }}{{ end }}{{ end }}",
        );
        assert_eq!(found.labels, ["id", "id", "other"]);
        assert_eq!(
            found.queries,
            ["whatsapp_info{id=\"1\"}", "whatsapp_other{id=\"1\"}"]
        );
        assert_eq!(found.looked_up, ["name", "colour"]);
    }
}
