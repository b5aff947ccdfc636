//! Checks the public address: Meta's handshake, and a signed test delivery without changes.

use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret;

use super::Finding;
use super::network::{self, Server};
use super::running::{self, RunningExporter};
use crate::app::own;
use crate::config::{AppConfig, Config};
use crate::deliver::{SIGNATURE, sign};
use crate::ingest::graph::Failure;
use crate::serve::wrong_port;

const HANDSHAKE: &str = "handshake";
const SELF_TEST: &str = "self_test";

/// Meta waits some ten seconds for a response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A delivery without changes. The exporter verifies and counts it, but no state changes.
const NOTHING: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;

pub(super) async fn check(config: &Config, before: Option<&RunningExporter>) -> Vec<Finding> {
    if !config.webhook.enabled {
        return vec![Finding::fine(
            HANDSHAKE,
            "webhooks are disabled; the exporter only polls",
        )];
    }
    let Some(url) = &config.webhook.callback_url else {
        return vec![Finding::unknown(
            HANDSHAKE,
            "webhook.callback_url is not set",
            "Set webhook.callback_url to the callback URL in the App Dashboard.",
        )];
    };
    let http = match own::public_client(url, config.has_proxy, TIMEOUT).await {
        Ok(http) => http,
        Err(error) => {
            let cure = "Install the CA certificates (Debian: ca-certificates).";
            return vec![Finding::unknown(
                HANDSHAKE,
                error.without_url().to_string(),
                cure,
            )];
        }
    };
    let mut findings = Vec::new();
    let mut accepted = 0;
    for app in &config.apps {
        findings.push(handshake(&http, config, url, app).await.about(&app.name));
        let (finding, is_accepted) = self_test(&http, config, url, app).await;
        accepted += u64::from(is_accepted);
        findings.push(finding.about(&app.name));
    }
    if accepted > 0 {
        findings.push(counted(config, before, accepted).await);
    }
    findings
}

async fn handshake(http: &reqwest::Client, config: &Config, url: &Url, app: &AppConfig) -> Finding {
    let Some(token) = &app.webhook_verify_token else {
        return Finding::unknown(
            HANDSHAKE,
            "no verify token is configured",
            "Set the verify token (WHATSAPP_WEBHOOK_VERIFY_TOKEN).",
        );
    };
    let challenge = fastrand::u32(1_000_000_000..).to_string();
    let query = [
        ("hub.mode", "subscribe"),
        ("hub.verify_token", token.expose_secret()),
        ("hub.challenge", &challenge),
    ];
    let answer = match http.get(url.clone()).query(&query).send().await {
        Ok(answer) => answer,
        Err(error) => return no_answer(HANDSHAKE, url, &error),
    };
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    match status {
        StatusCode::OK => {
            if body == challenge {
                return Finding::fine(HANDSHAKE, format!("{url} echoes the challenge"));
            }
            Finding::problem(
                HANDSHAKE,
                format!("{url} responds, but does not echo the challenge"),
                "Another server responds at this URL: make the reverse proxy forward it to the exporter.",
            )
        }
        StatusCode::MISDIRECTED_REQUEST if wrong_port::is_refusal(&body) => {
            at_operators_port(HANDSHAKE, config, url)
        }
        StatusCode::FORBIDDEN => Finding::problem(
            HANDSHAKE,
            format!("{url} rejects the verify token"),
            "The exporter at this URL has another verify token: restart or reload it with this configuration.",
        ),
        status => Finding::problem(
            HANDSHAKE,
            format!("{url} responds with status {}", status.as_u16()),
            "Make the reverse proxy forward this path, with its query, to the exporter.",
        ),
    }
}

/// The finding, and whether the delivery was accepted.
async fn self_test(
    http: &reqwest::Client,
    config: &Config,
    url: &Url,
    app: &AppConfig,
) -> (Finding, bool) {
    let Some(secret) = &app.app_secret else {
        let finding = Finding::unknown(
            SELF_TEST,
            "no app secret is configured",
            "Set the app secret (WHATSAPP_APP_SECRET).",
        );
        return (finding, false);
    };
    let request = http.post(url.clone()).body(NOTHING);
    let signed = request.header(SIGNATURE, sign(secret, NOTHING));
    let answer = match signed.send().await {
        Ok(answer) => answer,
        Err(error) => return (no_answer(SELF_TEST, url, &error), false),
    };
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    let finding = match status {
        StatusCode::OK => {
            return (
                Finding::fine(SELF_TEST, "the signed test delivery was accepted"),
                true,
            );
        }
        StatusCode::MISDIRECTED_REQUEST if wrong_port::is_refusal(&body) => {
            at_operators_port(SELF_TEST, config, url)
        }
        StatusCode::UNAUTHORIZED => Finding::problem(
            SELF_TEST,
            "the signed test delivery was rejected: invalid signature",
            "The exporter at this URL has another app secret, or the reverse proxy changes the body.",
        ),
        status => Finding::problem(
            SELF_TEST,
            format!("the signed test delivery got status {}", status.as_u16()),
            "Make the reverse proxy forward POST requests of up to 4 MB to the exporter, and check its log.",
        ),
    };
    (finding, false)
}

/// Compares the delivery counter of the exporter on this machine before and after. It does not grow if the
/// public address leads to another exporter.
async fn counted(config: &Config, before: Option<&RunningExporter>, accepted: u64) -> Finding {
    let after = running::read(config).await.ok();
    let grown = match (
        before.and_then(RunningExporter::deliveries),
        after.as_ref().and_then(RunningExporter::deliveries),
    ) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => {
            return Finding::unknown(
                SELF_TEST,
                "cannot verify that the exporter counted the test delivery: no exporter responds on this machine",
                "Run `doctor` on the exporter's machine.",
            );
        }
    };
    if grown >= accepted {
        Finding::fine(
            SELF_TEST,
            "the exporter on this machine counted the test delivery",
        )
    } else {
        Finding::problem(
            SELF_TEST,
            "the test delivery was accepted, but not by the exporter on this machine",
            "The public address leads to another exporter: change the target of the reverse proxy.",
        )
    }
}

/// The URL leads to the port of the exporter that serves /metrics.
fn at_operators_port(check: &'static str, config: &Config, url: &Url) -> Finding {
    let (web, own) = (config.web.listen_address, config.webhook.listen_address);
    let cure = own.map_or_else(
        || {
            "The exporter at this URL has another configuration: restart it with this one."
                .to_owned()
        },
        |own| {
            format!(
                "Make the reverse proxy forward {} to webhook.listen_address, {own}.",
                url.path()
            )
        },
    );
    let message =
        format!("{url} leads to the operator's port ({web}), which does not accept webhooks");
    Finding::problem(check, message, cure)
}

fn no_answer(check: &'static str, url: &Url, error: &reqwest::Error) -> Finding {
    let failure = Failure::from_network(error);
    let message = format!("{url} cannot be reached: {}", network::problem(&failure));
    Finding::problem(check, message, network::cure(&failure, Server::Callback))
}
