//! The flags that configuration reads, as text. Which exist is said by the settings that name them;
//! how they are written on a command line is the command line's business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Flags that were given; the rest is left to the file and the defaults. No secret is ever a flag:
/// every user of a machine may read its processes' arguments.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    config_file: Option<PathBuf>,
    values: BTreeMap<&'static str, String>,
}

impl Flags {
    /// With `--config.file`, where given.
    #[must_use]
    pub fn with_config_file(mut self, path: Option<PathBuf>) -> Self {
        self.config_file = path;
        self
    }

    /// With the flag `name` (`--log.level`), where given.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.values.extend(value.map(|value| (name, value)));
        self
    }

    /// The configuration file, if one is named.
    #[must_use]
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// The value of the flag `name` (`--log.level`), if given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}
