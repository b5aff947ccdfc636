//! The flags of settings, as text. The settings declare which flags exist; the command line parses them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The flags that were given. No secret is a flag, because every user of a machine can read its processes' arguments.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    config_file: Option<PathBuf>,
    values: BTreeMap<&'static str, String>,
}

impl Flags {
    /// Sets `--config.file`, if it was given.
    #[must_use]
    pub fn with_config_file(mut self, path: Option<PathBuf>) -> Self {
        self.config_file = path;
        self
    }

    /// Sets the flag `name` (`--log.level`), if it was given.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.values.extend(value.map(|value| (name, value)));
        self
    }

    /// The configuration file. `None` if the flag was not given.
    #[must_use]
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// The value of the flag `name` (`--log.level`). `None` if it was not given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}
