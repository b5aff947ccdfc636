//! Phrases: texts that many templates share, such as how a notification names a phone number. They contain actions of
//! Prometheus' templates and are not configurable.

use std::collections::BTreeMap;

use super::placeholder::fill_some;
use super::values::parsed;
use crate::yaml::{Entry, Node};

/// Replaces the placeholders of phrases. Placeholders of values stay. A phrase may use those above it in the file.
///
/// # Errors
/// What is wrong with the file of phrases or the text, which would be a bug.
pub(super) fn expand(phrases: &str, text: &str) -> Result<String, String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let entries = match parsed(phrases).map_err(|errors| errors.to_string())? {
        Node::Map(entries) => entries,
        _ => Vec::new(),
    };
    for Entry { key, node, .. } in entries {
        let Node::Text(phrase) = node else {
            return Err(format!("phrase {key} must be text"));
        };
        let phrase = fill_some(&phrase, |name| known.get(name).map(String::as_str))?;
        known.insert(key, phrase);
    }
    fill_some(text, |name| known.get(name).map(String::as_str))
}
