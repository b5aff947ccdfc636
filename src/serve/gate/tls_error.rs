//! Why a TLS configuration cannot be used.

/// Why the TLS settings cannot be used, in terms of the file's keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate in the text.
    #[error("cert_file contains no readable certificate; give PEM, the server's certificate first")]
    Certificate,
    /// There is no key in the text.
    #[error("key_file contains no readable private key; give unencrypted PEM")]
    Key,
    /// The certificate and the key do not match, or the kind of key is not supported.
    #[error("cert_file and key_file cannot be used together: {0}")]
    Pair(rustls::Error),
    /// There is no CA certificate in the text.
    #[error("client_ca_file contains no readable certificate; give PEM")]
    Authority,
    /// The cipher suite is not supported.
    #[error("cipher_suites: {0:.40} is not supported; choose from {1}")]
    Suite(String, String),
    /// The curve is not supported.
    #[error("curve_preferences: {0:.40} is not supported; choose from {1}")]
    Curve(String, String),
    /// No cipher suite or curve is left.
    #[error("min_version, max_version and cipher_suites leave no usable cipher suite: {0}")]
    Nothing(rustls::Error),
}
