//! `notify`: the receivers of changes that Meta reports.

mod receivers;
mod settings;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::kind::{Durations, Optional, Parsed};
use super::section::{SummaryLine, settings};
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::{Severity, WabaId};
use settings::{ADDRESS, DIGEST, FORMAT, FORMATS, KINDS, NAME, SECRET, SEVERITY, WABA_IDS};

/// Beyond a month, a change is history, which the history API answers.
const AGES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);

/// A receiver that takes longer than a minute is considered failed.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

const RUNBOOKS: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: runbooks_url,
};

settings! {
    /// Notifications.
    #[derive(Clone, Debug, PartialEq, Eq)]
    NotifyConfig "notify" {
        /// Maximum age of a change that a receiver has not accepted; older changes are dropped for it.
        max_age: Duration = "7d", Durations(AGES);

        /// Timeout of a request to a receiver.
        request_timeout: Duration = "10s", Durations(TIMEOUTS);

        /// Page with the runbooks of the alerts, to which notifications link; the default is the project's page.
        runbooks_url: Option<Url>, Optional(RUNBOOKS);
    }
    lists {
        /// Receivers of changes. Notifications are off if the list is empty.
        webhooks: Vec<NotifyWebhook> = webhook_lines;
    }
}

/// The format of a receiver's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyFormat {
    /// CloudEvents 1.0, structured JSON.
    CloudEvents,
    /// Text for a Slack incoming webhook.
    Slack,
}

/// One receiver.
#[derive(Clone)]
pub struct NotifyWebhook {
    /// `notify.webhooks[].name`; the default is the URL's host. Unique among the receivers.
    pub name: String,
    /// `notify.webhooks[].url` or the content of `url_file`; http or https, without credentials.
    pub url: Url,
    /// `notify.webhooks[].format`.
    pub format: NotifyFormat,
    /// `notify.webhooks[].secret` or the content of `secret_file`.
    pub secret: Option<SecretString>,
    /// `notify.webhooks[].severity`.
    pub severity: Severity,
    /// `notify.webhooks[].kinds`; empty for all.
    pub kinds: BTreeSet<&'static str>,
    /// `notify.webhooks[].waba_ids`; empty for all.
    pub waba_ids: BTreeSet<WabaId>,
    /// `notify.webhooks[].digest`.
    pub digest: Option<Duration>,
}

impl fmt::Debug for NotifyWebhook {
    /// Omits the secret, and path and query, which may contain one.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {}", self.name, self.shown_url())
    }
}

impl PartialEq for NotifyWebhook {
    fn eq(&self, other: &Self) -> bool {
        let secret = |webhook: &Self| {
            let secret = webhook.secret.as_ref();
            secret.map(|secret| secret.expose_secret().to_owned())
        };
        let rest = |webhook: &Self| {
            let Self {
                name,
                url,
                format,
                severity,
                kinds,
                waba_ids,
                digest,
                secret: _,
            } = webhook.clone();
            (name, url, format, severity, kinds, waba_ids, digest)
        };
        secret(self) == secret(other) && rest(self) == rest(other)
    }
}

impl Eq for NotifyWebhook {}

impl NotifyWebhook {
    /// The URL without its path and query, which may contain a secret.
    #[must_use]
    pub fn shown_url(&self) -> String {
        format!("{}/…", self.url.origin().ascii_serialization())
    }
}

impl NotifyConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            webhooks: receivers::read(walker),
            ..Self::read_rows(walker)
        }
    }
}

fn webhook_lines(webhooks: &[NotifyWebhook]) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    for (index, webhook) in webhooks.iter().enumerate() {
        let mut line = |setting: Setting, value: String| {
            lines.push(SummaryLine::new(setting.key_of_item(index), value));
        };
        let listed = |values: Vec<&str>| match values.as_slice() {
            [] => "all".to_owned(),
            values => values.join(", "),
        };
        line(NAME, webhook.name.clone());
        line(ADDRESS, webhook.shown_url());
        line(FORMAT, value::word_for(&webhook.format, FORMATS).to_owned());
        line(SECRET, super::kind::presence(webhook.secret.as_ref()));
        line(SEVERITY, webhook.severity.as_str().to_owned());
        line(KINDS, listed(webhook.kinds.iter().copied().collect()));
        let waba_ids = webhook.waba_ids.iter().map(WabaId::as_str);
        line(WABA_IDS, listed(waba_ids.collect()));
        let digest = webhook.digest.map(value::duration_text);
        line(
            DIGEST,
            digest.unwrap_or_else(|| super::kind::NOT_SET.to_owned()),
        );
    }
    lines
}

/// Parses the page's URL, to which anchors are added.
fn runbooks_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url =
        url.filter(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none());
    url.ok_or_else(|| {
        "is not a URL without fragment; write it like https://wiki.example.com/runbooks".into()
    })
}
