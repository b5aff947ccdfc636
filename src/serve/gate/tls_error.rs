//! Why a TLS configuration cannot be used.

/// Why TLS cannot be had on these terms, in the words of the file's keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in the text.
    #[error("cert_file contains no readable certificate; give PEM, the server's certificate first")]
    Certificate,
    /// No key in the text.
    #[error("key_file contains no readable private key; give unencrypted PEM")]
    Key,
    /// The two are not a pair, or the key is of a kind that is not known.
    #[error("cert_file and key_file cannot be used together: {0}")]
    Pair(rustls::Error),
    /// No certificate in the text.
    #[error("client_ca_file contains no readable certificate; give PEM")]
    Authority,
    /// A suite that is not offered.
    #[error("cipher_suites: {0:.40} is not supported; choose from {1}")]
    Suite(String, String),
    /// A curve that is not offered.
    #[error("curve_preferences: {0:.40} is not supported; choose from {1}")]
    Curve(String, String),
    /// Nothing to encrypt with is left.
    #[error("min_version, max_version and cipher_suites leave no usable cipher suite: {0}")]
    Nothing(rustls::Error),
}
