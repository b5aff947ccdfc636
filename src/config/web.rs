//! `web`: the operator's listener.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use reqwest::Url;

use super::clients::{self, ClientConfig, ClientSettings};
use super::environment::Environment;
use super::error::ConfigErrors;
use super::flags::Flags;
use super::listen_address::ListenAddress;
use super::read_file;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use super::web_file::{WebFile, texts};

/// Fewer leave no room for a Prometheus and a person; each takes a file descriptor and, busy, some 100 KiB.
pub(super) const CONNECTIONS: RangeInclusive<usize> = 16..=65_536;

/// Longest name of the DNS.
const MAX_HOST_CHARACTERS: usize = 253;

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

const EXTERNAL_URL: Scalar<Url> = Scalar {
    setting: Setting::new(
        "web.external_url",
        "URL under which users reach the operator's pages, such as that of a reverse proxy, which may add \
         a path and must strip it; its host and origin are always allowed",
    )
    .flag("--web.external-url"),
    parse: external_url,
};

const ENABLE_LIFECYCLE: Scalar<bool> = Scalar {
    setting: Setting::new(
        "web.enable_lifecycle",
        "Whether `POST /-/reload` reloads the configuration; SIGHUP always does",
    )
    .flag("--web.enable-lifecycle")
    .default("false"),
    parse: value::boolean,
};

const ALLOWED_HOSTS: Setting = Setting::new(
    "web.allowed_hosts",
    "Further host names under which pages and APIs answer, such as `exporter.example.com`, \
     `*.example.com`, or `*` for any; IP addresses, names without a dot, localhost, names that end in \
     .local, .internal, .home.arpa or .svc, the machine's own name and the host of web.external_url \
     always pass",
);

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
    /// `web.external_url`, `--web.external-url`; http or https, ends with a slash.
    pub external_url: Option<Url>,
    /// `web.enable_lifecycle`, `--web.enable-lifecycle`; default false.
    pub enable_lifecycle: bool,
    /// `web.allowed_hosts`: names in lower case, `*.` before what all below it have in common, or `*`.
    pub allowed_hosts: Vec<String>,
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
            external_url: walker.optional_scalar(&EXTERNAL_URL),
            enable_lifecycle: walker.scalar(&ENABLE_LIFECYCLE),
            allowed_hosts: read_allowed_hosts(walker),
        }
    }
}

/// Never repeats the URL, which may hold credentials by mistake. The slash at its end makes links
/// relative to it go below its path.
fn external_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let mut url = url.ok_or("is not a URL; write it like https://exporter.example.com/")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(
            "is neither http nor https; write it like https://exporter.example.com/".into(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds credentials; remove them".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; give scheme, host and path alone".into());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn read_allowed_hosts(walker: &mut Walker<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for (index, text) in texts(walker, &ALLOWED_HOSTS).iter().enumerate() {
        match allowed_host(text) {
            Ok(host) => hosts.push(host),
            Err(message) => walker.error(format!("web.allowed_hosts[{index}]"), message),
        }
    }
    hosts
}

/// A name, in the form in which hosts are compared. A port is no part of it: the listener has one.
fn allowed_host(text: &str) -> Result<String, String> {
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let name = host.strip_prefix("*.").unwrap_or(&host);
    let is_label = |label: &str| {
        let mut letters = label.bytes();
        !label.is_empty()
            && letters.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if host == "*" || (name.len() <= MAX_HOST_CHARACTERS && name.split('.').all(is_label)) {
        Ok(host)
    } else {
        Err(
            "is not a host name; write it like exporter.example.com or *.example.com, without scheme, \
             port and path"
                .to_owned(),
        )
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

    #[test]
    fn an_external_url_is_a_place_to_link_to() {
        let url = |text: &str| {
            let web = load(&format!("web: {{external_url: '{text}'}}"));
            web.map(|web| web.external_url.expect("it is given").to_string())
        };
        for (text, read) in [
            (
                "https://Exporter.example.com",
                "https://exporter.example.com/",
            ),
            ("http://[::1]:8080/wa", "http://[::1]:8080/wa/"),
        ] {
            assert_eq!(url(text).expect(text), read);
        }
        for bad in [
            "exporter.example.com",
            "ftp://exporter.example.com",
            "https://me:secret@exporter.example.com",
            "https://exporter.example.com/?token=secret",
            "https://exporter.example.com/#top",
        ] {
            let error = url(bad).expect_err(bad).to_string();
            assert!(error.starts_with("web.external_url: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn allowed_hosts_are_names() {
        let hosts = |list: &str| {
            load(&format!("web: {{allowed_hosts: {list}}}")).map(|web| web.allowed_hosts)
        };
        assert_eq!(hosts("[]").expect("none"), Vec::<String>::new());
        let read = hosts("[Exporter.Example.com., '*.example.org', '*', wa_1]").expect("names");
        assert_eq!(read, ["exporter.example.com", "*.example.org", "*", "wa_1"]);
        for bad in [
            "'https://exporter.example.com'",
            "'exporter.example.com:443'",
            "exporter.example.com/wa",
            "'a..b'",
            "'*example.com'",
            "''",
            "'a b'",
        ] {
            let error = hosts(&format!("[good, {bad}]")).expect_err(bad).to_string();
            assert!(error.starts_with("web.allowed_hosts[1]: "), "{error}");
        }
        assert!(hosts("exporter.example.com").is_err(), "not a list");
    }
}
