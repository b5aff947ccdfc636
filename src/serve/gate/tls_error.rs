//! Why a TLS configuration cannot be used.

/// Why TLS cannot be had on these terms, in the words of the file's keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in the text.
    #[error("cert_file holds no certificate that can be read; give PEM, the server's own first")]
    Certificate,
    /// No key in the text.
    #[error("key_file holds no private key that can be read; give unencrypted PEM")]
    Key,
    /// The two are not a pair, or the key is of a kind that is not known.
    #[error("cert_file and key_file cannot serve together: {0}")]
    Pair(rustls::Error),
    /// No certificate in the text.
    #[error("client_ca_file holds no certificate that can be read; give PEM")]
    Authority,
    /// A suite that is not offered.
    #[error("cipher_suites: {0:.40} is not offered here; give some of {1}")]
    Suite(String, String),
    /// A curve that is not offered.
    #[error("curve_preferences: {0:.40} is not offered here; give some of {1}")]
    Curve(String, String),
    /// Nothing to encrypt with is left.
    #[error("versions and cipher_suites leave nothing to encrypt with: {0}")]
    Nothing(rustls::Error),
}
