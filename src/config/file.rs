//! Finds and reads the YAML file of the configuration.

use std::path::{Path, PathBuf};

use super::environment::{Environment, read_text, read_variable};
use super::error::{ConfigErrors, shown_yaml_error};
use super::flags::Flags;
use super::setting::Setting;
use crate::yaml::{self, Node};

/// Maximum size of a configuration file. A thousand accounts take some 30 KiB; a larger file is probably a log or a
/// disk image that was set by mistake.
const MAX_FILE_BYTES: usize = 1024 * 1024;

const FLAG: &str = "--config.file";
const VARIABLE: &str = "WHATSAPP_EXPORTER_CONFIG_FILE";

/// The file that contains all keys; it has no key of its own.
pub(super) const CONFIG_FILE: Setting =
    Setting::flag_only(FLAG, "Path to the YAML configuration file")
        .variable(VARIABLE)
        .value_name("PATH")
        .common();

/// A configuration file, or none.
pub(super) struct File {
    /// Its path, if one is configured.
    pub(super) path: Option<PathBuf>,
    /// Its content: an empty map if no file is configured, `None` if it is invalid.
    pub(super) tree: Option<Node>,
}

impl File {
    /// No file, and therefore no keys.
    pub(super) fn none() -> Self {
        Self::from_tree(Node::Map(Vec::new()))
    }

    /// A tree without a folder that its paths are relative to.
    pub(super) fn from_tree(tree: Node) -> Self {
        Self {
            path: None,
            tree: Some(tree),
        }
    }

    /// Reads the file that the flag or the variable names.
    pub(super) fn read(
        flags: &Flags,
        environment: &dyn Environment,
        errors: &mut ConfigErrors,
    ) -> Self {
        // The flag's path is repeated in errors. The variable's is not, because it may be a secret that was meant for
        // another variable.
        let (place, subject, path) = if let Some(path) = flags.config_file() {
            (FLAG, path.display().to_string(), path.to_owned())
        } else {
            match read_variable(environment, VARIABLE) {
                None => return Self::none(),
                Some(Ok(path)) => (VARIABLE, "the file it names".to_owned(), path.into()),
                Some(Err(message)) => {
                    errors.add(VARIABLE, message);
                    return Self {
                        path: None,
                        tree: None,
                    };
                }
            }
        };
        let tree = read_tree(environment, &path)
            .map_err(|problem| errors.add(place, format!("{subject}{problem}")))
            .ok();
        Self {
            path: Some(path),
            tree,
        }
    }
}

/// The tree, or an error message that continues the file's name.
fn read_tree(environment: &dyn Environment, path: &Path) -> Result<Node, String> {
    let text =
        read_text(environment, path, MAX_FILE_BYTES).map_err(|problem| format!(" {problem}"))?;
    match yaml::parse(&text).map_err(|error| format!(", {}", shown_yaml_error(&error)))? {
        Node::Empty => Ok(Node::Map(Vec::new())),
        map @ Node::Map(_) => Ok(map),
        Node::Text(_) | Node::List(_) => {
            Err(": the top level must hold keys, such as `web:` and `apps:`".to_owned())
        }
    }
}
