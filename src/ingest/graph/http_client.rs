//! HTTP clients for Meta and for the exporter's own listener.

use std::time::Duration;

use reqwest::{Url, redirect};

/// A connection that takes longer to establish is not worth waiting for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A client for calls below `base` that follows no redirects.
///
/// # Errors
/// If TLS cannot be set up, for example because there is no CA store.
pub fn http_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    careful(base, request_timeout).build()
}

/// Like [`http_client`], for the exporter's own listener: ignores the proxy variables.
///
/// # Errors
/// If TLS cannot be set up.
pub fn direct_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    careful(base, request_timeout).no_proxy().build()
}

/// Like [`direct_client`], for the exporter's own listener on the same machine: accepts any certificate, because it
/// is issued for the name that others use. Nothing secret is sent.
///
/// # Errors
/// If TLS cannot be set up.
pub fn own_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let builder = careful(base, request_timeout).no_proxy();
    builder.tls_danger_accept_invalid_certs(true).build()
}

fn careful(base: &Url, request_timeout: Duration) -> reqwest::ClientBuilder {
    // Only the first call of a process installs the provider; later calls find it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(request_timeout)
        .redirect(redirect::Policy::none());
    // Plain HTTP needs no CA store: the demo must start without one.
    let builder = if base.scheme() == "http" {
        builder.tls_certs_only([])
    } else {
        builder
    };
    // A proxy from the environment is for external hosts, and could not reach this machine's loopback.
    if is_loopback(base) {
        builder.no_proxy()
    } else {
        builder
    }
}

fn is_loopback(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback_address = address
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    host == "localhost" || is_loopback_address
}
