//! `web`: the operator listener.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use reqwest::Url;

use super::clients::{ClientLimit, Networks, check_proxy_protocol};
use super::environment::Environment;
use super::error::ConfigErrors;
use super::file::File;
use super::flags::Flags;
use super::kind::{Boolean, NOT_SET, NumberKind, Optional, Parsed, SettingKind, listed};
use super::listen_address::{ADDRESS, ListenAddress};
use super::section::settings;
use super::setting::Setting;
use super::url_path::{ROUTES, UrlPath, is_within};
use super::walker::Walker;
use super::web_file::{WebFile, texts};

/// Fewer than 16 leave no room for Prometheus and a browser. Each connection takes a file descriptor and, if busy,
/// some 100 KiB.
pub(super) const CONNECTIONS: RangeInclusive<usize> = 16..=65_536;

/// Maximum length of a DNS name.
const MAX_HOST_CHARACTERS: usize = 253;

const ROUTE_PREFIX: Parsed<UrlPath> = Parsed {
    value_name: "PATH",
    parse: route_prefix,
};

const EXTERNAL_URL: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: external_url,
};

settings! {
    /// Operator listener: metrics, status page and APIs.
    #[derive(Clone, Debug)]
    WebConfig "web" {
        /// Address of the operator listener; `:PORT` is every interface.
        listen_address: ListenAddress = ":10131", ADDRESS, common, for_listener;

        /// File with TLS, passwords, headers and rate limit of the operator listener, in the format of Prometheus'
        /// exporter-toolkit; it is read again when it changes.
        config_file: Option<WebFile>, WebFileKind, flag("--web.config.file");

        /// Whether /-/healthy and /-/ready are served without password and client certificate.
        open_probes: bool = "false", Boolean;

        /// Maximum connections to the operator listener; beyond it, the slowest connections are closed.
        max_connections: usize = "512", NumberKind(CONNECTIONS), for_listener;

        /// Addresses and networks of reverse proxies, as a list such as `[10.0.0.0/8, 192.0.2.7]`; for both listeners,
        /// the client is then the last address in X-Forwarded-For that is not a proxy's.
        trusted_proxies: Vec<IpNet>, Networks, in_file_only, for_listener;

        /// Whether the trusted proxies send a PROXY protocol header, version 1 or 2, on each connection to the operator
        /// listener.
        proxy_protocol: bool = "false", Boolean, for_listener;

        /// Maximum connections of one client to the operator listener, or requests behind a trusted proxy; an IPv6
        /// client is a /64; 0 is no limit, and loopback and trusted proxies have none.
        max_connections_per_client: Option<usize> = "0", ClientLimit, for_listener;

        /// URL at which users reach the operator listener, such as a reverse proxy's; its host and origin are always
        /// allowed.
        external_url: Option<Url>, Optional(EXTERNAL_URL);

        /// Path below which the operator listener serves its routes, such as `/whatsapp`, or `/`; by default the path of
        /// web.external_url, and the routes are then also served without it, for a proxy that strips it. Webhooks and
        /// events keep their own paths.
        route_prefix: Option<UrlPath>, Optional(ROUTE_PREFIX);

        /// Whether `POST /-/reload` reloads the configuration; SIGHUP always does.
        enable_lifecycle: bool = "false", Boolean;

        /// Additional host names for pages and APIs, such as `exporter.example.com`, `*.example.com`, or
        /// `*` for any; IP addresses, names without a dot, localhost, names that end in .local, .internal, .home.arpa
        /// or .svc, the machine's own name and the host of web.external_url are always allowed.
        allowed_hosts: Vec<String>, Hosts, in_file_only;
    }
}

impl WebConfig {
    /// Reads only this section, for subcommands that query a running exporter: errors in other sections do not matter
    /// to them.
    ///
    /// # Errors
    /// All errors of the section.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let file = File::read(flags, environment, &mut errors);
        let mut walker = Walker::new(flags, &file, environment, errors);
        let web = Self::read(&mut walker);
        walker.finish().map(|_| web)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        let web = Self::read_rows(walker);
        let setting = Self::proxy_protocol().setting;
        check_proxy_protocol(walker, &setting, web.proxy_protocol, &web.trusted_proxies);
        web
    }
}

/// Parses the URL. Errors do not repeat it, because it may contain credentials. A slash is appended, so that relative
/// links stay below its path.
fn external_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let mut url = url.ok_or("is not a URL; write it like https://exporter.example.com/")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(
            "is neither http nor https; write it like https://exporter.example.com/".into(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains credentials; remove them".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; give only scheme, host and path".into());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

impl WebConfig {
    /// Prefix of the operator's routes, without a slash at the end; empty for none. A path of the external URL that would
    /// hide a route is no prefix: a proxy has to strip it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        if let Some(prefix) = &self.route_prefix {
            return prefix.as_str();
        }
        let external = self.external_url.as_ref();
        let path = external.map_or("", |url| url.path().trim_end_matches('/'));
        if ROUTES.iter().any(|route| is_within(path, route)) {
            ""
        } else {
            path
        }
    }
}

/// Parses the prefix. Below `/v1`, it would hide the routes of applications on a shared port.
fn route_prefix(text: &str) -> Result<UrlPath, String> {
    let path = UrlPath::parse(text)?;
    if is_within(path.as_str(), "/v1") {
        return Err("is the path of applications' routes; choose another one".into());
    }
    Ok(path)
}

/// A list of host names.
struct Hosts;

impl SettingKind for Hosts {
    type Value = Vec<String>;

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Vec<String> {
        let mut hosts = Vec::new();
        for (index, text) in texts(walker, setting).iter().enumerate() {
            match allowed_host(text) {
                Ok(host) => hosts.push(host),
                Err(message) => walker.error(format!("web.allowed_hosts[{index}]"), message),
            }
        }
        hosts
    }

    fn show(&self, value: &Vec<String>) -> String {
        listed(value)
    }
}

/// The name in the form in which hosts are compared, without a port.
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

/// The web configuration file of a listener. Errors in it are reported with their position in the file.
pub(super) struct WebFileKind;

impl SettingKind for WebFileKind {
    type Value = Option<WebFile>;

    fn value_name(&self) -> &'static str {
        "PATH"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<WebFile> {
        let given = walker.given(setting)?;
        let file = WebFile::load(&walker.path(&given), walker.environment());
        file.map_err(|errors| {
            for error in errors.iter() {
                walker.error(&given.place, error.to_string());
            }
        })
        .ok()
    }

    fn show(&self, value: &Option<WebFile>) -> String {
        let path = value.as_ref().map(|file| file.path.display().to_string());
        path.unwrap_or_else(|| NOT_SET.to_owned())
    }
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
    fn the_section_loads_despite_errors_in_other_sections() {
        let web = load("web: {listen_address: '127.0.0.1:9'}\napps: [{access_token: ''}]");
        let address = web.expect("a good section").listen_address;
        assert_eq!(address.to_string(), "127.0.0.1:9");
    }

    #[test]
    fn errors_of_the_section_are_reported() {
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
    fn the_path_of_the_external_url_is_a_prefix_unless_it_hides_a_route() {
        for (text, prefix) in [
            ("external_url: https://a.example/wa/", "/wa"),
            ("external_url: https://a.example", ""),
            ("external_url: https://a.example/metrics", ""),
            ("external_url: https://a.example/api/x", ""),
            ("external_url: https://a.example/apis", "/apis"),
            ("{external_url: https://a.example/wa, route_prefix: /}", ""),
            (
                "{external_url: https://a.example/wa, route_prefix: /b/}",
                "/b",
            ),
        ] {
            let text = text.trim_matches(['{', '}']);
            let web = load(&format!("web: {{{text}}}")).expect(text);
            assert_eq!(web.prefix(), prefix, "{text}");
        }
    }

    #[test]
    fn a_route_prefix_is_a_path() {
        let prefix = |text: &str| {
            let web = load(&format!("web: {{route_prefix: '{text}'}}"));
            web.map(|web| web.route_prefix.expect("it is given").to_string())
        };
        assert_eq!(prefix("/wa/").expect("a path"), "/wa");
        assert_eq!(prefix("/").expect("the root"), "/");
        for bad in ["wa", "https://a.example/", "/v1", "/v1/x", "/a b"] {
            let error = prefix(bad).expect_err(bad).to_string();
            assert!(error.starts_with("web.route_prefix: "), "{error}");
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
