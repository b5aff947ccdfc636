//! Reads settings from flags and file, collects every error, and remembers which keys were asked
//! for: a key in the file that nobody asked for is unknown. Knows no key by name.

use std::path::{Path, PathBuf};

use super::environment::{Environment, read_variable};
use super::error::{ConfigErrors, ConfigWarning};
use super::flags::Flags;
use super::mistake::has_variable;
use super::setting::{Scalar, Setting};
use super::shape;
use super::yaml::Node;

/// One pass over everything that was configured.
pub(super) struct Walker<'a> {
    flags: &'a Flags,
    file: Option<&'a Node>,
    environment: &'a dyn Environment,
    errors: ConfigErrors,
    warnings: Vec<ConfigWarning>,
    asked: Vec<Setting>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        flags: &'a Flags,
        file: Option<&'a Node>,
        environment: &'a dyn Environment,
        errors: ConfigErrors,
    ) -> Self {
        Self {
            flags,
            file,
            environment,
            errors,
            warnings: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The value, from the flag, the file or the default. After an error it is the default, so that
    /// reading can go on.
    pub(super) fn scalar<T>(&mut self, scalar: &Scalar<T>) -> T {
        self.optional_scalar(scalar).unwrap_or_else(|| {
            let default = scalar
                .setting
                .default
                .expect("a setting without one is optional");
            (scalar.parse)(default).expect("a declared default is a valid value")
        })
    }

    /// The value from the flag or the file, if either gives a good one.
    pub(super) fn optional_scalar<T>(&mut self, scalar: &Scalar<T>) -> Option<T> {
        self.note(&scalar.setting);
        let (place, text) = self.text(&scalar.setting)?;
        (scalar.parse)(text)
            .map_err(|message| self.error(place, message))
            .ok()
    }

    /// Where the flag or the file sets this, and the text it gives.
    fn text(&mut self, setting: &Setting) -> Option<(&'static str, &'a str)> {
        if let Some(flag) = setting.flag
            && let Some(text) = self.flags.get(flag)
        {
            return Some((flag, text));
        }
        let key = setting.key?;
        let node = self.node(key)?;
        Some((key, self.node_text(key, node)?))
    }

    /// Where the file or else the variable gives this, and the text there.
    pub(super) fn secret_text(&mut self, setting: &Setting) -> Option<(&'static str, String)> {
        self.note(setting);
        if let Some(key) = setting.key
            && let Some(node) = self.node(key)
        {
            return Some((key, self.node_text(key, node)?.to_owned()));
        }
        let name = setting.variable?;
        let text = read_variable(self.environment, name)?;
        let text = text.map_err(|message| self.error(name, message)).ok()?;
        Some((name, text))
    }

    /// Where a path is given, and the path: one from the file is relative to the file's folder.
    pub(super) fn path(&mut self, setting: &Setting) -> Option<(&'static str, PathBuf)> {
        self.note(setting);
        let (place, path) = self.text(setting)?;
        let is_flag = setting.flag == Some(place);
        let path = if is_flag {
            path.into()
        } else {
            self.path_in_file(place, path)
        };
        Some((place, path))
    }

    /// The path that stands at `place`: in the file, relative to the file's folder.
    pub(super) fn path_in_file(&self, place: &str, path: &str) -> PathBuf {
        let is_variable = place
            .chars()
            .all(|letter| letter.is_uppercase() || letter == '_');
        let folder = self.config_file().and_then(Path::parent);
        let folder = folder.filter(|_| !is_variable);
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// The node's text, or an error that says what stands there instead.
    pub(super) fn node_text(&mut self, place: &str, node: &'a Node) -> Option<&'a str> {
        let found = match node {
            Node::Text(text) if has_variable(text) => {
                "contains a variable (`${…}`), but the exporter does not expand variables in this file; write \
                 the value itself, or expand the file before the exporter reads it"
            }
            Node::Text(text) => return Some(text),
            Node::Empty => "has no value; give it one or remove the key",
            Node::List(_) => "takes one value, not a list",
            Node::Map(_) => "takes one value, not keys below it",
        };
        self.error(place, found);
        None
    }

    /// What the file has at this dotted path.
    pub(super) fn node(&self, path: &str) -> Option<&'a Node> {
        path.split('.')
            .try_fold(self.file?, |node, name| node.get(name))
    }

    /// Records that a setting exists without reading it.
    pub(super) fn note(&mut self, setting: &Setting) {
        if !self.asked.contains(setting) {
            self.asked.push(*setting);
        }
    }

    pub(super) fn error(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.errors.add(place, message);
    }

    /// Adds a warning about a valid setting that is probably a mistake.
    pub(super) fn warn(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(ConfigWarning::new(place, message));
    }

    pub(super) fn environment(&self) -> &'a dyn Environment {
        self.environment
    }

    pub(super) fn config_file(&self) -> Option<&'a Path> {
        self.flags.config_file()
    }

    /// Refuses what the file says and no section asked for. Comes last.
    pub(super) fn refuse_unknown_keys(&mut self) {
        let known: Vec<&str> = self
            .asked
            .iter()
            .filter_map(|setting| setting.key)
            .collect();
        if let Some(file) = self.file {
            shape::check(file, &known, &mut self.errors);
        }
    }

    /// What was asked for, in order.
    pub(super) fn into_asked(self) -> Vec<Setting> {
        self.asked
    }

    /// Returns the warnings, or all errors.
    pub(super) fn finish(self) -> Result<Vec<ConfigWarning>, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(self.warnings)
        } else {
            Err(self.errors)
        }
    }
}
