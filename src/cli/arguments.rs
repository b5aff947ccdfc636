//! Flags that several subcommands share.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Flags, StoreUrl};

/// The demo tells the same story each time unless asked for another.
const DEFAULT_SEED: &str = "1";

/// At a thousand times its speed a story's hour takes 3.6 s, close to what polling every second can
/// still follow; a limit also keeps durations finite.
const MAX_SPEED: f64 = 1000.0;

/// Where the configuration comes from; everything here may be left out.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigFlags {
    /// YAML file with everything that has no flag
    #[arg(long = "config.file", value_name = "PATH")]
    config_file: Option<PathBuf>,

    /// Where /metrics and the operator's pages are served; :PORT is every interface
    /// [default: :10131]
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    web_listen_address: Option<String>,

    /// File with TLS, passwords, headers and the rate of requests of the operator's side
    #[arg(long = "web.config.file", value_name = "PATH")]
    web_config_file: Option<String>,

    /// URL under which users reach the operator's pages, such as that of a reverse proxy
    #[arg(long = "web.external-url", value_name = "URL")]
    web_external_url: Option<String>,

    /// Reload the configuration at POST /-/reload; SIGHUP always does [default: false]
    #[arg(
        long = "web.enable-lifecycle",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    web_enable_lifecycle: Option<String>,

    /// Where webhooks are received [default: :10133]
    #[arg(long = "webhook.listen-address", value_name = "ADDRESS")]
    webhook_listen_address: Option<String>,

    /// File with TLS, headers and the rate of requests of --webhook.listen-address
    #[arg(long = "webhook.config.file", value_name = "PATH")]
    webhook_config_file: Option<String>,

    /// Where Meta is to send webhooks, as it stands in the app's dashboard
    #[arg(long = "webhook.callback-url", value_name = "URL")]
    webhook_callback_url: Option<String>,

    /// Whether webhooks are received; `false` needs neither app secret nor verify token
    /// [default: true]
    #[arg(long = "webhook.enabled", value_name = "BOOLEAN")]
    webhook_enabled: Option<String>,

    // Not a doc comment, where a bare URL is no link.
    #[arg(
        long = "graph.base-url",
        value_name = "URL",
        help = "The Graph API; http only for a loopback host [default: https://graph.facebook.com]"
    )]
    graph_base_url: Option<String>,

    /// The Graph API version asked for [default: v25.0]
    #[arg(long = "graph.api-version", value_name = "VERSION")]
    graph_api_version: Option<String>,

    /// Where state and history are kept: sqlite: and a file's path, or sqlite::memory:
    /// [default: sqlite:data/whatsapp-business-exporter.db]
    #[arg(long = "store.url", value_name = "URL")]
    store_url: Option<String>,

    /// File with the key that customers are hashed with, created if it does not exist
    /// [default: the database's path and .key]
    #[arg(long = "trackers.key-file", value_name = "PATH")]
    trackers_key_file: Option<String>,
    /// Most webhook deliveries in flight to each upstream of the relay [default: 64]
    #[arg(long = "relay.max-in-flight", value_name = "COUNT")]
    relay_max_in_flight: Option<String>,

    /// What is logged, and how.
    #[command(flatten)]
    log: LogFlags,

    /// Log each change that Meta reports [default: true]
    #[arg(long = "log.signals", value_name = "BOOLEAN")]
    log_signals: Option<String>,
}

impl ConfigFlags {
    /// As the configuration reads them.
    #[must_use]
    pub fn to_flags(&self) -> Flags {
        let flags = Flags::default()
            .with_config_file(self.config_file.clone())
            .with("--web.listen-address", self.web_listen_address.clone())
            .with(
                "--webhook.listen-address",
                self.webhook_listen_address.clone(),
            )
            .with("--web.config.file", self.web_config_file.clone())
            .with("--web.external-url", self.web_external_url.clone())
            .with("--web.enable-lifecycle", self.web_enable_lifecycle.clone())
            .with("--webhook.config.file", self.webhook_config_file.clone())
            .with("--webhook.callback-url", self.webhook_callback_url.clone())
            .with("--webhook.enabled", self.webhook_enabled.clone())
            .with("--graph.base-url", self.graph_base_url.clone())
            .with("--graph.api-version", self.graph_api_version.clone())
            .with("--store.url", self.store_url.clone())
            .with("--trackers.key-file", self.trackers_key_file.clone())
            .with("--relay.max-in-flight", self.relay_max_in_flight.clone())
            .with("--log.signals", self.log_signals.clone());
        self.log.add_to(flags)
    }
}

/// The store of an exporter, which may be running.
#[derive(Args, Clone, Debug)]
pub struct StoreFlags {
    /// Where state and history are kept: sqlite: and a file's path
    #[arg(
        long = "store.url",
        value_name = "URL",
        default_value = "sqlite:data/whatsapp-business-exporter.db",
        value_parser = StoreUrl::parse
    )]
    pub url: StoreUrl,
}

/// What is logged, and how.
#[derive(Args, Clone, Debug, Default)]
pub struct LogFlags {
    /// off, error, warn, info, debug, trace, or directives such as info,reqwest=debug
    /// [default: info]
    #[arg(long = "log.level", value_name = "LEVEL")]
    log_level: Option<String>,

    /// text or json [default: text]
    #[arg(long = "log.format", value_name = "FORMAT")]
    log_format: Option<String>,
}

impl LogFlags {
    /// As the configuration reads them.
    #[must_use]
    pub fn to_flags(&self) -> Flags {
        self.add_to(Flags::default())
    }

    fn add_to(&self, flags: Flags) -> Flags {
        flags
            .with("--log.level", self.log_level.clone())
            .with("--log.format", self.log_format.clone())
    }
}

/// What makes a simulated story repeatable, and fast.
#[derive(Args, Clone, Copy, Debug)]
pub struct PaceFlags {
    /// Number that decides every throw of the dice; the same seed is the same story
    #[arg(long, value_name = "NUMBER", default_value = DEFAULT_SEED)]
    pub seed: u64,

    /// How many times faster than real time the story runs, up to 1000
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text
        .parse()
        .ok()
        .filter(|speed| *speed > 0.0 && *speed <= MAX_SPEED);
    speed.ok_or_else(|| format!("give a number above 0, and {MAX_SPEED} at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_positive_and_bounded() {
        assert_eq!((speed("0.5"), speed("1000")), (Ok(0.5), Ok(1000.0)));
        for bad in ["0", "-1", "1000.1", "NaN", "inf", "fast", ""] {
            assert!(speed(bad).is_err(), "{bad:?}");
        }
    }
}
