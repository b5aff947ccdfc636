//! Reads the list of receivers, and reports every error in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::settings::{
    ADDRESS, ADDRESS_FILE, DIGEST, ENTITY_KINDS, FORMAT, FORMATS, KINDS, NAME, SECRET, SECRET_FILE,
    SEVERITIES, SEVERITY, WABA_IDS,
};
use super::{NotifyFormat, NotifyWebhook};
use crate::config::relay::upstream_url;
use crate::config::secret;
use crate::config::secret_kind::SecretKind;
use crate::config::setting::Setting;
use crate::config::value;
use crate::config::walker::Walker;
use crate::domain::{Severity, WabaId};
use crate::yaml::Node;

/// Every receiver gets its own requests. More receivers need an event router.
const MAX_WEBHOOKS: usize = 16;

/// Maximum number of accounts that one receiver's filter lists, as for an app.
const MAX_ACCOUNTS: usize = 20_000;

/// Shorter windows collect nothing, and longer ones delay a change for more than a shift can wait.
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Reads all receivers.
pub(super) fn read(walker: &mut Walker<'_>) -> Vec<NotifyWebhook> {
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
