//! `store`: where what is known is kept, and for how long.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::error::quoted;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;

const DAY: Duration = Duration::from_secs(86_400);

/// A day is the least that a timeline is worth drawing for; ten years are more than Meta has had
/// quality ratings.
const RETENTIONS: RangeInclusive<Duration> = DAY..=Duration::from_secs(3_653 * 86_400);

const SCHEME: &str = "sqlite:";

const MEMORY: &str = ":memory:";

const URL: Scalar<StoreUrl> = Scalar {
    setting: Setting::new(
        "store.url",
        "Where state and history are kept: sqlite: and a file's path, or sqlite::memory: to lose them with the process",
    )
    .flag("--store.url")
    .default("sqlite:data/whatsapp-business-exporter.db"),
    parse: StoreUrl::parse,
};

const HISTORY_RETENTION: Scalar<Duration> = Scalar {
    setting: Setting::new(
        "store.history_retention",
        "How long the history of ratings, statuses and limits is kept",
    )
    .default("400d"),
    parse: |text| value::duration(text, &RETENTIONS),
};

/// Where what is known is kept.
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

/// Where what is known is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// `store.url`, `--store.url`; default `sqlite:data/whatsapp-business-exporter.db`, by the working
    /// directory.
    pub url: StoreUrl,
    /// `store.history_retention`; a day to ten years, default 400 days.
    pub history_retention: Duration,
}

impl StoreConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            url: walker.scalar(&URL),
            history_retention: walker.scalar(&HISTORY_RETENTION),
        }
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
