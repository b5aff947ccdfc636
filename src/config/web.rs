//! `web`: the operator's listener.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::clients::{self, ClientConfig, ClientSettings};
use super::environment::Environment;
use super::error::ConfigErrors;
use super::flags::Flags;
use super::listen_address::ListenAddress;
use super::read_file;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use super::web_file::WebFile;

/// Fewer leave no room for a Prometheus and a person; each takes a file descriptor and, busy, some 100 KiB.
pub(super) const CONNECTIONS: RangeInclusive<usize> = 16..=65_536;

const LISTEN_ADDRESS: Scalar<ListenAddress> = Scalar {
    setting: Setting::new(
        "web.listen_address",
        "Where /metrics and the operator's pages are served; :PORT is every interface",
    )
    .flag("--web.listen-address")
    .default(":10131"),
    parse: ListenAddress::parse,
};

const CONFIG_FILE: Setting = Setting::new(
    "web.config_file",
    "File with TLS, passwords, headers and the rate of requests of that listener, in the format of \
     Prometheus' exporter-toolkit; it is read again when it changes",
)
.flag("--web.config.file");

const OPEN_PROBES: Scalar<bool> = Scalar {
    setting: Setting::new(
        "web.open_probes",
        "Whether /-/healthy and /-/ready ask for neither password nor client certificate",
    )
    .default("false"),
    parse: value::boolean,
};

const MAX_CONNECTIONS: Scalar<usize> = Scalar {
    setting: Setting::new(
        "web.max_connections",
        "Most connections to that listener at once; beyond them the slowest are closed",
    )
    .default("512"),
    parse: |text| value::number(text, &CONNECTIONS),
};

const CLIENTS: ClientSettings = ClientSettings {
    proxy_protocol: clients::proxy_protocol(
        "web.proxy_protocol",
        "Whether web.trusted_proxies begin each connection to that listener with a PROXY protocol header, \
         version 1 or 2",
    ),
    max_connections: clients::max_connections(
        "web.max_connections_per_client",
        "Most connections of one client to that listener, or requests behind a trusted proxy; an IPv6 client \
         is a /64; 0 is no limit, and loopback and trusted proxies have none",
    ),
};

/// The operator's listener.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// `web.listen_address`, `--web.listen-address`; default `:10131`.
    pub listen_address: ListenAddress,
    /// `web.config_file`, `--web.config.file`; none is plain HTTP without passwords.
    pub file: Option<WebFile>,
    /// `web.open_probes`; default false.
    pub open_probes: bool,
    /// `web.max_connections`; 16 to 65,536, default 512.
    pub max_connections: usize,
    /// `web.trusted_proxies`, for both listeners; none by default.
    pub trusted_proxies: Vec<IpNet>,
    /// `web.proxy_protocol` and `web.max_connections_per_client`.
    pub clients: ClientConfig,
}

impl WebConfig {
    /// This section alone: for a subcommand that asks a running exporter, whatever else has been
    /// written into the file since it started.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let file = read_file(flags, environment)
            .map_err(|message| errors.add("--config.file", message))
            .ok();
        let mut walker = Walker::new(flags, file.as_ref(), environment, errors);
        let web = Self::read(&mut walker);
        walker.finish().map(|_| web)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        let trusted_proxies = clients::read_trusted_proxies(walker);
        Self {
            clients: ClientConfig::read(walker, &CLIENTS, &trusted_proxies),
            trusted_proxies,
            listen_address: walker.scalar(&LISTEN_ADDRESS),
            file: read_web_file(walker, &CONFIG_FILE),
            open_probes: walker.scalar(&OPEN_PROBES),
            max_connections: walker.scalar(&MAX_CONNECTIONS),
        }
    }
}

/// The file that `setting` names. What is wrong in it is told with its place in it.
pub(super) fn read_web_file(walker: &mut Walker<'_>, setting: &Setting) -> Option<WebFile> {
    let (place, path) = walker.path(setting)?;
    let file = WebFile::load(&path, walker.environment());
    file.map_err(|errors| {
        for error in errors.iter() {
            walker.error(place, error.to_string());
        }
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::super::FixedEnvironment;
    use super::*;

    fn load(file: &str) -> Result<WebConfig, ConfigErrors> {
        let environment = FixedEnvironment::default().with_file("config.yml", file);
        let flags = Flags::default().with_config_file(Some("config.yml".into()));
        WebConfig::load(&flags, &environment)
    }

    #[test]
    fn the_section_alone_needs_no_other_to_be_right() {
        let web = load("web: {listen_address: '127.0.0.1:9'}\napps: [{access_token: ''}]");
        let address = web.expect("a good section").listen_address;
        assert_eq!(address.to_string(), "127.0.0.1:9");
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        for (file, place) in [
            ("web: {listen_address: nine}", "web.listen_address: "),
            ("web: {", "--config.file: "),
        ] {
            let errors = load(file).expect_err(file).to_string();
            assert!(errors.starts_with(place), "{errors}");
        }
    }
}
