//! Does the public address lead here? A handshake as Meta does it, and a signed delivery of nothing.

use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret;

use super::Finding;
use super::network::{self, Server};
use super::running::{self, Running};
use crate::app::own;
use crate::config::{AppConfig, Config};
use crate::ingest::graph::Failure;
use crate::ingest::webhook::sign;
use crate::serve::wrong_port;

const HANDSHAKE: &str = "handshake";
const SELF_TEST: &str = "self_test";

/// Meta itself gives up after some ten seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Signed, counted, and about nothing.
const NOTHING: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;

pub(super) async fn look(config: &Config, before: Option<&Running>) -> Vec<Finding> {
    if !config.webhook.enabled {
        return vec![Finding::fine(
            HANDSHAKE,
            "webhooks are off: polls alone tell",
        )];
    }
    let Some(url) = &config.webhook.callback_url else {
        return vec![Finding::unknown(
            HANDSHAKE,
            "the public address is not known",
            "Set webhook.callback_url to what stands in the App Dashboard.",
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
        return Finding::unknown(HANDSHAKE, "there is no verify token", "Configure one.");
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
                format!("{url} answers, but does not echo the challenge"),
                "Something else answers there: let the proxy forward it to the exporter.",
            )
        }
        StatusCode::MISDIRECTED_REQUEST if wrong_port::is_refusal(&body) => {
            at_operators_port(HANDSHAKE, config, url)
        }
        StatusCode::FORBIDDEN => Finding::problem(
            HANDSHAKE,
            format!("{url} refuses the verify token"),
            "The exporter that runs there has another one: restart or reload it with this configuration.",
        ),
        status => Finding::problem(
            HANDSHAKE,
            format!("{url} answers {}", status.as_u16()),
            "Let the proxy forward this path to the exporter, with its query.",
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
        let finding = Finding::unknown(SELF_TEST, "there is no app secret", "Configure it.");
        return (finding, false);
    };
    let request = http.post(url.clone()).body(NOTHING);
    let signed = request.header("x-hub-signature-256", sign(secret, NOTHING));
    let answer = match signed.send().await {
        Ok(answer) => answer,
        Err(error) => return (no_answer(SELF_TEST, url, &error), false),
    };
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    let finding = match status {
        StatusCode::OK => {
            return (
                Finding::fine(SELF_TEST, "a signed delivery is accepted"),
                true,
            );
        }
        StatusCode::MISDIRECTED_REQUEST if wrong_port::is_refusal(&body) => {
            at_operators_port(SELF_TEST, config, url)
        }
        StatusCode::UNAUTHORIZED => Finding::problem(
            SELF_TEST,
            "a signed delivery is refused: wrong signature",
            "The exporter that runs there has another app secret, or the proxy changes the body.",
        ),
        status => Finding::problem(
            SELF_TEST,
            format!("a signed delivery is answered {}", status.as_u16()),
            "Let the proxy forward POSTs of up to 4 MB to the exporter, and look at its log.",
        ),
    };
    (finding, false)
}

/// Has the exporter on this machine seen them? Not if the address leads to another one.
async fn counted(config: &Config, before: Option<&Running>, accepted: u64) -> Finding {
    let after = running::look(config).await.ok();
    let grown = match (
        before.and_then(Running::deliveries),
        after.as_ref().and_then(Running::deliveries),
    ) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => {
            return Finding::unknown(
                SELF_TEST,
                "whether it was counted cannot be seen: no exporter answers on this machine",
                "Run `doctor` beside the exporter.",
            );
        }
    };
    if grown >= accepted {
        Finding::fine(SELF_TEST, "and counted by this exporter")
    } else {
        Finding::problem(
            SELF_TEST,
            "was accepted, but not by the exporter on this machine",
            "The public address leads to another one: change the proxy's target.",
        )
    }
}

/// The exporter answered, at the port that serves /metrics.
fn at_operators_port(check: &'static str, config: &Config, url: &Url) -> Finding {
    let (web, own) = (config.web.listen_address, config.webhook.listen_address);
    let cure = own.map_or_else(
        || {
            "The exporter that runs there has another configuration: restart it with this one."
                .to_owned()
        },
        |own| {
            format!(
                "Let the proxy forward {} to webhook.listen_address, {own}.",
                url.path()
            )
        },
    );
    let message = format!("{url} leads to the operator's port ({web}), which takes no webhooks");
    Finding::problem(check, message, cure)
}

fn no_answer(check: &'static str, url: &Url, error: &reqwest::Error) -> Finding {
    let failure = Failure::from_network(error);
    let message = format!("{url} cannot be reached: {}", network::problem(&failure));
    Finding::problem(check, message, network::cure(&failure, Server::Callback))
}
