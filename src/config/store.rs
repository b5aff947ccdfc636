//! `store`: location and retention of state and history.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::error::{ConfigErrors, quoted};
use super::file::File;
use super::flags::Flags;
use super::kind::{Durations, Parsed};
use super::section::settings;
use super::walker::Walker;

const DAY: Duration = Duration::from_secs(86_400);

/// From one day, the shortest useful timeline, to ten years.
const RETENTIONS: RangeInclusive<Duration> = DAY..=Duration::from_secs(3_653 * 86_400);

const SCHEME: &str = "sqlite:";

const MEMORY: &str = ":memory:";

const URL: Parsed<StoreUrl> = Parsed {
    value_name: "URL",
    parse: StoreUrl::parse,
};

/// Location of state and history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite::memory:`
    Memory,
    /// `sqlite:` and a path.
    File(PathBuf),
}

impl StoreUrl {
    /// Parses `sqlite:path`, `sqlite:///path` or `sqlite::memory:`.
    ///
    /// # Errors
    /// The end of a sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix(SCHEME).ok_or_else(|| {
            let text = quoted(text);
            format!("{text} is not a supported store; give `sqlite:` and a file's path")
        })?;
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => Err(format!(
                "{} has no path; write it like sqlite:data/exporter.db",
                quoted(text)
            )),
            MEMORY => Ok(Self::Memory),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => write!(out, "{SCHEME}{MEMORY}"),
            Self::File(path) => write!(out, "{SCHEME}{}", path.display()),
        }
    }
}

settings! {
    /// Store of state and history.
    #[derive(Clone, Debug, PartialEq, Eq)]
    StoreConfig "store" {
        /// Store of state and history: `sqlite:` and a file's path, or `sqlite::memory:`, which is lost when the process
        /// exits; a relative path starts at the working directory.
        url: StoreUrl = "sqlite:data/whatsapp-business-exporter.db", URL, common, for_store;

        /// Retention of the history of ratings, statuses and limits.
        history_retention: Duration = "400d", Durations(RETENTIONS), for_store;
    }
}

impl StoreConfig {
    /// Reads the flags and the environment, for subcommands that need no other configuration.
    ///
    /// # Errors
    /// All errors of the section.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let file = File::none();
        let mut walker = Walker::new(flags, &file, environment, ConfigErrors::default());
        let store = Self::read(&mut walker);
        walker.finish().map(|_| store)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_memory() {
        let file = |path: &str| Ok(StoreUrl::File(path.into()));
        assert_eq!(StoreUrl::parse("sqlite:data/a.db"), file("data/a.db"));
        assert_eq!(
            StoreUrl::parse("sqlite:///var/lib/a.db"),
            file("/var/lib/a.db")
        );
        assert_eq!(StoreUrl::parse("sqlite::memory:"), Ok(StoreUrl::Memory));
        for bad in ["", "a.db", "postgres://db/a", "sqlite:", "sqlite://"] {
            assert!(StoreUrl::parse(bad).is_err(), "{bad:?}");
        }
    }
}
