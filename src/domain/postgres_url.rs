//! The parts of a PostgreSQL URL.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// PostgreSQL's own port.
pub const POSTGRES_PORT: u16 = 5432;

/// How the connection is encrypted and the server is verified: libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Without TLS.
    Disable,
    /// Without TLS, or with it if the server requires it.
    Allow,
    /// With TLS if the server supports it. Gives no protection against an attacker who can change the traffic.
    Prefer,
    /// With TLS. The certificate is verified only if `sslrootcert` is set, as in libpq.
    Require,
    /// With TLS and a certificate of a trusted CA, for any name.
    VerifyCa,
    /// With TLS and a certificate of a trusted CA for the host's name.
    VerifyFull,
}

impl SslMode {
    /// Every mode with its word.
    pub const ALL: [(&'static str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// The word in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let word = Self::ALL.iter().find(|(_, mode)| *mode == self);
        word.map(|(word, _)| *word).unwrap_or_default()
    }
}

/// A host of the server, or the folder of its Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresHost {
    /// A name, an IP address without brackets, or an absolute path.
    pub name: String,
    /// The port, which is also part of a socket's file name.
    pub port: u16,
}

impl PostgresHost {
    /// Whether the name is the folder of a Unix socket.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl fmt::Display for PostgresHost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(out, "[{}]:{}", self.name, self.port)
        } else {
            write!(out, "{}:{}", self.name, self.port)
        }
    }
}

/// A password that is never printed, and can be compared.
#[derive(Clone, Debug)]
pub struct PostgresPassword(pub SecretString);

impl PartialEq for PostgresPassword {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for PostgresPassword {}

/// A URL of a PostgreSQL database. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The role. `None` is `PGUSER`, or the user of the process.
    pub user: Option<String>,
    /// The password, if the URL contains one.
    pub password: Option<PostgresPassword>,
    /// The hosts, in the order in which they are tried. Empty is `PGHOST`, or a local server.
    pub hosts: Vec<PostgresHost>,
    /// The database. `None` is `PGDATABASE`, or the name of the role.
    pub database: Option<String>,
    /// `sslmode`. `None` is `PGSSLMODE`, or `prefer`.
    pub ssl_mode: Option<SslMode>,
    /// `sslrootcert`: certificates of CAs, as PEM.
    pub ssl_root_cert: Option<PathBuf>,
    /// `sslcert`: the client's certificate, as PEM.
    pub ssl_cert: Option<PathBuf>,
    /// `sslkey`: the key of the client's certificate, as PEM.
    pub ssl_key: Option<PathBuf>,
    /// `application_name`, as PostgreSQL shows it in `pg_stat_activity`.
    pub application_name: Option<String>,
    /// `connect_timeout`: maximum duration of an attempt to connect to one host.
    pub connect_timeout: Option<Duration>,
}

impl fmt::Display for PostgresUrl {
    /// For display: omits the password, and percent-encodes nothing.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(out, "{user}@")?;
        }
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{host}")?;
        }
        write!(out, "/{}", self.database.as_deref().unwrap_or_default())?;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let timeout = self.connect_timeout.map(|timeout| timeout.as_secs());
        let parameters = [
            (
                "sslmode",
                self.ssl_mode.map(|mode| mode.as_str().to_owned()),
            ),
            ("sslrootcert", path(&self.ssl_root_cert)),
            ("sslcert", path(&self.ssl_cert)),
            ("sslkey", path(&self.ssl_key)),
            ("application_name", self.application_name.clone()),
            (
                "connect_timeout",
                timeout.map(|timeout| timeout.to_string()),
            ),
        ];
        let given = parameters.into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        for (index, (name, value)) in given.enumerate() {
            let sign = if index > 0 { '&' } else { '?' };
            write!(out, "{sign}{name}={value}")?;
        }
        Ok(())
    }
}
