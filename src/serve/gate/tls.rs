//! A listener's TLS, from its settings to the rustls configuration.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use secrecy::{ExposeSecret, SecretString};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client_certificate::{ClientCertificates, ClientVerifier};
use super::tls_error::TlsError;
use crate::domain::Timestamp;

/// The enabled TLS versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// Only TLS 1.2.
    Only12,
    /// 1.2 and 1.3.
    Both,
    /// Only TLS 1.3.
    Only13,
}

/// The TLS settings of a listener, as configured. `Debug` does not show the key.
#[derive(Clone)]
pub struct TlsTerms {
    /// Certificate chain as PEM, the server's own certificate first.
    pub certificates: String,
    /// Private key as PEM.
    pub key: SecretString,
    /// `None` if no client certificates are requested.
    pub clients: Option<ClientCertificates>,
    /// The enabled TLS versions.
    pub versions: TlsVersions,
    /// TLS 1.2 cipher suites by their IANA names. If empty, all are allowed.
    pub cipher_suites: Vec<String>,
    /// Curves by Go's names, best first. If empty, all are allowed.
    pub curves: Vec<String>,
    /// Whether the server chooses the cipher suite.
    pub prefer_own_suites: bool,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

impl fmt::Debug for TlsTerms {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("TlsTerms");
        out.field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// The supported curves by Go's names, best first.
const CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", ring::kx_group::X25519),
    ("CurveP256", ring::kx_group::SECP256R1),
    ("CurveP384", ring::kx_group::SECP384R1),
];

/// Builds the rustls configuration of a listener.
pub(super) fn server_config(terms: &TlsTerms) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: suites(&terms.cipher_suites)?,
        kx_groups: curves(&terms.curves)?,
        ..ring::default_provider()
    });
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_protocol_versions(&versions(terms.versions))
        .map_err(TlsError::Nothing)?;
    let builder = match &terms.clients {
        None => builder.with_no_client_auth(),
        Some(asked) => {
            let verifier = ClientVerifier::new(asked.clone(), provider)?;
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(terms.key.expose_secret().as_bytes());
    let key = key.map_err(|_| TlsError::Key)?;
    let config = builder.with_single_cert(certificates(terms)?, key);
    let mut config = config.map_err(TlsError::Pair)?;
    config.ignore_client_order = terms.prefer_own_suites;
    config.alpn_protocols = if terms.http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    Ok(config)
}

/// When the server's own certificate expires.
pub(super) fn expires_at(terms: &TlsTerms) -> Result<Timestamp, TlsError> {
    let chain = certificates(terms)?;
    let own = chain.first().ok_or(TlsError::Certificate)?;
    let (_, own) = X509Certificate::from_der(own).map_err(|_| TlsError::Certificate)?;
    Ok(Timestamp::from_seconds(
        own.validity().not_after.timestamp(),
    ))
}

fn certificates(terms: &TlsTerms) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(terms.certificates.as_bytes()).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(TlsError::Certificate),
    }
}

fn versions(versions: TlsVersions) -> Vec<&'static SupportedProtocolVersion> {
    match versions {
        TlsVersions::Only12 => vec![&version::TLS12],
        TlsVersions::Both => vec![&version::TLS13, &version::TLS12],
        TlsVersions::Only13 => vec![&version::TLS13],
    }
}

/// The cipher suites to offer. Those of TLS 1.3 are always offered, as in Go.
fn suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let all = ring::ALL_CIPHER_SUITES;
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let is_new = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    let mut suites: Vec<_> = all.iter().copied().filter(is_new).collect();
    for name in names {
        let found = all.iter().find(|suite| go_name(suite) == *name);
        let Some(suite) = found else {
            let known: Vec<_> = all.iter().map(go_name).collect();
            return Err(TlsError::Suite(name.clone(), known.join(", ")));
        };
        if !suites.contains(suite) {
            suites.push(*suite);
        }
    }
    Ok(suites)
}

/// Go's name of a cipher suite: Go calls those of TLS 1.3 `TLS_…`, rustls `TLS13_…`.
fn go_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

fn curves(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    if names.is_empty() {
        return Ok(CURVES.iter().map(|(_, group)| *group).collect());
    }
    let curve = |name: &String| {
        let found = CURVES.iter().find(|(known, _)| known == name);
        found.map(|(_, group)| *group).ok_or_else(|| {
            let known = CURVES.map(|(known, _)| known).join(", ");
            TlsError::Curve(name.clone(), known)
        })
    };
    names.iter().map(curve).collect()
}
