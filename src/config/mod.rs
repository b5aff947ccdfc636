//! Configuration: flags, environment and one YAML file become plain structs.
//!
//! Invariant: [`Config::load`] reports every error at once, each with its key and what to do. No error, `Debug`
//! output or summary contains a secret. This module does not depend on how the rest of the program uses a value, and
//! only [`ProcessEnvironment`] accesses the process.
//!
//! A setting is declared once, as a row of its section's table (`settings!`): key, type, default, range and help. Its
//! flag, its variable, its line in the summary, its row in the reference and its field are generated from that row.
//!
//! Precedence is flag, then environment variable, then file, then default. The variables of an app
//! (`WHATSAPP_ACCESS_TOKEN` and so on) are the exception: the file has precedence over them. They apply to one app only:
//! the single app of the file, or the app that no file declares.
//!
//! Every value, whether from a flag, a variable, the file or a default, is text until its setting's parser reads it,
//! so that all sources accept the same values.

mod apps;
mod campaigns;
mod clients;
mod environment;
mod error;
mod experiments;
mod file;
mod flags;
mod graph;
mod insights;
mod item_reader;
mod journeys;
mod kind;
mod listen_address;
mod log;
mod metrics;
mod mistake;
mod notify;
mod otlp;
mod poll;
mod postgres_url;
mod proxy;
mod reference;
mod relay;
mod secret;
mod secret_kind;
mod section;
mod send_gate;
mod setting;
mod shape;
mod share;
mod spelling;
mod store;
mod summary;
mod templates;
mod token;
mod trackers;
mod unknown_variables;
mod url_path;
mod value;
mod walker;
mod web;
mod web_file;
mod webhook;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use apps::{AppConfig, DiscoveryConfig};
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use error::{ConfigError, ConfigErrors, ConfigWarning};
pub use flags::Flags;
pub use graph::GraphConfig;
pub use insights::InsightsConfig;
pub use listen_address::ListenAddress;
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use notify::{NotifyConfig, NotifyFormat, NotifyWebhook};
pub use otlp::{OtlpConfig, OtlpHeaders};
pub use poll::PollConfig;
pub use reference::reference;
pub use relay::{RelayConfig, UpstreamConfig};
pub use send_gate::{SendGateConfig, gate_token};
pub use setting::{Applies, Setting};
pub use store::{PasswordFile, StoreConfig, StoreUrl};
pub use templates::TemplatesConfig;
pub use trackers::{KeyFile, TrackersConfig};
pub use url_path::UrlPath;
pub use web::WebConfig;
pub use web_file::{ClientAuth, RateLimit, TlsConfig, TlsVersion, Users, WebFile};
pub use webhook::{ClientCa, WebhookConfig};

use file::{CONFIG_FILE, File};
use walker::Walker;

/// The complete configuration. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Path of the configuration file. `None` if there is none.
    pub file: Option<PathBuf>,
    /// The operator listener.
    pub web: WebConfig,
    /// The public listener, to which Meta sends webhooks.
    pub webhook: WebhookConfig,
    /// The Graph API client.
    pub graph: GraphConfig,
    /// Intervals and limits of polls.
    pub poll: PollConfig,
    /// Location and retention of state and history.
    pub store: StoreConfig,
    /// The series of accounts, phone numbers and conversations.
    pub metrics: MetricsConfig,
    /// Detail of template metrics.
    pub templates: TemplatesConfig,
    /// The daily figures of templates and phone numbers.
    pub insights: InsightsConfig,
    /// Conversation metrics, business hours and the event API.
    pub trackers: TrackersConfig,
    /// Policy and token of the send gate.
    pub gate: SendGateConfig,
    /// Upstreams and limits of the relay.
    pub relay: RelayConfig,
    /// Receivers of changes.
    pub notify: NotifyConfig,
    /// Push of the metrics.
    pub otlp: OtlpConfig,
    /// Level and format of the log.
    pub log: LogConfig,
    /// Meta apps with their secrets and accounts; at least one.
    pub apps: Vec<AppConfig>,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, in upper or lower case, sets a proxy.
    pub has_proxy: bool,
    /// Valid settings that are probably mistakes.
    pub warnings: Vec<ConfigWarning>,
}

impl Config {
    /// Reads the flags, the environment, and the configuration file. A reload reads again with the same flags.
    ///
    /// # Errors
    /// All errors, not only the first.
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

    /// The keys of listeners that differ from `other`. They take effect only at a restart.
    #[must_use]
    pub fn listener_changes(&self, other: &Self) -> Vec<&'static str> {
        self.changed_keys(other, Applies::ListenerRestart)
    }

    /// The keys of the log that differ from `other` and take effect only at a restart.
    #[must_use]
    pub fn log_changes(&self, other: &Self) -> Vec<&'static str> {
        self.changed_keys(other, Applies::LogRestart)
    }

    /// Whether the store's settings and `trackers.key_file` equal those of `other`. They take effect only at a
    /// restart.
    #[must_use]
    pub fn stores_as(&self, other: &Self) -> bool {
        self.changed_keys(other, Applies::StoreRestart).is_empty()
    }

    /// Keeps the values of the running configuration `started` for all settings that take effect only at a restart.
    #[must_use]
    pub fn keeping_started(mut self, started: &Self) -> Self {
        self.web.keep_started(&started.web);
        self.webhook.keep_started(&started.webhook);
        self.graph.keep_started(&started.graph);
        self.poll.keep_started(&started.poll);
        self.store.keep_started(&started.store);
        self.metrics.keep_started(&started.metrics);
        self.templates.keep_started(&started.templates);
        self.insights.keep_started(&started.insights);
        self.trackers.keep_started(&started.trackers);
        self.gate.keep_started(&started.gate);
        self.relay.keep_started(&started.relay);
        self.notify.keep_started(&started.notify);
        self.otlp.keep_started(&started.otlp);
        self.log.keep_started(&started.log);
        self
    }

    /// The keys of changed settings that take effect at this time.
    fn changed_keys(&self, other: &Self, applies: Applies) -> Vec<&'static str> {
        let changed = self.changed(other).into_iter();
        changed
            .filter(|setting| setting.applies == applies)
            .filter_map(|setting| setting.key)
            .collect()
    }

    /// The settings whose values differ from `other`, without lists and apps.
    fn changed(&self, other: &Self) -> Vec<Setting> {
        [
            self.web.changed(&other.web),
            self.webhook.changed(&other.webhook),
            self.graph.changed(&other.graph),
            self.poll.changed(&other.poll),
            self.store.changed(&other.store),
            self.metrics.changed(&other.metrics),
            self.templates.changed(&other.templates),
            self.insights.changed(&other.insights),
            self.trackers.changed(&other.trackers),
            self.gate.changed(&other.gate),
            self.relay.changed(&other.relay),
            self.notify.changed(&other.notify),
            self.otlp.changed(&other.otlp),
            self.log.changed(&other.log),
        ]
        .concat()
    }

    /// Reads every section. Apps are omitted if the file is unreadable: it may declare them, so errors about missing
    /// secrets would mislead.
    fn read(walker: &mut Walker<'_>, with_apps: bool) -> Self {
        walker.note(&CONFIG_FILE);
        let web = WebConfig::read(walker);
        let webhook = WebhookConfig::read(walker, &web);
        // In the order of the reference.
        let graph = GraphConfig::read(walker);
        let poll = PollConfig::read(walker);
        let store = StoreConfig::read(walker);
        let file = walker.config_file();
        let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Self {
            file: file.map(Path::to_owned),
            web,
            graph,
            poll,
            metrics: MetricsConfig::read(walker),
            templates: TemplatesConfig::read(walker),
            insights: InsightsConfig::read(walker),
            trackers: TrackersConfig::read(walker, &store),
            store,
            gate: SendGateConfig::read(walker, &webhook),
            relay: RelayConfig::read(walker, &webhook),
            notify: NotifyConfig::read(walker),
            otlp: OtlpConfig::read(walker),
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
