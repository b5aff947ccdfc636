//! Extracts details from Meta's error messages that the code does not contain. Only names in a safe format are
//! extracted.

use super::super::NodeKind;

/// Longest field name that is kept.
const MAX_FIELD: usize = 64;

/// Information from an error message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wording {
    /// The field that does not exist or is deprecated.
    pub field: Option<String>,
    /// The type of the requested node.
    pub node: Option<NodeKind>,
    /// Whether the message is about `appsecret_proof`.
    pub is_about_proof: bool,
    /// Whether the message asks for less data.
    pub wants_less: bool,
}

impl Wording {
    pub fn parse(message: &str) -> Self {
        let lower = message.to_ascii_lowercase();
        let (field, node) = nonexisting(message, &lower)
            .or_else(|| Some((deprecated(message, &lower)?, None)))
            .unzip();
        Self {
            field,
            node: node.flatten(),
            is_about_proof: lower.contains("appsecret_proof"),
            wants_less: lower.contains("reduce the amount of data"),
        }
    }
}

/// FIELD and TYPE of "(#100) Tried accessing nonexisting field (FIELD) on node type (TYPE)".
fn nonexisting(message: &str, lower: &str) -> Option<(String, Option<NodeKind>)> {
    let field = in_parentheses(message, lower, "nonexisting field (")?;
    let node = in_parentheses(message, lower, "on node type (").and_then(NodeKind::parse);
    Some((field_name(field)?, node))
}

/// FIELD of "(#12) FIELD field is deprecated for versions v26.0 and higher". With several fields, the last one:
/// the next responses report the others.
fn deprecated(message: &str, lower: &str) -> Option<String> {
    let before = [" field is deprecated", " fields are deprecated"]
        .iter()
        .find_map(|words| Some(&message[..lower.find(words)?]))?;
    let is_between = |character: char| character.is_whitespace() || character == ',';
    let name = before.rsplit(is_between).next()?;
    field_name(name.trim_matches(['\'', '"', '`', '(', ')']))
}

fn in_parentheses<'a>(message: &'a str, lower: &str, before: &str) -> Option<&'a str> {
    // ASCII lower case keeps every byte's position.
    let start = lower.find(before)? + before.len();
    let (inside, _) = message.get(start..)?.split_once(')')?;
    Some(inside)
}

fn field_name(name: &str) -> Option<String> {
    is_plain(name, MAX_FIELD).then(|| name.to_owned())
}

/// Whether the text is a name of letters, digits, `_` and `-`.
pub(super) fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(message: &str) -> Option<String> {
        Wording::parse(message).field
    }

    #[test]
    fn both_wordings_name_the_field() {
        for (message, expected) in [
            (
                "(#100) Tried accessing nonexisting field (status) on node type (WhatsAppBusinessAccount)",
                "status",
            ),
            (
                "Tried accessing NonExisting field (status) on node type (X)",
                "status",
            ),
            ("Tried accessing nonexisting field (status)", "status"),
            (
                "(#12) status field is deprecated for versions v26.0 and higher",
                "status",
            ),
            (
                "status field is deprecated for versions v2.8 and higher",
                "status",
            ),
            (
                "(#12) name, status fields are deprecated for versions v26.0 and higher",
                "status",
            ),
            ("(#12) 'status' field is deprecated", "status"),
        ] {
            assert_eq!(field(message).as_deref(), Some(expected), "{message}");
        }
    }

    #[test]
    fn the_first_wording_names_the_node_type() {
        let node = |message| Wording::parse(message).node;
        let message =
            "(#100) Tried accessing nonexisting field (message_templates) on node type (Business)";
        assert_eq!(node(message), Some(NodeKind::Business));
        assert_eq!(node("(#12) status field is deprecated"), None);
        let no_type = "Tried accessing nonexisting field (status) on node type (a=b)";
        assert_eq!(node(no_type), None);
        assert_eq!(field(no_type).as_deref(), Some("status"));
    }

    #[test]
    fn anything_else_names_no_field() {
        for message in [
            "",
            "(#12) This API is deprecated",
            "(#12)  field is deprecated",
            "nonexisting field (access_token=EAAG)",
            "nonexisting field (",
            "İ nonexisting field (é)",
        ] {
            assert_eq!(field(message), None, "{message}");
        }
    }
}
