//! Errors of an operator's values, and of rendered files.

use std::fmt;

use thiserror::Error;

/// One error in a values file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValuesError {
    /// Line of the file, counted from one.
    pub line: usize,
    /// Key (`alerts.WhatsAppDataStale.for`). Empty for an error of YAML's syntax, or of the whole file.
    pub key: String,
    /// What is wrong and what to do, in one line.
    pub message: String,
}

impl fmt::Display for ValuesError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(out, "{}: ", self.key)?;
        }
        out.write_str(&self.message)
    }
}

/// All errors of a values file, in the order of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValuesErrors(Vec<ValuesError>);

impl ValuesErrors {
    /// The errors, sorted by line.
    pub fn iter(&self) -> impl Iterator<Item = &ValuesError> {
        self.0.iter()
    }

    /// Number of errors.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, line: usize, key: impl Into<String>, message: impl Into<String>) {
        let (key, message) = (key.into(), message.into());
        let error = ValuesError { line, key, message };
        let position = self.0.partition_point(|other| *other <= error);
        self.0.insert(position, error);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ValuesErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        out.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ValuesErrors {}

/// Why a template could not be rendered: always a bug of the templates or of the checks of values, because values are
/// checked before they are used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenderError {
    /// A placeholder is malformed, or has no value.
    #[error("the template of {file}: {problem}; this is a bug, please report it")]
    Template {
        /// The rendered file.
        file: String,
        /// What is wrong with the placeholder.
        problem: String,
    },
    /// The rendered text cannot be read back.
    #[error(
        "{file} is not valid with these values: {problem}; this is a bug, please report it with the values"
    )]
    Result {
        /// The rendered file.
        file: String,
        /// What the YAML reader reports.
        problem: String,
    },
}
