//! Checks the app's callback URL and its subscribed webhook fields.

use std::collections::BTreeSet;

use reqwest::Url;

use super::credentials::{self, SECRET};
use super::{CheckedApp, Finding};
use crate::config::Config;
use crate::domain::access::Subscription;
use crate::domain::{WebhookField, Word};
use crate::ingest::graph::is_callback;

const CALLBACK: &str = "callback_url";
const FIELDS: &str = "webhook_fields";

pub(super) async fn check(config: &Config, app: &CheckedApp<'_>) -> Vec<Finding> {
    if !config.webhook.enabled {
        return vec![];
    }
    let findings = match app.client.read_subscription(app.calls).await {
        Ok(Some(subscription)) => {
            let mut findings = vec![Finding::fine(SECRET, "belongs to the app")];
            findings.extend(subscription_findings(
                &subscription,
                config.webhook.callback_url.as_ref(),
            ));
            findings
        }
        Ok(None) => vec![Finding::unknown(
            FIELDS,
            "Meta does not report which app the token belongs to",
            "Set the app's id (WHATSAPP_APP_ID).",
        )],
        Err(failure) if failure.is_about_credentials() => vec![credentials::refused(&failure)],
        Err(failure) => vec![Finding::unknown(
            FIELDS,
            format!("cannot read the app's subscription: {failure}"),
            "Run `doctor` again; if the error persists, check the App Dashboard, WhatsApp, Configuration.",
        )],
    };
    let name = &app.config.name;
    findings
        .into_iter()
        .map(|finding| finding.about(name))
        .collect()
}

fn subscription_findings(subscription: &Subscription, expected: Option<&Url>) -> Vec<Finding> {
    vec![callback(subscription, expected), fields(subscription)]
}

fn callback(subscription: &Subscription, expected: Option<&Url>) -> Finding {
    let set = "Run `subscribe`, or set the callback URL and the verify token in the App Dashboard, WhatsApp, Configuration.";
    let there = match &subscription.callback_url {
        Some(url) if subscription.is_active => url,
        Some(_) => return Finding::problem(CALLBACK, "the subscription is inactive", set),
        None => return Finding::problem(CALLBACK, "not set: Meta sends no webhooks", set),
    };
    match expected {
        None => Finding::unknown(
            CALLBACK,
            "set, but webhook.callback_url is not set to compare it with",
            "Set webhook.callback_url to the callback URL in the App Dashboard.",
        ),
        Some(expected) if is_callback(there, expected) => {
            Finding::fine(CALLBACK, expected.as_str())
        }
        Some(expected) => Finding::problem(
            CALLBACK,
            format!("Meta sends webhooks to another URL, not to {expected}"),
            "If your application uses that URL, create a second app for the exporter; otherwise run `subscribe --move-callback`.",
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
            format!(", with payloads of {}", versions.join(", "))
        };
        return Finding::fine(
            FIELDS,
            format!("all required fields are subscribed{versions}"),
        );
    }
    Finding::problem(
        FIELDS,
        format!("not subscribed: {}", missing.join(", ")),
        "Run `subscribe`, or subscribe to them in the App Dashboard, WhatsApp, Configuration.",
    )
}
