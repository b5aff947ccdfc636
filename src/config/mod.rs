//! Configuration: flags, environment and one YAML file become plain structs.
//!
//! Invariant: [`Config::load`] reports every error at once, each naming its key and what to do, and
//! no error, `Debug` output or summary ever holds a secret. Nothing here knows what the rest of the
//! program does with a value, and nothing outside [`ProcessEnvironment`] touches the process.
//!
//! Precedence is flag, then file, then default. The environment speaks for one app only: it fills
//! what the file's single app leaves out, or is that app where the file declares none.
//!
//! Every value is text until its own parser reads it, whether it came from a flag, the file or a
//! default, so the three cannot differ. A section's file declares its keys once; the same declaration
//! is read by the walker and listed by [`reference()`].

mod apps;
mod clients;
mod environment;
mod error;
mod flags;
mod graph;
mod journeys;
mod listen_address;
mod log;
mod mistake;
mod poll;
mod proxy;
mod reference;
mod relay;
mod secret;
mod setting;
mod shape;
mod store;
mod summary;
mod templates;
mod trackers;
mod value;
mod walker;
mod web;
mod web_file;
mod webhook;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use apps::{AppConfig, DiscoveryConfig};
pub use clients::ClientConfig;
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use error::{ConfigError, ConfigErrors, ConfigWarning};
pub use flags::Flags;
pub use graph::GraphConfig;
pub use listen_address::ListenAddress;
pub use log::{LogConfig, LogFormat};
pub use poll::PollConfig;
pub use reference::reference;
pub use relay::{RelayConfig, UpstreamConfig};
pub use setting::Setting;
pub use store::{StoreConfig, StoreUrl};
pub use templates::TemplatesConfig;
pub use trackers::{KeyFile, TrackersConfig};
pub use web::WebConfig;
pub use web_file::{ClientAuth, RateLimit, TlsConfig, TlsVersion, Users, WebFile};
pub use webhook::WebhookConfig;

use walker::Walker;
use yaml::Node;

/// Largest configuration file read. A thousand accounts take some 30 KiB; a file beyond this is a
/// log or a disk image that was named by mistake.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The file of everything below; it has no key of its own.
const CONFIG_FILE: Setting =
    Setting::flag_only("--config.file", "YAML file with the keys of this table");

/// Everything an operator can decide. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The operator's listener.
    pub web: WebConfig,
    /// The public listener, which Meta calls.
    pub webhook: WebhookConfig,
    /// How the Graph API is called.
    pub graph: GraphConfig,
    /// How often it is called.
    pub poll: PollConfig,
    /// Where what is known is kept.
    pub store: StoreConfig,
    /// How much is exported about each template.
    pub templates: TemplatesConfig,
    /// What is measured of messages.
    pub trackers: TrackersConfig,
    /// Whether and how deliveries are passed on.
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
    /// Reads flags, the file they name, and the environment. Reading again with the same flags is
    /// how a reload works.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first of it.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let file = read_file(flags, environment)
            .map_err(|message| errors.add("--config.file", message))
            .ok();
        let mut walker = Walker::new(flags, file.as_ref(), environment, errors);
        let config = Self::read(&mut walker, file.is_some());
        walker.refuse_unknown_keys();
        let warnings = walker.finish()?;
        Ok(Self { warnings, ..config })
    }

    /// The keys of the listeners that differ from `other`. They change with a restart only.
    #[must_use]
    pub fn listener_changes(&self, other: &Self) -> Vec<&'static str> {
        let ((web, webhook), (old_web, old)) =
            ((&self.web, &self.webhook), (&other.web, &other.webhook));
        let ((clients, own), (old_clients, old_own)) = (
            (&web.clients, &webhook.clients),
            (&old_web.clients, &old.clients),
        );
        let keys = [
            (
                "web.listen_address",
                web.listen_address == old_web.listen_address,
            ),
            (
                "webhook.listen_address",
                webhook.listen_address == old.listen_address,
            ),
            ("webhook.enabled", webhook.enabled == old.enabled),
            (
                "web.max_connections",
                web.max_connections == old_web.max_connections,
            ),
            (
                "webhook.max_connections",
                webhook.max_connections == old.max_connections,
            ),
            (
                "web.trusted_proxies",
                web.trusted_proxies == old_web.trusted_proxies,
            ),
            (
                "web.proxy_protocol",
                clients.proxy_protocol == old_clients.proxy_protocol,
            ),
            (
                "webhook.proxy_protocol",
                own.proxy_protocol == old_own.proxy_protocol,
            ),
            (
                "web.max_connections_per_client",
                clients.max_connections == old_clients.max_connections,
            ),
            (
                "webhook.max_connections_per_client",
                own.max_connections == old_own.max_connections,
            ),
        ];
        let changed = keys.into_iter().filter(|(_, is_same)| !is_same);
        changed.map(|(key, _)| key).collect()
    }

    /// Does this configuration keep its state where `other` does, as long, and with the same key?
    #[must_use]
    pub fn stores_as(&self, other: &Self) -> bool {
        self.store == other.store && self.trackers.key_file == other.trackers.key_file
    }

    /// Reads every section. Apps are left out when the file is unreadable: what it would have said
    /// about them is not known, and complaints about missing secrets would mislead.
    fn read(walker: &mut Walker<'_>, with_apps: bool) -> Self {
        walker.note(&CONFIG_FILE);
        let web = WebConfig::read(walker);
        let webhook = WebhookConfig::read(walker, web.listen_address, &web.trusted_proxies);
        let directory = walker
            .config_file()
            .and_then(Path::parent)
            .map(Path::to_owned);
        Self {
            web,
            graph: GraphConfig::read(walker),
            poll: PollConfig::read(walker),
            store: StoreConfig::read(walker),
            templates: TemplatesConfig::read(walker),
            trackers: TrackersConfig::read(walker),
            relay: RelayConfig::read(walker, &webhook),
            log: LogConfig::read(walker),
            apps: if with_apps {
                apps::read(walker, webhook.enabled, &directory.unwrap_or_default())
            } else {
                Vec::new()
            },
            webhook,
            has_proxy: proxy::read(walker),
            warnings: Vec::new(),
        }
    }
}

/// The file's tree; an empty one where no file is named.
fn read_file(flags: &Flags, environment: &dyn Environment) -> Result<Node, String> {
    let Some(path) = flags.config_file() else {
        return Ok(Node::Map(Vec::new()));
    };
    let shown = path.display();
    let text = environment::read_text(environment, path, MAX_FILE_BYTES)
        .map_err(|problem| format!("{shown} {problem}"))?;
    match yaml::parse(&text).map_err(|problem| format!("{shown}, {problem}"))? {
        Node::Empty => Ok(Node::Map(Vec::new())),
        map @ Node::Map(_) => Ok(map),
        Node::Text(_) | Node::List(_) => Err(format!(
            "{shown}: the top level must hold keys, such as `web:` and `apps:`"
        )),
    }
}
