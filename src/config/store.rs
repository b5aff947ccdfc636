//! `store`: where state and history are stored, and for how long.

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

/// A day is the least that a timeline is worth drawing for; ten years are more than Meta has had
/// quality ratings.
const RETENTIONS: RangeInclusive<Duration> = DAY..=Duration::from_secs(3_653 * 86_400);

const SCHEME: &str = "sqlite:";

const MEMORY: &str = ":memory:";

const URL: Parsed<StoreUrl> = Parsed {
    value_name: "URL",
    parse: StoreUrl::parse,
};

/// Where state and history are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite::memory:`
    Memory,
    /// `sqlite:` and a path.
    File(PathBuf),
}

impl StoreUrl {
    /// Reads `sqlite:path`, `sqlite:///path` or `sqlite::memory:`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix(SCHEME).ok_or_else(|| {
            let text = quoted(text);
            format!("{text} is no place this version can write to; give sqlite: and a file's path")
        })?;
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => Err(format!("{} lacks the file's path", quoted(text))),
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
        /// Where state and history are stored: `sqlite:` and a file's path, or `sqlite::memory:` to lose them with the
        /// process; a relative path starts at the working directory.
        url: StoreUrl = "sqlite:data/whatsapp-business-exporter.db", URL, common, of_store;

        /// How long the history of ratings, statuses and limits is kept.
        history_retention: Duration = "400d", Durations(RETENTIONS), of_store;
    }
}

impl StoreConfig {
    /// What the flags and the environment say: for a subcommand that needs no other configuration.
    ///
    /// # Errors
    /// Everything that is wrong with them.
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
