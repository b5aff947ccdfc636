//! `store`: location and retention of state and history.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::error::{ConfigErrors, quoted};
use super::file::File;
use super::flags::Flags;
use super::kind::{Durations, NumberKind, Parsed, SettingKind, presence};
use super::postgres_url;
use super::secret;
use super::secret_kind::SecretKind;
use super::section::settings;
use super::setting::Setting;
use super::walker::Walker;
use crate::domain::{PostgresUrl, SslMode};

const DAY: Duration = Duration::from_secs(86_400);

/// From one day, the shortest useful timeline, to ten years.
const RETENTIONS: RangeInclusive<Duration> = DAY..=Duration::from_secs(3_653 * 86_400);

const SCHEME: &str = "sqlite:";

const MEMORY: &str = ":memory:";

/// Readers use few connections, and PostgreSQL has a process for each.
const CONNECTIONS: RangeInclusive<u32> = 1..=100;

/// PostgreSQL cuts longer names off.
const MAX_NAME_BYTES: usize = 63;

const SCHEMA: Parsed<String> = Parsed {
    value_name: "NAME",
    parse: parse_schema,
};

/// Location of state and history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite::memory:`
    Memory,
    /// `sqlite:` and a path.
    File(PathBuf),
    /// `postgres://` or `postgresql://`.
    Server(Box<PostgresUrl>),
}

impl StoreUrl {
    /// Parses `sqlite:path`, `sqlite:///path`, `sqlite::memory:` or `postgres://user@host/database`.
    ///
    /// # Errors
    /// The end of a sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if postgres_url::is_postgres(text) {
            return postgres_url::parse(text).map(|url| Self::Server(Box::new(url)));
        }
        let path = text.strip_prefix(SCHEME).ok_or_else(|| {
            let text = quoted(text);
            format!(
                "{text} is not a supported store; give `sqlite:` and a file's path, or postgres://user@host/database"
            )
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
            // Without its password.
            Self::Server(url) => url.fmt(out),
        }
    }
}

settings! {
    /// Store of state and history.
    #[derive(Clone, Debug, PartialEq, Eq)]
    StoreConfig "store" {
        /// Store of state and history: `sqlite:` and a file's path, `postgres://user@host/database` for several replicas, or
        /// `sqlite::memory:`, which is lost when the process exits; a relative path starts at the working directory.
        url: StoreUrl = "sqlite:data/whatsapp-business-exporter.db", StoreUrls, common, for_store;

        /// File with the password of PostgreSQL, which is read for each connection, so that it can be replaced while the
        /// exporter runs.
        password_file: Option<PasswordFile>, PasswordFiles, for_store;

        /// PostgreSQL schema of the exporter's tables; created if it does not exist.
        schema: String = "whatsapp_exporter", SCHEMA, for_store;

        /// Maximum number of PostgreSQL connections for reading; writing has its own.
        max_connections: u32 = "4", NumberKind(CONNECTIONS), for_store;

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
        let store = Self::read_rows(walker);
        let StoreUrl::Server(url) = &store.url else {
            return store;
        };
        let place = walker.place(&Self::url().setting);
        if url.password.is_some() && Self::url().setting.flag == Some(place.as_str()) {
            let message = "contains a password, which every user of this machine can read in the list of processes; use \
                           store.password_file";
            walker.warn(&place, message);
        }
        if url.password.is_some() && store.password_file.is_some() {
            let place = walker.place(&Self::password_file().setting);
            let message = "conflicts with the password in store.url; remove one of them";
            walker.error(place, message);
        }
        if url.ssl_mode == Some(SslMode::VerifyCa) {
            let message = "has sslmode=verify-ca, which also accepts a certificate of the system's CAs for any name; \
                           use sslmode=verify-full if the server's certificate contains its name";
            walker.warn(place, message);
        }
        store
    }
}

/// The kind of [`StoreUrl`].
struct StoreUrls;

impl SettingKind for StoreUrls {
    type Value = StoreUrl;

    fn value_name(&self) -> &'static str {
        "URL"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> StoreUrl {
        walker.value(setting, StoreUrl::parse)
    }

    fn show(&self, value: &StoreUrl) -> String {
        value.to_string()
    }

    /// Compares the password too, which the text omits.
    fn is_same(&self, one: &StoreUrl, other: &StoreUrl) -> bool {
        one == other
    }
}

/// Path of a file with a password. `Debug` does not show it, because it may be a password that was set by mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordFile(pub PathBuf);

impl fmt::Debug for PasswordFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordFile")
    }
}

/// A file with a password. It is read once to report its mistakes; the store reads it again for each connection.
struct PasswordFiles;

impl SettingKind for PasswordFiles {
    type Value = Option<PasswordFile>;

    fn value_name(&self) -> &'static str {
        "PATH"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<PasswordFile> {
        let given = walker.given(setting)?;
        let path = walker.path(&given);
        match secret::from_file(SecretKind::Phrase, &path, walker.environment()) {
            Ok(_) => Some(PasswordFile(path)),
            Err(message) => {
                walker.error(given.place, message);
                None
            }
        }
    }

    fn show(&self, value: &Option<PasswordFile>) -> String {
        presence(value.as_ref())
    }

    fn is_same(&self, one: &Option<PasswordFile>, other: &Option<PasswordFile>) -> bool {
        one == other
    }
}

/// A name that needs no quotation marks in SQL. Other text is not repeated, because it may be a secret.
fn parse_schema(text: &str) -> Result<String, String> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_name = text.len() <= MAX_NAME_BYTES
        && text.bytes().next().is_some_and(is_letter)
        && text
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if !is_name || text.starts_with("pg_") {
        let message = "is not a name of a schema; write it like whatsapp_exporter, in lower case and not beginning with pg_";
        return Err(message.to_owned());
    }
    Ok(text.to_owned())
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
        let server = StoreUrl::parse("postgres://me:secret@db/a").expect("a server");
        assert_eq!(server.to_string(), "postgres://me@db:5432/a");
        for bad in [
            "",
            "a.db",
            "postgres:db/a",
            "mysql://db/a",
            "sqlite:",
            "sqlite://",
        ] {
            assert!(StoreUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_schema_needs_no_quotation_marks() {
        for good in ["public", "_a1"] {
            assert_eq!(parse_schema(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(64);
        for bad in ["", "Public", "1a", "a-b", "a\"b", "pg_a", "ä", &long] {
            assert!(parse_schema(bad).is_err(), "{bad:?}");
        }
    }
}
