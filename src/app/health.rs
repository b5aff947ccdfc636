//! Queries the health of the exporter on this machine.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Response, StatusCode, Url};

use super::own;
use crate::config::WebConfig;
use crate::ingest::graph::own_client;

/// Neither probe waits for Meta or the disk, so a process that takes longer is stuck.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of characters of a response in a message: enough for the exporter's own reasons, too few for a page
/// of another server.
const MAX_REASON: usize = 200;

/// The probe to query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// `/-/healthy`: the process responds.
    Healthy,
    /// `/-/ready`: the exporter accepts webhooks.
    Ready,
}

impl Probe {
    /// The word that the probe returns if it succeeds.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Ready => "ready",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Healthy => "/-/healthy",
            Self::Ready => "/-/ready",
        }
    }

    /// A response that requires a password shows that the process is healthy, but only the route itself shows
    /// readiness.
    fn is_answered_by(self, status: StatusCode) -> bool {
        let is_refusal = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        status == StatusCode::OK || self == Self::Healthy && is_refusal
    }
}

/// Queries a probe of the exporter on this machine.
///
/// # Errors
/// If it does not respond, or the probe fails.
pub async fn ask(web: &WebConfig, question: Probe) -> anyhow::Result<()> {
    let url = own_url(web, question)?;
    // As for Meta, no redirects. No proxy for the exporter's own listener.
    let http = own_client(&url, TIMEOUT)?;
    let answer = http.get(url.clone()).send().await;
    let answer = answer
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("no exporter responds at {url}"))?;
    let status = answer.status();
    if question.is_answered_by(status) {
        return Ok(());
    }
    bail!("{url} responds with {status}: {}", reason(answer).await)
}

fn own_url(web: &WebConfig, question: Probe) -> anyhow::Result<Url> {
    let url = own::web_url(web, question.path())?;
    ensure!(
        url.port_or_known_default() != Some(0),
        "web.listen_address: port 0 is any free port, so the exporter's address is unknown; set a fixed port"
    );
    Ok(url)
}

/// The beginning of the response's first line.
async fn reason(mut answer: Response) -> String {
    let begin = answer.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&begin);
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ListenAddress;

    fn web(address: &str) -> WebConfig {
        WebConfig {
            listen_address: ListenAddress::parse(address).expect(address),
            config_file: None,
            open_probes: false,
            max_connections: 512,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            max_connections_per_client: None,
            external_url: None,
            route_prefix: None,
            enable_lifecycle: false,
            allowed_hosts: Vec::new(),
        }
    }

    #[test]
    fn the_probe_is_sent_to_the_listen_address() {
        for (address, question, url) in [
            (":10131", Probe::Healthy, "http://127.0.0.1:10131/-/healthy"),
            ("[::1]:80", Probe::Ready, "http://[::1]/-/ready"),
        ] {
            let asked = own_url(&web(address), question).expect(address);
            assert_eq!(asked.as_str(), url);
        }
        let error = own_url(&web(":0"), Probe::Ready).expect_err("any port");
        assert!(
            error.to_string().starts_with("web.listen_address: "),
            "{error}"
        );
    }

    #[test]
    fn a_refused_login_is_healthy_but_not_ready() {
        for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
            assert!(Probe::Healthy.is_answered_by(status));
            assert!(!Probe::Ready.is_answered_by(status));
        }
        for question in [Probe::Healthy, Probe::Ready] {
            assert!(question.is_answered_by(StatusCode::OK));
            for status in [StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE] {
                assert!(!question.is_answered_by(status));
            }
        }
    }
}
