//! Where do the app's webhooks go, and which fields does it get?

use std::collections::BTreeSet;

use reqwest::Url;

use super::credentials::{self, SECRET};
use super::{App, Finding};
use crate::config::Config;
use crate::domain::access::Subscription;
use crate::domain::{WebhookField, Word};
use crate::ingest::graph::is_callback;

const CALLBACK: &str = "callback_url";
const FIELDS: &str = "webhook_fields";

pub(super) async fn look(config: &Config, app: &App<'_>) -> Vec<Finding> {
    if !config.webhook.enabled {
        return vec![];
    }
    let findings = match app.client.read_subscription(app.calls).await {
        Ok(Some(subscription)) => {
            let mut findings = vec![Finding::fine(SECRET, "is the app's")];
            findings.extend(judged(&subscription, config.webhook.callback_url.as_ref()));
            findings
        }
        Ok(None) => vec![Finding::unknown(
            FIELDS,
            "Meta does not say which app the token is of",
            "Set the app's id (WHATSAPP_APP_ID).",
        )],
        Err(failure) if failure.is_about_credentials() => vec![credentials::refused(&failure)],
        Err(failure) => vec![Finding::unknown(
            FIELDS,
            format!("cannot read the app's subscription: {failure}"),
            "Try again; if it stays so, look in the App Dashboard, WhatsApp, Configuration.",
        )],
    };
    let name = &app.config.name;
    findings
        .into_iter()
        .map(|finding| finding.about(name))
        .collect()
}

fn judged(subscription: &Subscription, expected: Option<&Url>) -> Vec<Finding> {
    vec![callback(subscription, expected), fields(subscription)]
}

fn callback(subscription: &Subscription, expected: Option<&Url>) -> Finding {
    let set = "Run `subscribe`, or set the callback URL and the verify token in the App Dashboard, WhatsApp, Configuration.";
    let there = match &subscription.callback_url {
        Some(url) if subscription.is_active => url,
        Some(_) => return Finding::problem(CALLBACK, "the subscription is switched off", set),
        None => return Finding::problem(CALLBACK, "none is set: webhooks go nowhere", set),
    };
    match expected {
        None => Finding::unknown(
            CALLBACK,
            "is set; whether it is this exporter's is not known",
            "Set webhook.callback_url to what stands in the App Dashboard.",
        ),
        Some(expected) if is_callback(there, expected) => {
            Finding::fine(CALLBACK, expected.as_str())
        }
        Some(expected) => Finding::problem(
            CALLBACK,
            format!("webhooks go elsewhere and not to {expected}"),
            "If they must go where they go, use a second app for the exporter; else run `subscribe --move-callback`.",
        ),
    }
}

fn fields(subscription: &Subscription) -> Finding {
    let missing = subscription.missing_fields();
    if missing.is_empty() {
        let watched = WebhookField::WATCHED.iter().map(|field| field.as_str());
        let versions = watched.filter_map(|field| subscription.fields.get(field)?.as_deref());
        let versions: BTreeSet<&str> = versions.collect();
        let versions: Vec<&str> = versions.into_iter().collect();
        let versions = if versions.is_empty() {
            String::new()
        } else {
            format!(", payloads of {}", versions.join(", "))
        };
        return Finding::fine(FIELDS, format!("all that are needed{versions}"));
    }
    Finding::problem(
        FIELDS,
        format!("not subscribed: {}", missing.join(", ")),
        "Run `subscribe`, or subscribe to them in the App Dashboard, WhatsApp, Configuration.",
    )
}
