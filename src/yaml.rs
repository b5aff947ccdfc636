//! Parses YAML into a tree of text, for the configuration and for the values of the alerts.
//!
//! Every scalar stays as it was written: a verify token `0123` must not become 123, an account id must not become
//! a float, and `0.70` must not become `0.7`. Each setting parses its own scalar. `Node` has no `Debug`, because a
//! configuration contains secrets; errors contain a position and quote nothing but, on request, a duplicate key.

use std::collections::{HashMap, HashSet};

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

/// Maximum nesting depth. The deepest key is four levels down.
const MAX_DEPTH: usize = 16;

/// Maximum number of nodes in a tree, after expanding aliases. It is a thousand times what a large configuration has,
/// and keeps nested aliases ("billion laughs") from filling the memory.
const MAX_NODES: usize = 100_000;

/// A part of the file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// Nothing, `~` or `null`.
    Empty,
    /// A scalar as it was written, without its quotes.
    Text(String),
    List(Vec<Node>),
    /// A map in the order of the file, without duplicate keys.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Line of the key, counted from one.
    pub(crate) line: usize,
    pub(crate) node: Node,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Counted from one.
    pub(crate) line: usize,
    /// Counted from one.
    pub(crate) column: usize,
    pub(crate) problem: YamlProblem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum YamlProblem {
    /// A syntax error or an unsupported feature, in words.
    Syntax(String),
    /// This key is in its map already. A secret can be in the place of a key.
    DuplicateKey(String),
}

impl YamlError {
    /// The problem in words; `shown` makes a key printable.
    pub(crate) fn message(&self, shown: impl Fn(&str) -> String) -> String {
        match &self.problem {
            YamlProblem::Syntax(message) => message.clone(),
            YamlProblem::DuplicateKey(key) => format!("the key `{}` is given twice", shown(key)),
        }
    }
}

impl Node {
    /// The value of `name`. `None` if this is not a map, or does not contain it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|entry| entry.key == name)
            .map(|entry| &entry.node)
    }

    fn size(&self) -> usize {
        match self {
            Self::Empty | Self::Text(_) => 1,
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(entries) => 1 + entries.iter().map(|entry| entry.node.size()).sum::<usize>(),
        }
    }
}

/// Parses the single document of the file.
///
/// # Errors
/// The first syntax error, duplicate key or unsupported feature.
pub(crate) fn parse(text: &str) -> Result<Node, YamlError> {
    let events = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut loader = Loader {
        events,
        anchors: HashMap::new(),
        nodes: 0,
    };
    loader.document()
}

struct Loader<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Node, YamlError> {
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
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        loop {
            let (event, span) = self
                .events
                .next_event()
                .expect("the stream's end is an event, and no event is requested after it")
                .map_err(|error| {
                    let problem = YamlProblem::Syntax(error.info().to_string());
                    error_at(error.marker(), problem)
                })?;
            if !matches!(event, Event::Comment(..)) {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(at(span, "nested too deeply"));
        }
        if event.tag().is_some() {
            return Err(at(span, "tags (`!…`) are not supported; remove it"));
        }
        let (node, anchor, size) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor, 1),
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor, 1),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor, 1),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| at(span, "an alias inside its own anchor"))?;
                let size = node.size();
                (node, 0, size)
            }
            _ => return Err(at(span, "expected a value")),
        };
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err(at(
                span,
                "too many values, aliases counted as often as they are used",
            ));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Node, YamlError> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::SequenceEnd) {
                return Ok(Node::List(items));
            }
            items.push(self.node(next, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node, YamlError> {
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Node::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(at(span, "a key must be plain text")),
            };
            if !keys.insert(key.clone()) {
                return Err(error_at(&span.start, YamlProblem::DuplicateKey(key)));
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

fn at(span: Span, problem: &str) -> YamlError {
    error_at(&span.start, YamlProblem::Syntax(problem.to_owned()))
}

/// The parser counts lines from one and columns from zero.
fn error_at(place: &Marker, problem: YamlProblem) -> YamlError {
    YamlError {
        line: place.line(),
        column: place.col() + 1,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    fn error(yaml: &str) -> String {
        let error = parse(yaml).err().expect("not valid");
        let message = error.message(str::to_owned);
        format!("line {}, column {}: {message}", error.line, error.column)
    }

    #[test]
    fn scalars_stay_as_they_were_written() {
        let tree = parse("# c\na: 0.70 # c\nb: '~'\nc: ~\nd: [1e5, yes]\ne:\nf: ''\n").ok();
        let tree = tree.expect("good YAML");
        assert!(tree.get("a") == Some(&text("0.70")) && tree.get("f") == Some(&text("")));
        assert!(tree.get("b") == Some(&text("~")));
        assert!(tree.get("c") == Some(&Node::Empty) && tree.get("e") == Some(&Node::Empty));
        assert!(tree.get("d") == Some(&Node::List(vec![text("1e5"), text("yes")])));
        assert!(tree.get("g").is_none() && text("a").get("a").is_none());
    }

    #[test]
    fn keys_have_lines() {
        let Ok(Node::Map(entries)) = parse("# c\na: 1\n\nb:\n  c: [x,\n y]\nd: {}\n") else {
            panic!("a map");
        };
        let lines: Vec<_> = entries
            .iter()
            .map(|it| (it.key.as_str(), it.line))
            .collect();
        assert_eq!(lines, [("a", 2), ("b", 4), ("d", 7)]);
    }

    #[test]
    fn an_empty_document_is_an_empty_node() {
        for yaml in ["", "# only a comment\n", "---\n", "\u{feff}"] {
            assert!(parse(yaml) == Ok(Node::Empty), "{yaml:?}");
        }
    }

    #[test]
    fn aliases_are_expanded_within_a_limit() {
        let tree = parse("a: &one [1]\nb: *one\n").expect("good YAML");
        assert!(tree.get("b") == tree.get("a"));
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..8 {
            let alias = format!("*a{}", level - 1);
            let many = vec![alias; 10].join(", ");
            laughs += &format!("a{level}: &a{level} [{many}]\n");
        }
        assert!(error(&laughs).ends_with("aliases counted as often as they are used"));
    }

    #[test]
    fn errors_name_line_and_column_and_quote_nothing() {
        assert_eq!(
            error("a: 1\na: 2\n"),
            "line 2, column 1: the key `a` is given twice"
        );
        assert_eq!(
            error("a: 1\n---\nb: 2\n"),
            "line 2, column 1: a second document begins; keep one per file"
        );
        assert_eq!(
            error("[a]: 1\n"),
            "line 1, column 1: a key must be plain text"
        );
        assert_eq!(
            error(&("[".repeat(99) + &"]".repeat(99))),
            "line 1, column 18: nested too deeply"
        );
        assert_eq!(
            error("a: &x [*x]\n"),
            "line 1, column 8: an alias inside its own anchor"
        );
        assert_eq!(
            error("a: !x 1\n"),
            "line 1, column 7: tags (`!…`) are not supported; remove it"
        );
        let syntax = error("apps:\n  - access_token: \"EAAGsecret\n");
        assert!(syntax.starts_with("line "), "{syntax}");
        assert!(!syntax.contains("EAAG"), "{syntax}");
    }
}
