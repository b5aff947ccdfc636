//! `notify`: the receivers of changes that Meta reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::kind::{Durations, Optional, Parsed};
use super::relay::upstream_url;
use super::secret;
use super::secret_kind::SecretKind;
use super::section::{SummaryLine, settings};
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::{Severity, WabaId};
use crate::yaml::Node;

/// Every receiver gets its own requests. More receivers need an event router.
const MAX_WEBHOOKS: usize = 16;

/// Maximum number of accounts that one receiver's filter lists, as for an app.
const MAX_ACCOUNTS: usize = 20_000;

/// Beyond a month, a change is history, which the history API answers.
const AGES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);

/// A receiver that takes longer than a minute is considered failed.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// Shorter windows collect nothing, and longer ones delay a change for more than a shift can wait.
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

const RUNBOOKS: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: runbooks_url,
};

const NAME: Setting = Setting::new(
    "notify.webhooks[].name",
    "Name of the receiver, a label of its metrics; the default is the host of its URL",
);

const ADDRESS: Setting = Setting::new(
    "notify.webhooks[].url",
    "URL to which each change is posted; http or https, without credentials",
);

const ADDRESS_FILE: Setting = Setting::new(
    "notify.webhooks[].url_file",
    "File that holds the URL, if the URL is a secret as Slack's are",
);

const FORMAT: Setting = Setting::new(
    "notify.webhooks[].format",
    "Format of the body: `cloudevents` (CloudEvents 1.0 in JSON) or `slack` (text for an incoming webhook)",
)
.default("cloudevents");

const SECRET: Setting = Setting::new(
    "notify.webhooks[].secret",
    "Secret with which each body is signed in the header X-Hub-Signature-256, as Meta signs webhooks",
);

const SECRET_FILE: Setting = Setting::new(
    "notify.webhooks[].secret_file",
    "File that holds the secret",
);

const SEVERITY: Setting = Setting::new(
    "notify.webhooks[].severity",
    "Least severity of the changes to post: info, warning or critical; the end of a state counts like the state",
)
.default("info");

const KINDS: Setting = Setting::new(
    "notify.webhooks[].kinds",
    "Kinds of entities whose changes are posted: account, phone_number, template; the default is all",
);

const WABA_IDS: Setting = Setting::new(
    "notify.webhooks[].waba_ids",
    "Ids of the WhatsApp Business Accounts whose changes are posted; the default is all",
);

const DIGEST: Setting = Setting::new(
    "notify.webhooks[].digest",
    "Time for which changes are collected: more than three changes to the same value become one post; without \
     it, each change is posted at once",
);

const FORMATS: &[(&str, NotifyFormat)] = &[
    ("cloudevents", NotifyFormat::CloudEvents),
    ("slack", NotifyFormat::Slack),
];

const SEVERITIES: &[(&str, Severity)] = &[
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

/// The kinds of entities, as in the history.
const ENTITY_KINDS: &[(&str, &str)] = &[
    ("account", "account"),
    ("phone_number", "phone_number"),
    ("template", "template"),
];

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
            webhooks: read_webhooks(walker),
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

fn read_webhooks(walker: &mut Walker<'_>) -> Vec<NotifyWebhook> {
    for setting in [
        NAME,
        ADDRESS,
        ADDRESS_FILE,
        FORMAT,
        SECRET,
        SECRET_FILE,
        SEVERITY,
        KINDS,
        WABA_IDS,
        DIGEST,
    ] {
        walker.note(&setting);
    }
    // The check of the file's structure rejects anything but a list of maps.
    let Some(Node::List(items)) = walker.node("notify.webhooks") else {
        return Vec::new();
    };
    if items.len() > MAX_WEBHOOKS {
        let message =
            format!("has more than {MAX_WEBHOOKS} receivers; send the changes to an event router");
        walker.error("notify.webhooks", message);
    }
    let mut webhooks = Vec::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(webhook) = ReceiverItem::new(walker, item, index).and_then(ReceiverItem::read)
        else {
            continue;
        };
        let place = format!("notify.webhooks[{index}]");
        if let Some(first) = places.insert(webhook.name.clone(), place) {
            let message = format!("is the same as that of {first}; give each receiver its own");
            walker.error(NAME.key_of_item(index), message);
        }
        webhooks.push(webhook);
    }
    webhooks
}

/// One item of the list.
struct ReceiverItem<'w, 'a> {
    walker: &'w mut Walker<'a>,
    node: &'a Node,
    index: usize,
}

impl<'w, 'a> ReceiverItem<'w, 'a> {
    fn new(walker: &'w mut Walker<'a>, node: &'a Node, index: usize) -> Option<Self> {
        matches!(node, Node::Map(_)).then_some(Self {
            walker,
            node,
            index,
        })
    }

    fn read(mut self) -> Option<NotifyWebhook> {
        let name = self.text(&NAME);
        let format = self.value(&FORMAT, |text| word(text, FORMATS));
        let secret = self.secret(&SECRET, &SECRET_FILE);
        let severity = self.value(&SEVERITY, |text| word(text, SEVERITIES));
        let kinds = self.values(&KINDS, ENTITY_KINDS.len(), |text| word(text, ENTITY_KINDS));
        let waba_ids = self.values(&WABA_IDS, MAX_ACCOUNTS, |text| {
            WabaId::parse(text).ok_or_else(|| "is not an id; ids are 1 to 32 digits".to_owned())
        });
        let digest = self.value(&DIGEST, |text| {
            let window = value::duration(text, &WINDOWS);
            window.map_err(|_| "is not a duration from 1s to 1h; write it like 1m".to_owned())
        });
        let url = self.url()?;
        let name = name.unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned());
        if let Err(message) = value::name(&name) {
            self.error(&NAME, message);
        }
        Some(NotifyWebhook {
            name,
            url,
            format: format.unwrap_or(NotifyFormat::CloudEvents),
            secret,
            severity: severity.unwrap_or(Severity::Info),
            kinds,
            waba_ids,
            digest,
        })
    }

    /// The URL, from its value or its file. Errors do not repeat it, because it may be a secret.
    fn url(&mut self) -> Option<Url> {
        if self.node.get(ADDRESS.name()).is_none() && self.node.get(ADDRESS_FILE.name()).is_none() {
            self.error(&ADDRESS, "is missing; give the receiver's URL, or url_file");
            return None;
        }
        let is_in_file = self.node.get(ADDRESS.name()).is_none();
        let text = self.secret(&ADDRESS, &ADDRESS_FILE)?;
        let setting = if is_in_file { ADDRESS_FILE } else { ADDRESS };
        let url = upstream_url(text.expose_secret(), None);
        url.map_err(|message| self.error(&setting, message)).ok()
    }

    /// The secret, from its value or from a file relative to the configuration file.
    fn secret(&mut self, setting: &Setting, file: &Setting) -> Option<SecretString> {
        let (value, path) = (self.text(setting), self.text(file));
        let (setting, secret) = match (value, path) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                let place = file.key_of_item(self.index);
                let message = format!("is given together with {place}; keep one of them");
                (setting, Err(message))
            }
            (Some(text), None) => (setting, secret::from_text(SecretKind::Phrase, &text)),
            (None, Some(path)) if path.is_empty() => {
                (file, Err("is empty; give it a file's path".to_owned()))
            }
            (None, Some(path)) => {
                let folder = self.walker.config_file().and_then(Path::parent);
                let path = folder.unwrap_or(Path::new("")).join(path);
                let environment = self.walker.environment();
                (
                    file,
                    secret::from_file(SecretKind::Phrase, &path, environment),
                )
            }
        };
        secret.map_err(|message| self.error(setting, message)).ok()
    }

    fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(setting)?;
        parse(&text)
            .map_err(|message| self.error(setting, message))
            .ok()
    }

    /// The values of a list. Empty if it is missing.
    fn values<T: Ord>(
        &mut self,
        setting: &Setting,
        most: usize,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> BTreeSet<T> {
        let items = match self.node.get(setting.name()) {
            None => return BTreeSet::new(),
            Some(Node::List(items)) if (1..=most).contains(&items.len()) => items,
            Some(_) => {
                let message = format!("takes a list of 1 to {most} values");
                self.error(setting, message);
                return BTreeSet::new();
            }
        };
        let mut values = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{}[{index}]", setting.key_of_item(self.index));
            let Some(text) = self.walker.node_text(&place, item) else {
                continue;
            };
            match parse(text) {
                Ok(value) => drop(values.insert(value)),
                Err(message) => self.walker.error(place, message),
            }
        }
        values
    }

    fn text(&mut self, setting: &Setting) -> Option<String> {
        let node = self.node.get(setting.name())?;
        let place = setting.key_of_item(self.index);
        self.walker.node_text(&place, node).map(str::to_owned)
    }

    fn error(&mut self, setting: &Setting, message: impl Into<String>) {
        self.walker.error(setting.key_of_item(self.index), message);
    }
}

/// One of these words. The error does not repeat the text, because it may be a secret that was meant for another key.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    value::word(text, words).map_err(|_| format!("is not one of {}", names.join(", ")))
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
