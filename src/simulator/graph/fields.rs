//! The `fields=` language: `id,quality_score{score},phone_numbers.limit(100).summary(total_count){id}`.
//!
//! Converts text to a tree and back. Contains no field names.

use std::fmt;

/// Maximum nesting depth: more than any sensible call has, and few enough for the recursive parser's stack.
const MAX_DEPTH: usize = 8;

/// One requested field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// `.name(argument)` modifiers, in order.
    pub modifiers: Vec<(String, String)>,
    /// The requested fields of the value: `{…}`.
    pub children: Option<Vec<Field>>,
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        for (name, argument) in &self.modifiers {
            write!(formatter, ".{name}({argument})")?;
        }
        match &self.children {
            Some(children) => write!(formatter, "{{{}}}", join(children)),
            None => Ok(()),
        }
    }
}

/// Formats a list of fields for `fields=`.
#[must_use]
pub fn join(fields: &[Field]) -> String {
    fields
        .iter()
        .map(Field::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// Parses the value of `fields=`; `None` if it is malformed.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Field>> {
    let mut reader = FieldsReader { rest: text };
    let fields = reader.list(0)?;
    reader.rest.trim().is_empty().then_some(fields)
}

struct FieldsReader<'a> {
    rest: &'a str,
}

impl FieldsReader<'_> {
    fn list(&mut self, depth: usize) -> Option<Vec<Field>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut fields = vec![self.field(depth)?];
        while self.take(',') {
            fields.push(self.field(depth)?);
        }
        Some(fields)
    }

    fn field(&mut self, depth: usize) -> Option<Field> {
        let name = self.word()?;
        let mut modifiers = Vec::new();
        while self.take('.') {
            let modifier = self.word()?;
            modifiers.push((modifier, self.argument()?));
        }
        let mut children = None;
        if self.take('{') {
            children = Some(self.list(depth + 1)?);
            if !self.take('}') {
                return None;
            }
        }
        Some(Field {
            name,
            modifiers,
            children,
        })
    }

    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let end = self
            .rest
            .find(|character| !is_part(character))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn argument(&mut self) -> Option<String> {
        let inside = self.rest.trim_start().strip_prefix('(')?;
        let (argument, rest) = inside.split_once(')')?;
        self.rest = rest;
        Some(argument.to_owned())
    }

    fn take(&mut self, character: char) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_expansion_is_read_and_written_back() {
        let text = "id,phone_numbers.limit(100).summary(total_count){id,quality_score{score}},name";
        let fields = parse(text).expect("well formed");
        assert_eq!(join(&fields), text);
        assert_eq!(
            fields[1].modifiers[0],
            ("limit".to_owned(), "100".to_owned())
        );
    }

    #[test]
    fn broken_lists_are_refused() {
        for text in [
            "",
            ",",
            "id,",
            "a{b",
            "a}b",
            "a.limit(",
            &"a{".repeat(1_000),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
