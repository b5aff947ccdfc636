//! Phrases: texts that many templates share, such as how a notification names a phone number. They contain actions of
//! Prometheus' templates and are not configurable.

use std::collections::BTreeMap;

use super::placeholder::fill_some;
use super::values::parsed;
use crate::yaml::{Entry, Node};

/// The phrases by name.
pub(super) struct Phrases(BTreeMap<String, String>);

impl Phrases {
    /// Parses the file of phrases. A phrase may use those above it.
    ///
    /// # Errors
    /// An error in the file, which would be a bug.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut phrases = Self(BTreeMap::new());
        let entries = match parsed(text).map_err(|errors| errors.to_string())? {
            Node::Map(entries) => entries,
            _ => Vec::new(),
        };
        for Entry { key, node, .. } in entries {
            let Node::Text(phrase) = node else {
                return Err(format!("phrase {key} must be text"));
            };
            let phrase = phrases.expand(&phrase)?;
            phrases.0.insert(key, phrase);
        }
        Ok(phrases)
    }

    /// The text with the placeholders of phrases replaced. Placeholders of values stay.
    ///
    /// # Errors
    /// An error in the text, which would be a bug.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        fill_some(text, |name| self.0.get(name).map(String::as_str))
    }
}
