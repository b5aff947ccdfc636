//! The options of a PostgreSQL store, and those of sqlx for each of its hosts.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::PostgresError;
use crate::domain::{PostgresHost, PostgresUrl, SslMode};

/// Maximum size of a file with a password.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// A host that does not answer within this time is as good as gone: webhooks wait meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where and how the store's tables are reached. `Debug` shows no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Hosts, role, database and TLS.
    pub url: PostgresUrl,
    /// File with the password, read for each connection.
    pub password_file: Option<PathBuf>,
    /// Schema of the tables: lower-case letters, digits and `_`, so it needs no quotation marks.
    pub schema: String,
    /// Maximum connections of a pool of readers.
    pub max_connections: u32,
}

impl fmt::Display for PostgresOptions {
    /// Hosts and database, for errors and logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = PostgresUrl {
            hosts: self.url.hosts.clone(),
            database: self.url.database.clone(),
            ..PostgresUrl::default()
        };
        short.fmt(out)
    }
}

impl PostgresOptions {
    pub(super) fn connect_timeout(&self) -> Duration {
        self.url.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
    }

    /// sqlx's options for each host, in order. Without hosts, those of `PGHOST` or of a local server.
    ///
    /// # Errors
    /// If a file that the options name cannot be read.
    pub(super) async fn for_each_host(&self) -> Result<Vec<PgConnectOptions>, PostgresError> {
        self.check_files().await?;
        let password = self.password().await?;
        let options = |host| self.for_host(host, password.as_ref());
        Ok(match self.url.hosts.as_slice() {
            [] => vec![options(None)],
            hosts => hosts.iter().map(|host| options(Some(host))).collect(),
        })
    }

    /// The password of the file or the URL. `None` leaves it to `PGPASSWORD` and the file of `PGPASSFILE`.
    async fn password(&self) -> Result<Option<SecretString>, PostgresError> {
        let Some(path) = &self.password_file else {
            let password = self.url.password.as_ref();
            return Ok(password.map(|password| password.0.clone()));
        };
        // The path is not shown, because it may be a password that was set by mistake.
        let text = read(path).await.map_err(|error| {
            let message = format!(
                "store.password_file: the file it names cannot be read ({error}); check its path and permissions"
            );
            PostgresError::operator(message)
        })?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            let message =
                "store.password_file: the file it names is empty; write the password to it";
            return Err(PostgresError::operator(message));
        }
        Ok(Some(SecretString::from(text)))
    }

    /// Checks the files of TLS, because the error of sqlx does not say which one cannot be read.
    async fn check_files(&self) -> Result<(), PostgresError> {
        let url = &self.url;
        let files = [
            ("sslrootcert", &url.ssl_root_cert),
            ("sslcert", &url.ssl_cert),
            ("sslkey", &url.ssl_key),
        ];
        for (name, path) in files {
            let Some(path) = path else { continue };
            File::open(path).await.map_err(|error| {
                let path = path.display();
                let message = format!(
                    "store.url: {name} {path} cannot be read ({error}); check its path and permissions"
                );
                PostgresError::operator(message)
            })?;
        }
        Ok(())
    }

    fn for_host(
        &self,
        host: Option<&PostgresHost>,
        password: Option<&SecretString>,
    ) -> PgConnectOptions {
        let url = &self.url;
        let mut options = match password {
            Some(password) => {
                PgConnectOptions::new_without_pgpass().password(password.expose_secret())
            }
            None => from_environment(url, host),
        };
        if let Some(host) = host {
            options = options.host(&host.name).port(host.port);
        }
        if let Some(user) = &url.user {
            options = options.username(user);
        }
        if let Some(database) = &url.database {
            options = options.database(database);
        }
        if host.is_some_and(PostgresHost::is_socket) {
            // As in libpq: PostgreSQL has no TLS on Unix sockets.
            options = options.ssl_mode(PgSslMode::Disable);
        } else if let Some(mode) = url.ssl_mode {
            options = options.ssl_mode(sqlx_mode(mode, url.ssl_root_cert.is_some()));
        }
        if let Some(path) = &url.ssl_root_cert {
            options = options.ssl_root_cert(path);
        }
        if let (Some(certificate), Some(key)) = (&url.ssl_cert, &url.ssl_key) {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        // No other parameters at the start, because poolers refuse unknown ones: the session sets them.
        options.extra_float_digits(None).disable_statement_logging()
    }
}

/// The options of the environment, with the password of `PGPASSWORD` or of the line in `PGPASSFILE` for this host.
/// sqlx looks for that line only when it parses a URL.
fn from_environment(url: &PostgresUrl, host: Option<&PostgresHost>) -> PgConnectOptions {
    let encoded = |text: &str| -> String {
        let bytes = text.bytes();
        bytes.map(|byte| format!("%{byte:02X}")).collect()
    };
    let host = host.map(|host| match host.is_socket() {
        // A URL cannot contain a port without a host, and the file names sockets so.
        true => format!("localhost:{}", host.port),
        false => host.to_string(),
    });
    let database = url.database.as_deref().map(encoded);
    // Not before an @, because a URL cannot contain a user without a host either.
    let user = url
        .user
        .as_deref()
        .map(|user| format!("?user={}", encoded(user)));
    let [host, database, user] = [host, database, user].map(Option::unwrap_or_default);
    let text = format!("postgres://{host}/{database}{user}");
    // A host that no URL accepts gets its error when it is resolved.
    text.parse()
        .unwrap_or_else(|_| PgConnectOptions::new_without_pgpass())
}

fn sqlx_mode(mode: SslMode, has_root: bool) -> PgSslMode {
    match mode {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow => PgSslMode::Allow,
        SslMode::Prefer => PgSslMode::Prefer,
        // As in libpq.
        SslMode::Require if has_root => PgSslMode::VerifyCa,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

async fn read(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path).await?;
    file.take(MAX_PASSWORD_BYTES)
        .read_to_string(&mut text)
        .await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: PostgresUrl) -> PostgresOptions {
        PostgresOptions {
            url,
            password_file: None,
            schema: "public".to_owned(),
            max_connections: 4,
        }
    }

    fn host(name: &str, port: u16) -> PostgresHost {
        PostgresHost {
            name: name.to_owned(),
            port,
        }
    }

    #[tokio::test]
    async fn each_host_has_options_in_order() {
        let url = PostgresUrl {
            user: Some("m e".to_owned()),
            hosts: vec![host("a", 1), host("/run/pg", 2), host("::1", 3)],
            database: Some("d/b".to_owned()),
            ..PostgresUrl::default()
        };
        let all = options(url).for_each_host().await.expect("no files");
        let found: Vec<_> = all
            .iter()
            .map(|one| {
                (
                    one.get_host(),
                    one.get_port(),
                    one.get_username(),
                    one.get_database(),
                )
            })
            .collect();
        let expected = [("a", 1), ("/run/pg", 2), ("::1", 3)];
        let expected = expected.map(|(host, port)| (host, port, "m e", Some("d/b")));
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = folder.path().join("ca.pem");
        let url = PostgresUrl {
            ssl_root_cert: Some(missing.clone()),
            ..PostgresUrl::default()
        };
        let error = options(url).for_each_host().await.expect_err("no file");
        assert!(error.to_string().contains("sslrootcert"), "{error}");
        let mut options = options(PostgresUrl::default());
        options.password_file = Some(missing.clone());
        let error = options.for_each_host().await.expect_err("no file");
        assert!(
            error.to_string().starts_with("store.password_file: "),
            "{error}"
        );
        std::fs::write(&missing, "\n").expect("room");
        let error = options.for_each_host().await.expect_err("no password");
        assert!(error.to_string().contains("is empty"), "{error}");
    }
}
