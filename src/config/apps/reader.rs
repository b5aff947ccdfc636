//! Reads one app, from the file, the environment or both.
//!
//! No message repeats a value of an app's key, because any of them may be a secret that was meant for another key.

use std::borrow::Cow;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::super::environment::read_variable;
use super::super::secret;
use super::super::secret_kind::SecretKind;
use super::super::setting::Setting;
use super::super::value;
use super::super::walker::Walker;
use super::found::SourceValue;
use super::places::Places;
use super::settings::{
    ACCESS_TOKEN, APP_ID, APP_SECRET, APP_SECRET_PREVIOUS, NAME, Need, SecretSettings, VERIFY_TOKEN,
};
use super::{AppConfig, DEFAULT_NAME, DiscoveryConfig};
use crate::domain::{AppId, WabaId};
use crate::yaml::Node;

pub(super) const NOT_AN_ID: &str = "is not an id; ids are 1 to 32 digits";

/// A place with the value found there.
pub(super) type PlacedValue<'a> = (String, SourceValue<Cow<'a, str>>);

/// Reads apps from the file and the environment.
pub(super) struct AppReader<'w, 'a> {
    pub(super) walker: &'w mut Walker<'a>,
    /// Folder to which paths in the file are relative.
    pub(super) directory: &'w Path,
    /// Whether webhooks are received, so that their secrets are required.
    pub(super) webhooks: bool,
}

/// An app with the values that could be read.
pub(super) struct Draft {
    pub(super) place: String,
    name: Option<String>,
    app_id: Option<AppId>,
    access_token: Option<SecretString>,
    app_secret: Option<SecretString>,
    app_secret_previous: Option<SecretString>,
    webhook_verify_token: Option<SecretString>,
    /// Accounts, each with its place.
    pub(super) accounts: Vec<(String, WabaId)>,
    discovery: DiscoveryConfig,
}

impl Draft {
    pub(super) fn name(&self) -> &str {
        let id = self.app_id.as_ref().map(AppId::as_str);
        self.name.as_deref().or(id).unwrap_or(DEFAULT_NAME)
    }

    /// The app. `None` if a required value is missing; its error has been recorded.
    pub(super) fn finish(self) -> Option<AppConfig> {
        Some(AppConfig {
            name: self.name().to_owned(),
            app_id: self.app_id,
            access_token: self.access_token?,
            app_secret: self.app_secret,
            app_secret_previous: self.app_secret_previous,
            webhook_verify_token: self.webhook_verify_token,
            accounts: self
                .accounts
                .into_iter()
                .map(|(_, account)| account)
                .collect(),
            discovery: self.discovery,
        })
    }
}

impl<'a> AppReader<'_, 'a> {
    /// The single app that the environment declares.
    pub(super) fn environment_app(&mut self) -> Draft {
        self.app(
            Places {
                item: None,
                variables: true,
            },
            "environment".to_owned(),
        )
    }

    /// The app at `index` of the file's list. With `variables`, they provide what it lacks. `None` if the item is not
    /// a map, which the check of the file's structure rejects.
    pub(super) fn file_app(
        &mut self,
        index: usize,
        item: &'a Node,
        variables: bool,
    ) -> Option<Draft> {
        let places = Places {
            item: Some((index, item)),
            variables,
        };
        matches!(item, Node::Map(_)).then(|| self.app(places, format!("apps[{index}]")))
    }

    fn app(&mut self, places: Places<'a>, place: String) -> Draft {
        let discovery = self.discovery(places);
        let (app_secret, app_secret_previous) = self.app_secrets(places);
        Draft {
            name: self.name(places),
            app_id: self.app_id(places),
            access_token: self.secret(&ACCESS_TOKEN, places),
            app_secret,
            app_secret_previous,
            webhook_verify_token: self.secret(&VERIFY_TOKEN, places),
            accounts: self.accounts(places, discovery.is_on()),
            discovery,
            place,
        }
    }

    fn name(&mut self, places: Places<'a>) -> Option<String> {
        let (place, name) = self.file_text(&NAME, places);
        let name = name.or_missing(|| {})?;
        value::name(&name)
            .map_err(|message| self.walker.error(place, message))
            .ok()
    }

    fn app_id(&mut self, places: Places<'a>) -> Option<AppId> {
        let (place, text) = self.text(&APP_ID, places);
        let id = AppId::parse(&text.or_missing(|| {})?);
        if id.is_none() {
            self.walker.error(place, NOT_AN_ID);
        }
        id
    }

    /// The app's current and previous secret. If both are equal, the rotation has not happened yet or is over.
    fn app_secrets(&mut self, places: Places<'a>) -> (Option<SecretString>, Option<SecretString>) {
        let current = self.secret(&APP_SECRET, places);
        let Some((place, previous)) = self.placed_secret(&APP_SECRET_PREVIOUS, places) else {
            return (current, None);
        };
        let is_same = current
            .as_ref()
            .is_some_and(|current| current.expose_secret() == previous.expose_secret());
        if is_same {
            let message =
                "is the same as app_secret; set app_secret to the new secret, or remove this value";
            self.walker.warn(place, message);
            return (current, None);
        }
        (current, Some(previous))
    }

    fn secret(&mut self, settings: &SecretSettings, places: Places<'a>) -> Option<SecretString> {
        let (_, secret) = self.placed_secret(settings, places)?;
        Some(secret)
    }

    /// The secret, with the key or variable that gives it or its file.
    fn placed_secret(
        &mut self,
        settings: &SecretSettings,
        places: Places<'a>,
    ) -> Option<(String, SecretString)> {
        let value = self.file_text(&settings.value, places);
        let file = self.file_text(&settings.file, places);
        let mut found = self.secret_in(settings.kind, value, file, self.directory);
        if matches!(found, SourceValue::Absent) {
            let value = self.variable(&settings.value, places);
            let file = self.variable(&settings.file, places);
            found = self.secret_in(settings.kind, value, file, Path::new(""));
        }
        found.or_missing(|| {
            let is_needed = match settings.need {
                Need::Always => true,
                Need::ForWebhooks => self.webhooks,
                Need::Never => false,
            };
            if is_needed {
                let (place, mut message) = places.missing(&settings.value, Some(&settings.file));
                if settings.need == Need::ForWebhooks {
                    message += "; it is not needed with webhook.enabled: false";
                }
                self.walker.error(place, message);
            }
        })
    }

    /// The secret, from its value or from a file relative to `directory`, with its place.
    fn secret_in(
        &mut self,
        kind: SecretKind,
        (place, value): PlacedValue<'a>,
        (file_place, file): PlacedValue<'a>,
        directory: &Path,
    ) -> SourceValue<(String, SecretString)> {
        let (place, secret) = match (value, file) {
            (SourceValue::Absent, SourceValue::Absent) => return SourceValue::Absent,
            (SourceValue::Refused, SourceValue::Absent)
            | (SourceValue::Absent, SourceValue::Refused) => {
                return SourceValue::Refused;
            }
            (SourceValue::Value(text), SourceValue::Absent) => {
                (place, secret::from_text(kind, &text))
            }
            (SourceValue::Absent, SourceValue::Value(path)) if path.is_empty() => (
                file_place,
                Err("is empty; give it a file's path".to_owned()),
            ),
            (SourceValue::Absent, SourceValue::Value(path)) => {
                let (path, environment) = (directory.join(&*path), self.walker.environment());
                (file_place, secret::from_file(kind, &path, environment))
            }
            (_, _) => {
                let message = format!("is given together with {file_place}; keep one of them");
                (place, Err(message))
            }
        };
        match secret {
            Ok(secret) => {
                if let Some(unusual) = secret::unusual(kind, &secret) {
                    self.walker.warn(place.as_str(), unusual);
                }
                SourceValue::Value((place, secret))
            }
            Err(message) => {
                self.walker.error(place, message);
                SourceValue::Refused
            }
        }
    }

    /// The text from the file, or else from the variable.
    pub(super) fn text(&mut self, setting: &Setting, places: Places<'a>) -> PlacedValue<'a> {
        match self.file_text(setting, places) {
            (_, SourceValue::Absent) => self.variable(setting, places),
            found => found,
        }
    }

    /// The text from the file.
    pub(super) fn file_text(&mut self, setting: &Setting, places: Places<'a>) -> PlacedValue<'a> {
        let place = places.key(setting);
        let node = places.item.and_then(|(_, item)| item.get(setting.name()));
        let found = node.map_or(SourceValue::Absent, |node| {
            self.walker
                .node_text(&place, node)
                .map(Cow::Borrowed)
                .into()
        });
        (place, found)
    }

    /// The text from the variable.
    pub(super) fn variable(&mut self, setting: &Setting, places: Places<'a>) -> PlacedValue<'a> {
        let Some(name) = setting.variable.filter(|_| places.variables) else {
            return (String::new(), SourceValue::Absent);
        };
        let found = match read_variable(self.walker.environment(), name) {
            None => SourceValue::Absent,
            Some(Ok(text)) => SourceValue::Value(Cow::Owned(text)),
            Some(Err(message)) => {
                self.walker.error(name, message);
                SourceValue::Refused
            }
        };
        (name.to_owned(), found)
    }
}
