//! Valid files of the toolkit's format, and the errors of invalid ones.

use std::path::Path;

use super::super::FixedEnvironment;
use super::*;

const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

fn load(yaml: &str) -> Result<WebFile, String> {
    let environment = FixedEnvironment::default()
        .with_file("/etc/exporter/web.yml", yaml)
        .with_file("/etc/exporter/cert.pem", "a certificate")
        .with_file("/etc/exporter/key.pem", "EAAGkey")
        .with_file("/ca.pem", "an authority");
    let file = WebFile::load(Path::new("/etc/exporter/web.yml"), &environment);
    file.map_err(|errors| errors.to_string())
}

/// The example of the toolkit's documentation, with its placeholders filled in.
#[test]
fn the_whole_format_is_read() {
    let file = load(&format!(
        "tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: /ca.pem
  client_allowed_sans: [prometheus.example.com]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519]
http_server_config:
  http2: false
  headers:
    Content-Security-Policy: frame-ancestors 'none'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: \"0\"
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: {HASH}
  bob: {HASH}
rate_limit:
  burst: 20
  interval: 1s
"
    ))
    .expect("a good file");
    let tls = file.tls.as_ref().expect("TLS");
    assert_eq!(tls.certificates, "a certificate", "by the file's folder");
    assert_eq!(tls.client_ca.as_deref(), Some("an authority"));
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerifyClientCert);
    assert_eq!(tls.client_allowed_sans, ["prometheus.example.com"]);
    assert!(!tls.prefer_server_cipher_suites && !file.http2);
    assert_eq!(file.headers.len(), 5);
    assert_eq!(file.users.0.keys().collect::<Vec<_>>(), ["alice", "bob"]);
    let rate = file.rate_limit.expect("a rate");
    assert_eq!((rate.interval.as_secs(), rate.burst.get()), (1, 20));
    let shown = format!("{file:?}");
    assert!(
        !shown.contains("EAAG") && !shown.contains("$2y$"),
        "{shown}"
    );
}

#[test]
fn an_empty_file_is_plain_http_without_passwords() {
    for yaml in [
        "",
        "{}",
        "tls_server_config: {}\n",
        "tls_server_config:\nbasic_auth_users:\n",
    ] {
        let file = load(yaml).expect(yaml);
        assert!(
            file.tls.is_none() && file.users.0.is_empty() && file.http2,
            "{yaml}"
        );
    }
}

#[test]
fn a_change_of_any_file_changes_the_fingerprint() {
    let of = |key: &str| {
        let environment = FixedEnvironment::default()
            .with_file("w.yml", "tls_server_config: {cert_file: c, key_file: k}")
            .with_file("c", "certificate")
            .with_file("k", key);
        WebFile::load(Path::new("w.yml"), &environment)
            .expect("good")
            .fingerprint
    };
    assert_eq!(of("one"), of("one"));
    assert_ne!(of("one"), of("two"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_error_names_its_key_and_shows_no_secret() {
    let cases = [
        ("- a", "the file it names: must hold keys"),
        (
            "tls_server_config: {cert_file: cert.pem}",
            "tls_server_config.key_file: is missing",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: none.pem}",
            "tls_server_config.key_file: the file it names cannot be read (no such file)",
        ),
        (
            "tls_server_config: {cert: EAAG, cert_file: cert.pem, key_file: key.pem}",
            "tls_server_config.cert: is given together with tls_server_config.cert_file",
        ),
        (
            "tls_server_config: {min_version: TLS10}",
            "tls_server_config.min_version: TLS10 is not supported",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS13, max_version: TLS12}",
            "tls_server_config.min_version: is above max_version",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert}",
            "tls_server_config.client_ca_file: is missing",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: /ca.pem}",
            "tls_server_config.client_auth_type: does not verify certificates",
        ),
        (
            "tls_server_config: {client_auth_type: Always}",
            "tls_server_config.client_auth_type: \"Always\" is not known; give NoClientCert,",
        ),
        (
            "tls_server_config: {cipher_suites: x}",
            "tls_server_config.cipher_suites: takes a list",
        ),
        (
            "tls_server_config: {cert_fil: x}",
            "tls_server_config.cert_fil: unknown key; did you mean `cert_file`?",
        ),
        (
            "basic_auth_users: {ali: EAAGpassword}",
            "basic_auth_users.ali: is not a bcrypt hash",
        ),
        (
            "basic_auth_users: {ali: $2y$31$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}",
            "basic_auth_users.ali: has the bcrypt cost 31",
        ),
        ("basic_auth_users: {'a:b': x}", "is not a user name"),
        (
            "basic_auth_users: [ali]",
            "basic_auth_users: must contain user names",
        ),
        ("rate_limit: {burst: 3}", "rate_limit.interval: is missing"),
        (
            "rate_limit: {interval: 5}",
            "rate_limit.interval: \"5\" is not a duration",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            "http_server_config.headers.X-Frame-Options: \"allow\" is not known; give deny or sameorigin",
        ),
        (
            "http_server_config: {headers: {Server: x}}",
            "http_server_config.headers.…: key 1 here is unknown",
        ),
    ];
    for (yaml, expected) in cases {
        let errors = load(yaml).expect_err(yaml);
        assert!(errors.contains(expected), "{yaml}\n{errors}");
        assert!(!errors.contains("EAAG"), "{errors}");
    }
}
