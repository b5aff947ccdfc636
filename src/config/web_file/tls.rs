//! `tls_server_config`.

use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::super::setting::{Scalar, Setting};
use super::super::value;
use super::super::walker::Walker;
use super::{pem, texts};
use crate::yaml::Node;

const SECTION: &str = "tls_server_config";

const CERT: Setting = Setting::new(
    "tls_server_config.cert",
    "The certificate and its chain, as PEM",
);
const CERT_FILE: Setting = Setting::new(
    "tls_server_config.cert_file",
    "File of the certificate and its chain",
);
const KEY: Setting = Setting::new(
    "tls_server_config.key",
    "The certificate's private key, as PEM",
);
const KEY_FILE: Setting = Setting::new("tls_server_config.key_file", "File of the private key");
const CLIENT_CA: Setting = Setting::new(
    "tls_server_config.client_ca",
    "CA certificates that sign client certificates, as PEM",
);
const CLIENT_CA_FILE: Setting = Setting::new(
    "tls_server_config.client_ca_file",
    "File of the CA certificates that sign client certificates",
);
const ALLOWED_SANS: Setting = Setting::new(
    "tls_server_config.client_allowed_sans",
    "Subject alternative names, of which a client certificate must have one",
);
const CIPHER_SUITES: Setting = Setting::new(
    "tls_server_config.cipher_suites",
    "Cipher suites of TLS 1.2, by their IANA names",
);
const CURVES: Setting = Setting::new(
    "tls_server_config.curve_preferences",
    "Curves of the key exchange, best first",
);

const CLIENT_AUTH_TYPE: Scalar<ClientAuth> = Scalar {
    setting: Setting::new(
        "tls_server_config.client_auth_type",
        "Policy for client certificates",
    )
    .default("NoClientCert"),
    parse: |text| value::word(text, &CLIENT_AUTH_TYPES),
};

const MIN_VERSION: Scalar<TlsVersion> = Scalar {
    setting: Setting::new("tls_server_config.min_version", "Minimum TLS version").default("TLS12"),
    parse: version,
};

const MAX_VERSION: Scalar<TlsVersion> = Scalar {
    setting: Setting::new("tls_server_config.max_version", "Maximum TLS version").default("TLS13"),
    parse: version,
};

const PREFER_SERVER: Scalar<bool> = Scalar {
    setting: Setting::new(
        "tls_server_config.prefer_server_cipher_suites",
        "Whether the server chooses the cipher suite",
    )
    .default("true"),
    parse: value::boolean,
};

/// Policy for client certificates, with the names of Go's `crypto/tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is requested.
    NoClientCert,
    /// A certificate is optional and is not verified.
    RequestClientCert,
    /// A certificate is required and is not verified.
    RequireAnyClientCert,
    /// A certificate is optional; if given, the CA must have signed it.
    VerifyClientCertIfGiven,
    /// A certificate is required, and the CA must have signed it.
    RequireAndVerifyClientCert,
}

const CLIENT_AUTH_TYPES: [(&str, ClientAuth); 5] = [
    ("NoClientCert", ClientAuth::NoClientCert),
    ("RequestClientCert", ClientAuth::RequestClientCert),
    ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert),
    (
        "VerifyClientCertIfGiven",
        ClientAuth::VerifyClientCertIfGiven,
    ),
    (
        "RequireAndVerifyClientCert",
        ClientAuth::RequireAndVerifyClientCert,
    ),
];

impl ClientAuth {
    /// Whether clients without a certificate are rejected.
    #[must_use]
    pub fn is_required(self) -> bool {
        matches!(
            self,
            Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert
        )
    }

    /// Whether certificates are verified with the CA.
    #[must_use]
    pub fn is_verified(self) -> bool {
        matches!(
            self,
            Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert
        )
    }
}

/// A supported TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Parses `TLS12` or `TLS13`. Older versions have their own error.
fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "TLS10" | "TLS11" => Err(format!("{text} is not supported; give TLS12 or TLS13")),
        _ => value::word(
            text,
            &[("TLS12", TlsVersion::Tls12), ("TLS13", TlsVersion::Tls13)],
        ),
    }
}

/// The TLS settings of a listener. `Debug` does not show the key.
#[derive(Clone)]
pub struct TlsConfig {
    /// `cert` or the content of `cert_file`: PEM, the server's own certificate first.
    pub certificates: String,
    /// `key` or the content of `key_file`: PEM.
    pub key: SecretString,
    /// `client_auth_type`; the default is `NoClientCert`.
    pub client_auth: ClientAuth,
    /// `client_ca` or the content of `client_ca_file`: PEM.
    pub client_ca: Option<String>,
    /// `client_allowed_sans`; if empty, any is accepted.
    pub client_allowed_sans: Vec<String>,
    /// `min_version`; the default is TLS 1.2.
    pub min_version: TlsVersion,
    /// `max_version`; the default is TLS 1.3.
    pub max_version: TlsVersion,
    /// `cipher_suites` for TLS 1.2; if empty, all secure ones. Those of TLS 1.3 cannot be configured.
    pub cipher_suites: Vec<String>,
    /// `curve_preferences`; if empty, all supported ones.
    pub curve_preferences: Vec<String>,
    /// `prefer_server_cipher_suites`; the default is true.
    pub prefer_server_cipher_suites: bool,
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TlsConfig")
            .field("client_auth", &self.client_auth)
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .finish_non_exhaustive()
    }
}

/// Reads the section. `None`, for plain HTTP, if it is missing or invalid.
pub(super) fn read(walker: &mut Walker<'_>, folder: &Path, seen: &mut Sha256) -> Option<TlsConfig> {
    let is_there = matches!(walker.node(SECTION), Some(Node::Map(keys)) if !keys.is_empty());
    let plain = |secret: SecretString| secret.expose_secret().to_owned();
    let certificates = pem::read(walker, &CERT, &CERT_FILE, folder, seen).map(plain);
    let key = pem::read(walker, &KEY, &KEY_FILE, folder, seen);
    let client_ca = pem::read(walker, &CLIENT_CA, &CLIENT_CA_FILE, folder, seen).map(plain);
    let client_auth = walker.scalar(&CLIENT_AUTH_TYPE);
    let (min_version, max_version) = (walker.scalar(&MIN_VERSION), walker.scalar(&MAX_VERSION));
    let client_allowed_sans = texts(walker, &ALLOWED_SANS);
    let cipher_suites = texts(walker, &CIPHER_SUITES);
    let curve_preferences = texts(walker, &CURVES);
    let prefer_server_cipher_suites = walker.scalar(&PREFER_SERVER);
    if !is_there {
        return None;
    }
    for (is_missing, keys) in [
        (certificates.is_none(), [&CERT, &CERT_FILE]),
        (key.is_none(), [&KEY, &KEY_FILE]),
    ] {
        let is_reported = keys
            .iter()
            .any(|setting| setting.key.is_some_and(|key| walker.node(key).is_some()));
        if is_missing && !is_reported {
            let [place, other] = keys.map(|setting| setting.key.unwrap_or_default());
            walker.error(
                other,
                format!("is missing; name the file, or give it as {place}"),
            );
        }
    }
    if min_version > max_version {
        walker.error(
            "tls_server_config.min_version",
            "is above max_version; lower it, or raise max_version",
        );
    }
    match (client_auth.is_verified(), client_ca.is_some()) {
        (true, false) if walker.node("tls_server_config.client_ca_file").is_none() => walker.error(
            "tls_server_config.client_ca_file",
            "is missing; client_auth_type requires the CA of client certificates",
        ),
        (false, true) => walker.error(
            "tls_server_config.client_auth_type",
            "does not verify certificates with client_ca_file; give RequireAndVerifyClientCert or \
             VerifyClientCertIfGiven, or remove client_ca_file",
        ),
        _ => {}
    }
    Some(TlsConfig {
        certificates: certificates?,
        key: key?,
        client_auth,
        client_ca,
        client_allowed_sans,
        min_version,
        max_version,
        cipher_suites,
        curve_preferences,
        prefer_server_cipher_suites,
    })
}
