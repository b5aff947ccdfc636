//! The alerts as a configurable set: templates and values in, files for Prometheus and Alertmanager out.
//!
//! The templates in `alerts/templates/` are the rule files with their comments, and with placeholders such as `${for}`.
//! `alerts/values.yaml` has the value of each placeholder; an operator's file is merged over it. `alerts/` contains the
//! result, and the subcommand `alerts` writes it.
//!
//! Texts that many templates share, such as how a notification names a phone number, are placeholders as well:
//! `alerts/templates/phrases.yaml` has them. Expressions use the functions `recent` and `growth`, which this module writes as
//! PromQL.
//!
//! Rendering replaces placeholders in the text, and no template engine is used:
//!
//! - Comments survive, because the text is never parsed and written again.
//! - The rules need only placeholders. The `{{ }}` of Prometheus and Alertmanager stay as they are; an engine with
//!   the same delimiters would need each of them escaped.
//! - The result is plain YAML, which Kustomize and the Helm chart take as it is.
//!
//! Pure: files are read and written by `cli`.

mod error;
mod functions;
mod kind;
mod kubernetes;
mod matchers;
mod phrases;
mod placeholder;
mod render;
mod rules;
mod scalar;
mod template;
#[cfg(test)]
mod tests;
mod values;

pub use error::{RenderError, ValuesError, ValuesErrors};
pub use render::{AlertSet, RenderedFile};
pub use rules::{Group, Rule, RuleFile};
pub use values::Values;
