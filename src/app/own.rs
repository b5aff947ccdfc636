//! The exporter of this configuration, as its own machine reaches it.

use std::net::IpAddr;

use anyhow::Context;
use reqwest::Url;

use crate::config::{Config, ListenAddress, WebConfig, WebFile};

/// A path on the operator's side.
pub(super) fn web_url(web: &WebConfig, path: &str) -> anyhow::Result<Url> {
    url(web.listen_address, web.file.as_ref(), path)
        .context("web.listen_address: no address to ask at")
}

/// Where webhooks are received.
pub(super) fn webhook_url(config: &Config) -> anyhow::Result<Url> {
    let path = "/webhook";
    match config.webhook.listen_address {
        Some(own) => url(own, config.webhook.file.as_ref(), path),
        None => url(config.web.listen_address, config.web.file.as_ref(), path),
    }
    .context("no address to send to")
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
