//! Configuration: flags, environment and one YAML file become plain structs.
//!
//! Invariant: [`Config::load`] reports every error at once, each naming its key and what to do, and
//! no error, `Debug` output or summary ever holds a secret. Nothing here knows what the rest of the
//! program does with a value, and nothing outside [`ProcessEnvironment`] touches the process.
//!
//! A setting is declared once, as a row of its section's table (`settings!`): key, type, default, range and help. Its
//! flag, its variable, its line in the summary, its row in the reference and its field come from that row.
//!
//! Precedence is flag, then environment variable, then file, then default. The variables of an app
//! (`WHATSAPP_ACCESS_TOKEN` and so on) and of `trackers.token` fill what the file leaves out: the file wins over them.
//! Those of an app speak for one app only, the file's single app or the one that no file declares.
//!
//! Every value is text until its own parser reads it, whether it came from a flag, a variable, the file or a
//! default, so the four cannot differ.

mod apps;
mod clients;
mod environment;
mod error;
mod file;
mod flags;
mod graph;
mod journeys;
mod kind;
mod listen_address;
mod log;
mod mistake;
mod poll;
mod proxy;
mod reference;
mod relay;
mod secret;
mod secret_kind;
mod section;
mod setting;
mod shape;
mod spelling;
mod store;
mod summary;
mod templates;
mod trackers;
mod unknown_variables;
mod value;
mod walker;
mod web;
mod web_file;
mod webhook;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use apps::{AppConfig, DiscoveryConfig};
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use error::{ConfigError, ConfigErrors, ConfigWarning};
pub use flags::Flags;
pub use graph::GraphConfig;
pub use listen_address::ListenAddress;
pub use log::{LogConfig, LogFormat};
pub use poll::PollConfig;
pub use reference::reference;
pub use relay::{RelayConfig, UpstreamConfig};
pub use setting::{Applies, Setting};
pub use store::{StoreConfig, StoreUrl};
pub use templates::TemplatesConfig;
pub use trackers::{KeyFile, TrackersConfig};
pub use web::WebConfig;
pub use web_file::{ClientAuth, RateLimit, TlsConfig, TlsVersion, Users, WebFile};
pub use webhook::{ClientCa, WebhookConfig};

use file::{CONFIG_FILE, File};
use walker::Walker;

/// Everything an operator can decide. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if one is named.
    pub file: Option<PathBuf>,
    /// The operator listener.
    pub web: WebConfig,
    /// The public listener, to which Meta sends webhooks.
    pub webhook: WebhookConfig,
    /// The Graph API client.
    pub graph: GraphConfig,
    /// How often the Graph API is polled.
    pub poll: PollConfig,
    /// Where state and history are stored.
    pub store: StoreConfig,
    /// How much is exported about each template.
    pub templates: TemplatesConfig,
    /// What is measured of conversations.
    pub trackers: TrackersConfig,
    /// Where deliveries are forwarded, and how.
    pub relay: RelayConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Meta apps with their secrets and accounts; at least one.
    pub apps: Vec<AppConfig>,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, in upper or lower case, sets a proxy.
    pub has_proxy: bool,
    /// Valid settings that are probably mistakes.
    pub warnings: Vec<ConfigWarning>,
}

impl Config {
    /// Reads flags, the environment, and the file that they name. Reading again with the same flags is how a reload
    /// works.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first of it.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let file = File::read(flags, environment, &mut errors);
        let mut walker = Walker::new(flags, &file, environment, errors);
        let config = Self::read(&mut walker, file.tree.is_some());
        walker.refuse_unknown_keys();
        walker.warn_of_unknown_variables();
        let warnings = walker.finish()?;
        Ok(Self { warnings, ..config })
    }

    /// The keys of the listeners that differ from `other`. They change with a restart only.
    #[must_use]
    pub fn listener_changes(&self, other: &Self) -> Vec<&'static str> {
        let changed = self.changed(other).into_iter();
        changed
            .filter(|setting| setting.applies == Applies::ListenerRestart)
            .filter_map(|setting| setting.key)
            .collect()
    }

    /// Whether the store's settings and `trackers.key_file` are those of `other`. They change with a restart only.
    #[must_use]
    pub fn stores_as(&self, other: &Self) -> bool {
        let changed = self.changed(other);
        let mut applies = changed.iter().map(|setting| setting.applies);
        !applies.any(|applies| applies == Applies::StoreRestart)
    }

    /// The settings whose values differ from those of `other`, without lists and apps.
    fn changed(&self, other: &Self) -> Vec<Setting> {
        [
            self.web.changed(&other.web),
            self.webhook.changed(&other.webhook),
            self.graph.changed(&other.graph),
            self.poll.changed(&other.poll),
            self.store.changed(&other.store),
            self.templates.changed(&other.templates),
            self.trackers.changed(&other.trackers),
            self.relay.changed(&other.relay),
            self.log.changed(&other.log),
        ]
        .concat()
    }

    /// Reads every section. Apps are left out when the file is unreadable: what it would have said
    /// about them is not known, and complaints about missing secrets would mislead.
    fn read(walker: &mut Walker<'_>, with_apps: bool) -> Self {
        walker.note(&CONFIG_FILE);
        let web = WebConfig::read(walker);
        let webhook = WebhookConfig::read(walker, &web);
        let file = walker.config_file();
        let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Self {
            file: file.map(Path::to_owned),
            web,
            graph: GraphConfig::read(walker),
            poll: PollConfig::read(walker),
            store: StoreConfig::read(walker),
            templates: TemplatesConfig::read(walker),
            trackers: TrackersConfig::read(walker),
            relay: RelayConfig::read(walker, &webhook),
            log: LogConfig::read(walker),
            apps: if with_apps {
                apps::read(walker, webhook.enabled, directory)
            } else {
                Vec::new()
            },
            webhook,
            has_proxy: proxy::read(walker),
            warnings: Vec::new(),
        }
    }
}
