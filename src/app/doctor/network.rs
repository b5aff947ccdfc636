//! Explains why a server cannot be reached and how to fix it, for the Graph API and for the public address.

use crate::ingest::graph::{Failure, FailureKind};

/// The server that cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// Meta's Graph API, or the proxy in front of it.
    GraphApi,
    /// The exporter's public address.
    Callback,
}

/// Describes the problem, with the message of the operating system or the TLS library.
pub(super) fn problem(failure: &Failure) -> String {
    let what = match failure.kind() {
        FailureKind::NameResolution => "its name cannot be resolved",
        FailureKind::Tls if is_about_certificate(failure) => "its certificate is not trusted",
        FailureKind::Tls => "the TLS handshake failed",
        FailureKind::Proxy => "the proxy does not connect to it",
        FailureKind::Timeout => "no response in time",
        _ => "no connection",
    };
    match failure.cause() {
        Some(cause) => format!("{what} ({cause})"),
        None => what.to_owned(),
    }
}

/// Describes how to fix the problem.
pub(super) fn cure(failure: &Failure, server: Server) -> &'static str {
    use Server::{Callback, GraphApi};
    match (failure.kind(), server) {
        (FailureKind::NameResolution, GraphApi) => "Check graph.base_url and this machine's DNS.",
        (FailureKind::NameResolution, Callback) => {
            "Check webhook.callback_url, and create the DNS record of its host."
        }
        (FailureKind::Tls, GraphApi) if is_about_certificate(failure) => {
            "Install the CA certificates (Debian: ca-certificates); behind a proxy that inspects TLS, also its CA."
        }
        (FailureKind::Tls, Callback) if is_about_certificate(failure) => {
            "Use a certificate from a public CA, issued for this host, with its full chain: Meta accepts no other."
        }
        (FailureKind::Tls, GraphApi) => {
            "Check scheme and port of graph.base_url, and that no proxy interferes with TLS."
        }
        (FailureKind::Tls, Callback) => {
            "Check scheme and port of webhook.callback_url: no TLS server responds there."
        }
        (FailureKind::Proxy, _) => "Check HTTPS_PROXY and NO_PROXY, and the log of the proxy.",
        (FailureKind::Timeout, GraphApi) => {
            "Allow connections from this machine to it; graph.request_timeout limits the wait."
        }
        (FailureKind::Timeout, Callback) => {
            "Check that the reverse proxy forwards to the exporter: Meta waits some ten seconds."
        }
        (_, GraphApi) => {
            "Check host and port of graph.base_url, and allow connections from this machine: firewall, routes."
        }
        (_, Callback) => {
            "Start the exporter and the reverse proxy, and allow connections to this port in the firewall."
        }
    }
}

fn is_about_certificate(failure: &Failure) -> bool {
    failure
        .cause()
        .is_some_and(|cause| cause.to_ascii_lowercase().contains("certificate"))
}
