//! Parses a values file into a tree of text that knows its lines.
//!
//! Scalars stay as they were written, because they are pasted into text: `0.70` must not become `0.7`. Unlike the
//! configuration, a values file has no secrets, so errors may quote it.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::error::ValuesErrors;

/// Maximum nesting depth: `alerts`, an alert, its key, the items of a list, and one to spare.
const MAX_DEPTH: usize = 5;

/// A part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Empty,
    /// A scalar as it was written, without its quotes.
    Text(String),
    List(Vec<Node>),
    /// A map in the order of the file, without duplicate keys.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Line of the key, counted from one.
    pub(super) line: usize,
    pub(super) node: Node,
}

/// Parses the single document of a file.
///
/// # Errors
/// The first syntax error or unsupported YAML feature, with its line.
pub(super) fn parse(text: &str) -> Result<Node, ValuesErrors> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader(Parser::new_from_str(text));
    loader.document().map_err(|(line, message)| {
        let mut errors = ValuesErrors::default();
        errors.add(line, "", message);
        errors
    })
}

/// A line and what is wrong there.
type Problem = (usize, String);

struct Loader<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root.unwrap_or(Node::Empty)),
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(at(span, "a second document begins; keep one per file"));
                }
                Event::DocumentStart(..) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?);
                }
                _ => {}
            }
        }
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            let (event, span) = self
                .0
                .next_event()
                .expect("the stream's end is an event, and nothing is asked for after it")
                .map_err(|error| (error.marker().line(), error.info().to_string()))?;
            if !matches!(event, Event::Comment(..)) {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(at(span, "nested too deeply"));
        }
        if event.tag().is_some() {
            return Err(at(span, "tags (`!…`) are not supported; remove it"));
        }
        match event {
            Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(_, 1.., _)
            | Event::MappingStart(_, 1.., _)
            | Event::Alias(_) => {
                let problem = "anchors and aliases are not supported; write the value itself";
                Err(at(span, problem))
            }
            Event::Scalar(text, style, _, _) => Ok(scalar(&text, style)),
            Event::SequenceStart(..) => self.list(depth),
            Event::MappingStart(..) => self.map(depth),
            _ => Err(at(span, "expected a value")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::SequenceEnd) {
                return Ok(Node::List(items));
            }
            items.push(self.node(next, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Node::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(at(span, "a key must be plain text")),
            };
            if entries.iter().any(|entry| entry.key == key) {
                return Err(at(span, &format!("the key `{key}` is given twice")));
            }
            let value = self.next()?;
            entries.push(Entry {
                key,
                line: span.start.line(),
                node: self.node(value, depth + 1)?,
            });
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Node {
    let is_null = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if style == ScalarStyle::Plain && is_null {
        Node::Empty
    } else {
        Node::Text(text.to_owned())
    }
}

fn at(span: Span, problem: &str) -> Problem {
    (span.start.line(), problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(yaml: &str) -> String {
        parse(yaml).expect_err("not valid").to_string()
    }

    #[test]
    fn scalars_stay_as_they_were_written_and_keys_have_lines() {
        let text = |text: &str| Node::Text(text.to_owned());
        let entry = |key: &str, line, node| Entry {
            key: key.to_owned(),
            line,
            node,
        };
        let expected = Node::Map(vec![
            entry("a", 2, text("0.70")),
            entry("b", 3, Node::Empty),
            entry("c", 4, Node::List(vec![text("x"), text("~")])),
            entry("d", 6, Node::Map(vec![entry("e", 7, text(""))])),
        ]);
        let yaml = "# c\na: 0.70 # c\nb:\nc: [x,\n  '~']\nd:\n  e: ''\n";
        assert_eq!(parse(yaml), Ok(expected));
    }

    #[test]
    fn a_file_without_keys_is_empty() {
        for yaml in ["", "# only a comment\n", "---\n", "\u{feff}"] {
            assert_eq!(parse(yaml), Ok(Node::Empty), "{yaml:?}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        for (yaml, message) in [
            ("a: 1\na: 2\n", "line 2: the key `a` is given twice"),
            (
                "a: 1\n---\nb: 2\n",
                "line 2: a second document begins; keep one per file",
            ),
            ("[a]: 1\n", "line 1: a key must be plain text"),
            ("a: [[[[[[x]]]]]]\n", "line 1: nested too deeply"),
            (
                "a: !x 1\n",
                "line 1: tags (`!…`) are not supported; remove it",
            ),
        ] {
            assert_eq!(error(yaml), message);
        }
        for yaml in ["a: &x 1\n", "a: &x [1]\n", "a: &x {}\n"] {
            assert!(error(yaml).starts_with("line 1: anchors and aliases"));
        }
        assert!(error("a: 1\nb: \"x\n").starts_with("line "));
    }
}
