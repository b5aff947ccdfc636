//! `apps`: Meta apps with their secrets and the accounts each one watches.
//!
//! One app may come from the file, from the environment, or from both: the variables provide what the single app of
//! the file lacks. With several apps, a variable is ambiguous and therefore rejected. Conditions between apps are
//! checked here; [`reader`] reads one app.

mod accounts;
mod discovery;
mod discovery_config;
mod found;
mod ids;
mod lines;
mod places;
mod reader;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::environment::read_variable;
use super::walker::Walker;
use crate::domain::{AppId, WabaId};
use crate::yaml::Node;
pub use discovery_config::DiscoveryConfig;
pub(super) use lines::lines;
use reader::{AppReader, Draft};

/// Maximum number of apps. Each has its own client, secrets and signature check per webhook; operators with more can
/// run several exporters.
const MAX_APPS: usize = 100;

/// The name of an app without a name or an id.
const DEFAULT_NAME: &str = "default";

/// A Meta app as the exporter uses it. `Debug` redacts its secrets.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// `apps[].name`; the default is the app's id, or else `default`. Unique among the apps.
    pub name: String,
    /// `apps[].app_id`, `WHATSAPP_APP_ID`; optional.
    pub app_id: Option<AppId>,
    /// `apps[].access_token` or `…_file`, `WHATSAPP_ACCESS_TOKEN` or `…_FILE`; visible ASCII only.
    pub access_token: SecretString,
    /// `apps[].app_secret` or `…_file`, `WHATSAPP_APP_SECRET` or `…_FILE`; always set while webhooks are enabled.
    pub app_secret: Option<SecretString>,
    /// `apps[].app_secret_previous` or `…_file`, `WHATSAPP_APP_SECRET_PREVIOUS` or `…_FILE`; optional, and different
    /// from `app_secret`.
    pub app_secret_previous: Option<SecretString>,
    /// `apps[].webhook_verify_token` or `…_file`, `WHATSAPP_WEBHOOK_VERIFY_TOKEN` or `…_FILE`; always set while
    /// webhooks are enabled.
    pub webhook_verify_token: Option<SecretString>,
    /// `apps[].accounts`, `WHATSAPP_BUSINESS_ACCOUNT_IDS`; at least one, unless accounts are discovered.
    /// Several apps may list the same account; the first one polls it.
    pub accounts: Vec<WabaId>,
    /// How further accounts are discovered.
    pub discovery: DiscoveryConfig,
}

impl AppConfig {
    /// Whether `other` is the same app and calls the Graph API with the same credentials.
    #[must_use]
    pub fn has_access_of(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|app| {
            let secret = app.app_secret.as_ref();
            secret.map(ExposeSecret::expose_secret)
        });
        self.name == other.name
            && self.app_id == other.app_id
            && self.access_token.expose_secret() == other.access_token.expose_secret()
            && own == others
    }
}

/// Reads every app. Relative paths in the file are relative to `directory`, the folder of the file.
pub(super) fn read(walker: &mut Walker<'_>, webhooks: bool, directory: &Path) -> Vec<AppConfig> {
    for setting in settings::all() {
        walker.note(&setting);
    }
    let items = match walker.node("apps") {
        None | Some(Node::Empty) => [].as_slice(),
        Some(Node::List(items)) => items.as_slice(),
        // Not a list: the check of the file's structure rejects it.
        Some(Node::Text(_) | Node::Map(_)) => return Vec::new(),
    };
    if items.len() > MAX_APPS {
        walker.error(
            "apps",
            format!("has more than {MAX_APPS} apps; run several exporters"),
        );
    }
    if items.len() > 1 {
        refuse_variables(walker, items.len());
    }
    let mut reader = AppReader {
        walker,
        directory,
        webhooks,
    };
    let drafts: Vec<Draft> = match items {
        [] => vec![reader.environment_app()],
        [only] => reader.file_app(0, only, true).into_iter().collect(),
        many => (0..)
            .zip(many)
            .filter_map(|(at, one)| reader.file_app(at, one, false))
            .collect(),
    };
    refuse_repeated_accounts(walker, &drafts);
    refuse_shared_names(walker, &drafts);
    drafts.into_iter().filter_map(Draft::finish).collect()
}

fn refuse_variables(walker: &mut Walker<'_>, apps: usize) {
    for variable in settings::all()
        .into_iter()
        .filter_map(|setting| setting.variable)
    {
        if read_variable(walker.environment(), variable).is_some() {
            walker.error(
                variable,
                format!(
                    "is set, but the file declares {apps} apps, so it is unclear to which one the \
                     variable belongs; unset it and give each app its own key in the file"
                ),
            );
        }
    }
}

/// Several apps may list one account, but each app only once.
fn refuse_repeated_accounts(walker: &mut Walker<'_>, drafts: &[Draft]) {
    for draft in drafts {
        let mut places: BTreeMap<&WabaId, &str> = BTreeMap::new();
        for (place, account) in &draft.accounts {
            if let Some(first) = places.get(account) {
                let message =
                    format!("account {account} is already listed in {first}; list it once per app");
                walker.error(place, message);
            } else {
                places.insert(account, place);
            }
        }
    }
}

fn refuse_shared_names(walker: &mut Walker<'_>, drafts: &[Draft]) {
    let mut places: BTreeMap<&str, &str> = BTreeMap::new();
    for draft in drafts {
        if let Some(first) = places.get(draft.name()) {
            let message = format!("is the same as that of {first}; give each app its own name");
            walker.error(format!("{}.name", draft.place), message);
        } else {
            places.insert(draft.name(), &draft.place);
        }
    }
}
