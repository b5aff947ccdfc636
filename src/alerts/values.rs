//! The values of the placeholders: the defaults, and an operator's values merged over them.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ValuesErrors;
use super::kind::{PresetValue, ValueKind};
use crate::suggestion::nearest;
use crate::yaml::{self, Entry, Node};

/// Section with the values of each alert.
const ALERTS: &str = "alerts";

/// Key that every alert has.
const ENABLED: &str = "enabled";

/// For each alert, the placeholders in its lines.
pub(super) type Placeholders = BTreeMap<String, BTreeSet<String>>;

/// The value of each key, by dotted path: `dashboard_url`, `alerts.WhatsAppDataStale.for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(BTreeMap<String, PresetValue>);

impl Values {
    /// The defaults, each of which determines the kind of the values that may replace it.
    ///
    /// # Errors
    /// All keys that have no usable value.
    pub(super) fn defaults(text: &str) -> Result<Self, ValuesErrors> {
        let (mut values, mut errors) = (Self(BTreeMap::new()), ValuesErrors::default());
        if let Node::Map(entries) = parsed(text)? {
            values.add_defaults("", &entries, &mut errors);
        }
        values.unless(errors)
    }

    fn add_defaults(&mut self, prefix: &str, entries: &[Entry], errors: &mut ValuesErrors) {
        for Entry { key, line, node } in entries {
            let path = format!("{prefix}{key}");
            match node {
                Node::Map(entries) => self.add_defaults(&format!("{path}."), entries, errors),
                node => match PresetValue::default_of(&path, node) {
                    Ok(value) => drop(self.0.insert(path, value)),
                    Err(problem) => errors.add(*line, path, problem),
                },
            }
        }
    }

    fn unless(self, errors: ValuesErrors) -> Result<Self, ValuesErrors> {
        if errors.is_empty() {
            Ok(self)
        } else {
            Err(errors)
        }
    }

    /// These values with an operator's merged over them, key by key.
    ///
    /// # Errors
    /// Every unknown key and every value of the wrong kind.
    pub(super) fn merged(
        &self,
        text: &str,
        placeholders: &Placeholders,
    ) -> Result<Self, ValuesErrors> {
        let mut merge = Merge {
            defaults: self,
            placeholders,
            values: self.clone(),
            errors: ValuesErrors::default(),
        };
        match parsed(text)? {
            Node::Empty => {}
            Node::Map(entries) => merge.section("", &entries),
            Node::Text(_) | Node::List(_) => {
                merge
                    .errors
                    .add(1, "", "must contain keys, such as `alerts:`");
            }
        }
        merge.values.unless(merge.errors)
    }

    /// The value for a placeholder: the alert's own, or else the global one.
    pub(super) fn get(&self, alert: Option<&str>, name: &str) -> Option<&str> {
        let own = alert.and_then(|alert| self.0.get(&path(alert, name)));
        let value = own.or_else(|| self.0.get(name))?;
        Some(&value.text)
    }

    /// Whether the alert is rendered.
    pub(super) fn is_enabled(&self, alert: &str) -> bool {
        let enabled = self.0.get(&path(alert, ENABLED));
        enabled.is_none_or(|value| value.text == "true")
    }

    /// The dotted paths of all keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The tree of a values file, which contains no secrets.
pub(super) fn parsed(text: &str) -> Result<Node, ValuesErrors> {
    yaml::parse(text).map_err(|error| {
        let mut errors = ValuesErrors::default();
        errors.add(error.line, "", error.message(str::to_owned));
        errors
    })
}

fn path(alert: &str, name: &str) -> String {
    format!("{ALERTS}.{alert}.{name}")
}

struct Merge<'a> {
    defaults: &'a Values,
    placeholders: &'a Placeholders,
    values: Values,
    errors: ValuesErrors,
}

impl Merge<'_> {
    /// Merges the keys below a section; `prefix` is its path with a final dot, or empty at the top.
    fn section(&mut self, prefix: &str, entries: &[Entry]) {
        for Entry { key, line, node } in entries {
            let path = format!("{prefix}{key}");
            let is_section = |prefix: &str| self.defaults.keys().any(|key| key.starts_with(prefix));
            let inner = format!("{path}.");
            if key.contains('.') {
                self.errors.add(*line, &path, self.unknown(prefix, key));
            } else if path == ALERTS {
                let example = self.placeholders.keys().next();
                let example = example.map_or("", String::as_str);
                if let Some(alerts) = self.entries(&path, *line, node, example) {
                    alerts.iter().for_each(|alert| self.alert(alert));
                }
            } else if let Some(default) = self.defaults.0.get(&path) {
                self.set(path, *line, default.replaced_by(node));
            } else if is_section(&inner) {
                let example = self.names(&inner).next().unwrap_or_default().to_owned();
                if let Some(entries) = self.entries(&path, *line, node, &example) {
                    self.section(&inner, entries);
                }
            } else {
                self.errors.add(*line, &path, self.unknown(prefix, key));
            }
        }
    }

    /// Merges the values of one alert.
    fn alert(&mut self, Entry { key, line, node }: &Entry) {
        let placeholders = self.placeholders;
        let path_of_alert = format!("{ALERTS}.{key}");
        let Some(known) = placeholders.get(key) else {
            self.errors
                .add(*line, path_of_alert, self.unknown_alert(key));
            return;
        };
        let Some(entries) = self.entries(&path_of_alert, *line, node, "severity") else {
            return;
        };
        // A key with a dot is nested, and only global.
        let known = known
            .iter()
            .map(String::as_str)
            .filter(|name| !name.contains('.'));
        let known: BTreeSet<&str> = known.chain([ENABLED]).collect();
        for Entry {
            key: name,
            line,
            node,
        } in entries
        {
            let path = path(key, name);
            let value = if !known.contains(name.as_str()) {
                Err(unknown_key(name, &known))
            } else if name == ENABLED {
                ValueKind::Boolean.check(node, false)
            } else if let Some(default) = self.default_for(&path, name) {
                default.replaced_by(node)
            } else {
                Err("has no default; this is a bug, please report it".to_owned())
            };
            self.set(path, *line, value);
        }
    }

    fn default_for(&self, path: &str, name: &str) -> Option<&PresetValue> {
        let defaults = &self.defaults.0;
        defaults.get(path).or_else(|| defaults.get(name))
    }

    fn set(&mut self, path: String, line: usize, value: Result<PresetValue, String>) {
        match value {
            Ok(value) => drop(self.values.0.insert(path, value)),
            Err(problem) => self.errors.add(line, path, problem),
        }
    }

    /// The keys of a section. A section whose keys are all commented out has none.
    fn entries<'n>(
        &mut self,
        path: &str,
        line: usize,
        node: &'n Node,
        example: &str,
    ) -> Option<&'n [Entry]> {
        match node {
            Node::Empty => None,
            Node::Map(entries) => Some(entries),
            Node::Text(_) | Node::List(_) => {
                let message = format!("must contain keys, such as `{example}:`");
                self.errors.add(line, path, message);
                None
            }
        }
    }

    fn unknown(&self, prefix: &str, key: &str) -> String {
        if self.defaults.0.contains_key(key) {
            let nested = key.replace('.', ":` and, indented below it, `");
            return format!("keys are nested: write `{nested}:`");
        }
        if self.placeholders.contains_key(key) {
            return format!("is an alert; indent it below `{ALERTS}:`");
        }
        unknown_key(key, &self.names(prefix).collect())
    }

    fn unknown_alert(&self, alert: &str) -> String {
        let names = self.placeholders.keys().map(String::as_str);
        match nearest(alert, names) {
            Some(best) => format!("unknown alert; did you mean `{best}`?"),
            None => {
                "unknown alert; remove it (`alerts --print-values` lists all alerts)".to_owned()
            }
        }
    }

    /// The known names directly below `prefix`.
    fn names(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let rest = self
            .defaults
            .keys()
            .filter_map(move |key| key.strip_prefix(prefix));
        rest.filter_map(|key| key.split('.').next())
    }
}

fn unknown_key(key: &str, known: &BTreeSet<&str>) -> String {
    match nearest(key, known.iter().copied()) {
        Some(best) => format!("unknown key; did you mean `{best}`?"),
        None => {
            let known: Vec<&str> = known.iter().copied().collect();
            format!("unknown key; remove it (known here: {})", known.join(", "))
        }
    }
}
