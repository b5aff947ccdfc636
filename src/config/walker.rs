//! Reads settings from flags, variables and file, collects every error, and records the requested keys: any other key
//! in the file is unknown. Contains no key names.

use std::path::{Path, PathBuf};

use super::environment::{Environment, read_variable};
use super::error::{ConfigErrors, ConfigWarning};
use super::file::File;
use super::flags::Flags;
use super::mistake::has_variable;
use super::setting::{Scalar, Setting};
use super::shape;
use super::unknown_variables;
use crate::suggestion;
use crate::yaml::{Entry, Node};

/// One pass over all sources of the configuration.
pub(super) struct Walker<'a> {
    flags: &'a Flags,
    file: &'a File,
    environment: &'a dyn Environment,
    errors: ConfigErrors,
    warnings: Vec<ConfigWarning>,
    asked: Vec<Setting>,
}

/// The text that a source gives for a setting.
pub(super) struct Given {
    /// The flag, variable or key that contains the text, for error messages.
    pub(super) place: String,
    pub(super) text: String,
    is_in_file: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        flags: &'a Flags,
        file: &'a File,
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

    /// The value from a source or the default. After an error, the default, so that reading can continue.
    pub(super) fn scalar<T>(&mut self, scalar: &Scalar<T>) -> T {
        self.note(&scalar.setting);
        self.value(&scalar.setting, scalar.parse)
    }

    /// The value from a source. `None` if no source gives one, or after an error.
    pub(super) fn optional_scalar<T>(&mut self, scalar: &Scalar<T>) -> Option<T> {
        self.note(&scalar.setting);
        self.given_value(&scalar.setting, scalar.parse)
    }

    /// The value from a source or the default. After an error, the default, so that reading can continue.
    pub(super) fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.given_value(setting, &parse).unwrap_or_else(|| {
            let default = setting.default;
            let default = default.expect("a setting without a default is optional");
            parse(default).expect("a declared default is a valid value")
        })
    }

    /// The value from a source. `None` if no source gives one, or after an error.
    pub(super) fn given_value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.given(setting)?;
        parse(&given.text)
            .map_err(|message| self.error(given.place, message))
            .ok()
    }

    /// The text from the flag, or else the variable, or else the file.
    pub(super) fn given(&mut self, setting: &Setting) -> Option<Given> {
        let flags = self.flags;
        if let Some(flag) = setting.flag
            && let Some(text) = flags.get(flag)
        {
            return Some(Given::new(flag, text));
        }
        match self.variable(setting) {
            Some(text) => text,
            None => self.in_file(setting)?,
        }
    }

    /// The text from the variable.
    pub(super) fn variable_text(&mut self, setting: &Setting) -> Option<Given> {
        self.note(setting);
        self.variable(setting)?
    }

    /// The text from the file.
    pub(super) fn file_text(&mut self, setting: &Setting) -> Option<Given> {
        self.note(setting);
        self.in_file(setting)?
    }

    /// The text of the variable. `None` if it is not set; an inner `None` after an error.
    fn variable(&mut self, setting: &Setting) -> Option<Option<Given>> {
        let name = setting.variable?;
        let text = read_variable(self.environment, name)?;
        let text = text.map_err(|message| self.error(name, message)).ok();
        Some(text.map(|text| Given::new(name, &text)))
    }

    /// The text of the file's key. `None` if it is not set; an inner `None` after an error.
    fn in_file(&mut self, setting: &Setting) -> Option<Option<Given>> {
        let key = setting.key?;
        let node = self.node(key)?;
        let text = self.node_text(key, node);
        Some(text.map(|text| Given {
            is_in_file: true,
            ..Given::new(key, text)
        }))
    }

    /// The source that gives the setting, or its key: for errors about several settings.
    pub(super) fn place(&self, setting: &Setting) -> String {
        let flag = setting.flag.filter(|flag| self.flags.get(flag).is_some());
        let is_set = |name: &&str| read_variable(self.environment, name).is_some();
        let place = flag.or_else(|| setting.variable.filter(is_set));
        place.or(setting.key).unwrap_or_default().to_owned()
    }

    /// The path in a text. A path in the file is relative to the file's folder.
    pub(super) fn path(&self, given: &Given) -> PathBuf {
        let folder = self.file.path.as_deref().and_then(Path::parent);
        let folder = folder.filter(|_| given.is_in_file);
        folder.unwrap_or(Path::new("")).join(&given.text)
    }

    /// The text of the node. Otherwise adds an error that names what the node contains instead.
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

    /// The node at this dotted path in the file.
    pub(super) fn node(&self, path: &str) -> Option<&'a Node> {
        path.split('.')
            .try_fold(self.file.tree.as_ref()?, |node, name| node.get(name))
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
        self.file.path.as_deref()
    }

    /// Adds an error for each key of a list's item that is not one of these. A key may be a secret, so it is not shown.
    pub(super) fn refuse_other_keys(&mut self, place: &str, entries: &[Entry], known: &[&str]) {
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = match suggestion::nearest(&entry.key, known.iter().copied()) {
                Some(best) => format!("contains an unknown key; did you mean `{best}`?"),
                None => format!("contains an unknown key (known here: {})", known.join(", ")),
            };
            self.error(place, message);
        }
    }

    /// Adds an error for each key of the file that no section requested. Call it last.
    pub(super) fn refuse_unknown_keys(&mut self) {
        let known: Vec<&str> = self
            .asked
            .iter()
            .filter_map(|setting| setting.key)
            .collect();
        if let Some(tree) = &self.file.tree {
            shape::check(tree, &known, &mut self.errors);
        }
    }

    /// Adds a warning for each variable with the exporter's prefix that no section requested. Call it last.
    pub(super) fn warn_of_unknown_variables(&mut self) {
        let asked = self.asked.iter();
        let known: Vec<&str> = asked.filter_map(|setting| setting.variable).collect();
        let names = self.environment.variable_names();
        let warnings = unknown_variables::warnings(&names, &known);
        self.warnings.extend(warnings);
    }

    /// The requested settings, in order.
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

impl Given {
    fn new(place: &str, text: &str) -> Self {
        Self {
            place: place.to_owned(),
            text: text.to_owned(),
            is_in_file: false,
        }
    }
}
