//! Connects to the exporter from its own machine: directly, and to its public address through a proxy only if a
//! direct connection fails.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Config, ListenAddress, WebConfig, WebFile};
use crate::ingest::graph::{direct_client, http_client};

/// Time after which a public address counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// URL of a path on the operator listener.
pub(super) fn web_url(web: &WebConfig, path: &str) -> anyhow::Result<Url> {
    let prefix = web.route_prefix.as_ref().map_or("", |it| it.as_str());
    let path = format!("{prefix}{path}");
    url(web.listen_address, web.config_file.as_ref(), &path)
        .context("web.listen_address: has no address to connect to")
}

/// URL at which webhooks are received.
pub(super) fn webhook_url(config: &Config) -> anyhow::Result<Url> {
    let path = config.webhook.path.as_str();
    match config.webhook.listen_address {
        Some(own) => url(own, config.webhook.config_file.as_ref(), path),
        None => url(
            config.web.listen_address,
            config.web.config_file.as_ref(),
            path,
        ),
    }
    .context("no address to send to")
}

/// A client for the public address. In a network with an egress proxy it uses the proxy, unless the address leads
/// directly to the exporter's own listener.
///
/// # Errors
/// If TLS cannot be set up.
pub(super) async fn public_client(
    url: &Url,
    has_proxy: bool,
    request_timeout: Duration,
) -> reqwest::Result<reqwest::Client> {
    if has_proxy && !takes_connections(url).await {
        http_client(url, request_timeout)
    } else {
        direct_client(url, request_timeout)
    }
}

async fn takes_connections(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or_default();
    let connection = timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await;
    connection.is_ok_and(|connection| connection.is_ok())
}

fn url(address: ListenAddress, file: Option<&WebFile>, path: &str) -> Option<Url> {
    let scheme = match file.and_then(|file| file.tls.as_ref()) {
        Some(_) => "https",
        None => "http",
    };
    let address = *address.candidates().first()?;
    let host = match address.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    let url = format!("{scheme}://{host}:{}{path}", address.port());
    url.parse().ok()
}
