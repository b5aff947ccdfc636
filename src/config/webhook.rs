//! `webhook`: the public listener, to which Meta sends webhooks.

use reqwest::Url;

use super::clients::{ClientLimit, check_proxy_protocol};
use super::environment::read_text;
use super::error::ConfigErrors;
use super::graph::is_loopback;
use super::kind::{Boolean, NumberKind, Optional, Parsed, SettingKind, presence};
use super::listen_address::{ADDRESS, ListenAddress};
use super::section::{SummaryLine, settings};
use super::setting::Setting;
use super::url_path::{ROUTES, UrlPath, is_within};
use super::walker::Walker;
use super::web::{CONNECTIONS, WebConfig, WebFileKind};
use super::web_file::{ClientAuth, WebFile};

/// Certificates of one authority take a few KiB.
const MAX_CA_BYTES: usize = 256 * 1024;

const CALLBACK_URL: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: callback_url,
};

const WEBHOOK_PATH: Parsed<UrlPath> = Parsed {
    value_name: "PATH",
    parse: webhook_path,
};

const COMMON_NAME: Parsed<String> = Parsed {
    value_name: "NAME",
    parse: common_name,
};

settings! {
    /// Public listener for Meta's webhooks.
    #[derive(Clone, Debug)]
    WebhookConfig "webhook" {
        /// Whether Meta's webhooks are received; if false, app secret and verify token are optional.
        enabled: bool = "true", Boolean, for_listener;

        /// Address of the public listener; the same address as web.listen_address shares its port.
        listen_address: Option<ListenAddress> = ":10133", Optional(ADDRESS), common, for_listener;

        /// Path at which webhooks are received, with or without a slash at the end.
        path: UrlPath = "/webhook", WEBHOOK_PATH;

        /// URL to which Meta sends webhooks, as configured in the App Dashboard; `doctor`, `subscribe` and
        /// whatsapp_app_webhook_callback_matches compare with it.
        callback_url: Option<Url>, Optional(CALLBACK_URL), common;

        /// File with TLS, headers and rate limit of the public listener, in the format of web.config_file; without it,
        /// plain HTTP for a proxy that terminates TLS.
        config_file: Option<WebFile>, WebFileKind, flag("--webhook.config.file");

        /// PEM file of the CA that signs Meta's client certificate; webhooks then require that certificate; needs TLS in
        /// webhook.config_file, and mutual TLS in the App Dashboard.
        client_ca_file: Option<ClientCa>, ClientCaFiles;

        /// Common name of Meta's client certificate.
        client_common_name: String = "client.webhooks.fbclientcerts.com", COMMON_NAME;

        /// Maximum connections to the public listener; beyond it, the slowest connections are closed.
        max_connections: usize = "2048", NumberKind(CONNECTIONS), for_listener;

        /// Whether the trusted proxies send a PROXY protocol header, version 1 or 2, on each connection to the public
        /// listener.
        proxy_protocol: bool = "false", Boolean, for_listener;

        /// Maximum connections of one client to the public listener, or requests behind a trusted proxy; an IPv6 client
        /// is a /64; 0 is no limit, and loopback and trusted proxies have none.
        max_connections_per_client: Option<usize> = "0", ClientLimit, for_listener;
    }
}

/// Content of `webhook.client_ca_file`, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa(pub String);

impl WebhookConfig {
    /// Reads the section. The address is `None` if it is the operator listener's, port 0 included: both then share
    /// one port.
    pub(super) fn read(walker: &mut Walker<'_>, web: &WebConfig) -> Self {
        let mut webhook = Self::read_rows(walker);
        let shared = web.listen_address;
        webhook.listen_address = webhook.listen_address.filter(|own| *own != shared);
        let own = webhook.listen_address.filter(|_| webhook.enabled);
        if own.is_some_and(|own| own.collides_with(&shared)) {
            let place = walker.place(&Self::listen_address().setting);
            let message = format!(
                "uses the port of web.listen_address ({shared}) on other interfaces, so both cannot \
                 be bound; write the same address in both to share one port, or set another port"
            );
            walker.error(place, message);
        }
        webhook.check_path(walker, web);
        webhook.check_config_file(walker);
        let setting = Self::proxy_protocol().setting;
        check_proxy_protocol(
            walker,
            &setting,
            webhook.proxy_protocol,
            &web.trusted_proxies,
        );
        webhook
    }

    /// Below the prefix of the operator's routes, the path must not hide one of them.
    fn check_path(&self, walker: &mut Walker<'_>, web: &WebConfig) {
        let prefix = web.prefix();
        let below = self.path.as_str().strip_prefix(prefix);
        let is_taken = below.is_some_and(|rest| rest.is_empty() || webhook_path(rest).is_err());
        if !prefix.is_empty() && is_within(self.path.as_str(), prefix) && is_taken {
            let place = walker.place(&Self::path().setting);
            let message = format!(
                "is the path of another route below the prefix of the operator's routes ({prefix}); choose another one, such as {prefix}/webhook"
            );
            walker.error(place, message);
        }
    }

    /// A file of its own requires a listener of its own.
    fn check_config_file(&self, walker: &mut Walker<'_>) {
        if self.config_file.is_some() && self.listen_address.is_none() {
            let message = "requires a separate listener, but webhook.listen_address equals web.listen_address; \
                           set another port there, or use web.config_file";
            let place = walker.place(&Self::config_file().setting);
            walker.error(place, message);
        }
        // Also if the authority's file cannot be read, which is an error of its own.
        let requires_certificate = walker.given(&Self::client_ca_file().setting).is_some();
        for (setting, message) in self.file_problems(requires_certificate) {
            let place = walker.place(&setting);
            walker.error(place, message);
        }
    }

    /// Checks a file that has changed since the configuration was read, as the start does.
    ///
    /// # Errors
    /// All errors, each with its key.
    pub fn check_changed_file(&self) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        for (setting, message) in self.file_problems(self.client_ca_file.is_some()) {
            errors.add(setting.key.unwrap_or_default(), message);
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// What in the content of `config_file` Meta does not support, or conflicts with `client_ca_file`.
    fn file_problems(&self, requires_certificate: bool) -> Vec<(Setting, &'static str)> {
        let mut problems = Vec::new();
        let file = self.config_file.as_ref();
        if file.is_some_and(|file| !file.users.0.is_empty()) {
            let message = "has basic_auth_users, but Meta cannot log in; remove them, because deliveries are signed";
            problems.push((Self::config_file().setting, message));
        }
        let tls = file.and_then(|file| file.tls.as_ref());
        let conflict = match tls {
            None => Some(
                "requires TLS in the exporter; add tls_server_config to webhook.config_file, or let the proxy \
                 that terminates TLS verify the certificate",
            ),
            Some(tls) if tls.client_auth != ClientAuth::NoClientCert => Some(
                "conflicts with client_auth_type in webhook.config_file; remove client_auth_type",
            ),
            Some(_) => None,
        };
        let conflict = conflict.filter(|_| requires_certificate);
        problems.extend(conflict.map(|message| (Self::client_ca_file().setting, message)));
        problems
    }

    /// The section's part of the summary, with the address that applies.
    pub(super) fn lines_beside(&self, web: &WebConfig) -> Vec<SummaryLine> {
        let listen_address = self.listen_address.or(Some(web.listen_address));
        let webhook = Self {
            listen_address,
            ..self.clone()
        };
        webhook.lines()
    }
}

/// A file of certificates.
struct ClientCaFiles;

impl SettingKind for ClientCaFiles {
    type Value = Option<ClientCa>;

    fn value_name(&self) -> &'static str {
        "PATH"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<ClientCa> {
        let given = walker.given(setting)?;
        let pem = read_text(walker.environment(), &walker.path(&given), MAX_CA_BYTES);
        pem.map(ClientCa)
            .map_err(|problem| {
                let message =
                    format!("the file it names {problem}; check its path and permissions");
                walker.error(given.place, message);
            })
            .ok()
    }

    fn show(&self, value: &Option<ClientCa>) -> String {
        presence(value.as_ref())
    }
}

/// A host name. Other text is not repeated in the error, because it may be a secret that was set by mistake.
fn common_name(text: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if text.contains('.') && text.len() <= 253 && text.split('.').all(is_part) {
        Ok(text.to_owned())
    } else {
        Err("is not a host name; write it like client.webhooks.fbclientcerts.com".into())
    }
}

/// Parses the path of webhooks, which must not hide another route.
fn webhook_path(text: &str) -> Result<UrlPath, String> {
    let path = UrlPath::parse(text)?;
    if path.as_str().is_empty() || ROUTES.iter().any(|route| is_within(path.as_str(), route)) {
        return Err("is the path of another route; choose another one, such as /webhook".into());
    }
    Ok(path)
}

/// Parses the URL. Errors do not repeat it, because it may contain credentials.
fn callback_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is not a URL; write it like https://exporter.example.com/webhook")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains credentials, which Meta does not send; remove them".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(
            "is not https, which Meta requires (http is only for a loopback host, such as a \
             simulator's)"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{callback_url, webhook_path};

    #[test]
    fn webhooks_hide_no_other_route() {
        for good in ["/webhook", "/whatsapp/meta/", "/metrics-hook"] {
            assert!(webhook_path(good).is_ok(), "{good}");
        }
        for bad in [
            "/",
            "/metrics",
            "/api/v1/status",
            "/-/ready",
            "/v1",
            "webhook",
        ] {
            assert!(webhook_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_callback_is_https_or_loopback_and_has_no_credentials() {
        for good in [
            "https://exporter.example.com/webhook",
            "http://127.0.0.1:1/webhook",
        ] {
            assert!(callback_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://exporter.example.com/webhook",
            "https://me:secret@example.com/",
            "webhook",
            "/webhook",
        ] {
            let error = callback_url(bad).expect_err(bad);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
