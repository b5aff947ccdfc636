//! From templates and values to files.

use super::error::{RenderError, ValuesErrors};
use super::functions;
use super::kubernetes::prometheus_rule;
use super::phrases::Phrases;
use super::placeholder::{fill, names};
use super::rules::RuleFile;
use super::template::RulesTemplate;
use super::values::{Placeholders, Values};

/// Path of the PrometheusRule. It has a folder of its own for its kustomization.
const PROMETHEUS_RULE: &str = "kubernetes/prometheus-rule.yaml";

/// Path of the example for Alertmanager.
const ALERTMANAGER: &str = "alertmanager.yml";

/// The template with the phrases.
const PHRASES: &str = "phrases.yaml";

/// A file of `alerts/templates/`, which is part of the program.
macro_rules! template {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../alerts/templates/", $name)),
        )
    };
}

/// Templates of rule files, in the order in which people read them.
const RULES: &[(&str, &str)] = &[
    template!("numbers.yml"),
    template!("templates.yml"),
    template!("conversations.yml"),
    template!("accounts.yml"),
    template!("access.yml"),
    template!("exporter.yml"),
    template!("cluster.yml"),
    template!("recording.yml"),
];

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Path below the output folder.
    pub path: String,
    /// Content.
    pub text: String,
}

/// Templates with the defaults of their placeholders.
#[derive(Clone, Copy, Debug)]
pub struct AlertSet<'a> {
    /// Values file with a default for each placeholder.
    pub(super) values: &'a str,
    /// Templates of rule files, by name.
    pub(super) rules: &'a [(&'a str, &'a str)],
    /// Template of the example for Alertmanager.
    pub(super) alertmanager: &'a str,
    /// Phrases that the templates share.
    pub(super) phrases: &'a str,
}

impl AlertSet<'static> {
    /// The alerts that the program comes with.
    #[must_use]
    pub const fn embedded() -> Self {
        Self {
            values: include_str!("../../alerts/values.yaml"),
            rules: RULES,
            alertmanager: template!("alertmanager.yml").1,
            phrases: template!("phrases.yaml").1,
        }
    }
}

impl AlertSet<'_> {
    /// The values file with the defaults, and with comments that explain them.
    #[must_use]
    pub fn values_file(&self) -> &str {
        self.values
    }

    /// Names of the rule files, in order.
    pub fn rule_files(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|(name, _)| *name)
    }

    /// The default values.
    ///
    /// # Errors
    /// The errors in the defaults, which would be a bug.
    pub fn defaults(&self) -> Result<Values, ValuesErrors> {
        Values::defaults(self.values)
    }

    /// The default values with those of an operator's file merged over them, key by key.
    ///
    /// # Errors
    /// All errors in the operator's file.
    pub fn with_values(&self, text: &str) -> Result<Values, ValuesErrors> {
        self.defaults()?.merged(text, &self.placeholders())
    }

    /// Renders all files.
    ///
    /// # Errors
    /// The first template or result that is not valid, which would be a bug.
    pub fn render(&self, values: &Values) -> Result<Vec<RenderedFile>, RenderError> {
        let phrases = Phrases::parse(self.phrases).map_err(|problem| RenderError::Template {
            file: PHRASES.to_owned(),
            problem,
        })?;
        let (mut files, mut groups) = (Vec::new(), Vec::new());
        for (path, template) in self.rules {
            let text = rule_file(path, &expanded(path, template, &phrases)?, values)?;
            let read: RuleFile = read_back(path, &text)?;
            groups.extend(read.groups);
            files.push(file(path, text));
        }
        let template = expanded(ALERTMANAGER, self.alertmanager, &phrases)?;
        let text = filled(ALERTMANAGER, &template, None, values)?;
        let _: serde::de::IgnoredAny = read_back(ALERTMANAGER, &text)?;
        files.push(file(ALERTMANAGER, text));
        let text = prometheus_rule(&groups).map_err(|error| invalid(PROMETHEUS_RULE, error))?;
        files.push(file(PROMETHEUS_RULE, text));
        Ok(files)
    }

    /// The placeholders of each alert. A malformed one has no name; rendering reports it.
    pub(super) fn placeholders(&self) -> Placeholders {
        let mut placeholders = Placeholders::new();
        let Ok(phrases) = Phrases::parse(self.phrases) else {
            return placeholders;
        };
        for (path, template) in self.rules {
            let template = expanded(path, template, &phrases).unwrap_or_default();
            for (alert, text) in RulesTemplate::new(&template).alerts() {
                let names = names(text).unwrap_or_default();
                let names = names.into_iter().map(str::to_owned).collect();
                placeholders.insert(alert.to_owned(), names);
            }
        }
        placeholders
    }
}

/// A template with its phrases, and with its functions as PromQL.
fn expanded(path: &str, template: &str, phrases: &Phrases) -> Result<String, RenderError> {
    functions::expand(template)
        .and_then(|template| phrases.expand(&template))
        .map_err(|problem| RenderError::Template {
            file: path.to_owned(),
            problem,
        })
}

fn file(path: &str, text: String) -> RenderedFile {
    let path = path.to_owned();
    RenderedFile { path, text }
}

fn rule_file(path: &str, template: &str, values: &Values) -> Result<String, RenderError> {
    let template = RulesTemplate::new(template);
    let pieces = template.pieces(|alert| values.is_enabled(alert));
    let rendered = pieces
        .iter()
        .map(|piece| filled(path, piece.text, piece.alert, values));
    rendered.collect()
}

fn filled(
    path: &str,
    text: &str,
    alert: Option<&str>,
    values: &Values,
) -> Result<String, RenderError> {
    fill(text, |name| values.get(alert, name)).map_err(|problem| RenderError::Template {
        file: path.to_owned(),
        problem: match alert {
            Some(alert) => format!("{alert}: {problem}"),
            None => problem,
        },
    })
}

/// Parses a rendered text, to check that no value has made it invalid.
fn read_back<'a, T: serde::Deserialize<'a>>(path: &str, text: &'a str) -> Result<T, RenderError> {
    serde_saphyr::from_str(text).map_err(|error| invalid(path, error.to_string()))
}

fn invalid(path: &str, problem: String) -> RenderError {
    let file = path.to_owned();
    RenderError::Result { file, problem }
}
