//! `webhook`: the public listener, which Meta calls.

use ipnet::IpNet;
use reqwest::Url;

use super::clients::{self, ClientConfig, ClientSettings};
use super::environment::read_text;
use super::graph::is_loopback;
use super::listen_address::ListenAddress;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use super::web::{CONNECTIONS, read_web_file};
use super::web_file::{ClientAuth, WebFile};

/// One authority's certificates take a few KiB.
const MAX_CA_BYTES: usize = 256 * 1024;

const ENABLED: Scalar<bool> = Scalar {
    setting: Setting::new(
        "webhook.enabled",
        "Whether Meta's webhooks are received; without them no app secret or verify token is needed",
    )
    .flag("--webhook.enabled")
    .default("true"),
    parse: value::boolean,
};

const LISTEN_ADDRESS: Scalar<ListenAddress> = Scalar {
    setting: Setting::new(
        "webhook.listen_address",
        "Where webhooks are received; the same address as web.listen_address shares its port",
    )
    .flag("--webhook.listen-address")
    .default(":10133"),
    parse: ListenAddress::parse,
};

const CALLBACK_URL: Scalar<Url> = Scalar {
    setting: Setting::new(
        "webhook.callback_url",
        "Where Meta is to send webhooks, as it stands in the app's dashboard; `doctor`, `subscribe` and \
         whatsapp_app_webhook_callback_matches compare with it",
    )
    .flag("--webhook.callback-url"),
    parse: callback_url,
};

const CONFIG_FILE: Setting = Setting::new(
    "webhook.config_file",
    "File with TLS, headers and the rate of requests of webhook.listen_address, in the same format as \
     web.config_file; left out, plain HTTP for a proxy that ends TLS",
)
.flag("--webhook.config.file");

const CLIENT_CA_FILE: Setting = Setting::new(
    "webhook.client_ca_file",
    "PEM file of the authority that signs Meta's client certificate: /webhook then answers nobody \
     without one; where TLS ends here and mutual TLS is on in the App Dashboard",
);

const CLIENT_COMMON_NAME: Scalar<String> = Scalar {
    setting: Setting::new(
        "webhook.client_common_name",
        "The common name of Meta's client certificate",
    )
    .default("client.webhooks.fbclientcerts.com"),
    parse: common_name,
};

const MAX_CONNECTIONS: Scalar<usize> = Scalar {
    setting: Setting::new(
        "webhook.max_connections",
        "Most connections to webhook.listen_address at once; beyond them the slowest are closed",
    )
    .default("2048"),
    parse: |text| value::number(text, &CONNECTIONS),
};

const CLIENTS: ClientSettings = ClientSettings {
    proxy_protocol: clients::proxy_protocol(
        "webhook.proxy_protocol",
        "Whether web.trusted_proxies begin each connection to webhook.listen_address with a PROXY protocol \
         header, version 1 or 2",
    ),
    max_connections: clients::max_connections(
        "webhook.max_connections_per_client",
        "Most connections of one client to webhook.listen_address, or requests behind a trusted proxy; an IPv6 \
         client is a /64; 0 is no limit, and loopback and trusted proxies have none",
    ),
};

/// The public listener.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// `webhook.enabled`, `--webhook.enabled`; default true. Without webhooks, app secrets and verify
    /// tokens are optional.
    pub enabled: bool,
    /// `webhook.listen_address`, `--webhook.listen-address`; default `:10133`. `None` if it equals the
    /// operator's address, port 0 included: both then share one port.
    pub listen_address: Option<ListenAddress>,
    /// `webhook.callback_url`, `--webhook.callback-url`; optional. https, but for a loopback host.
    pub callback_url: Option<Url>,
    /// `webhook.config_file`, `--webhook.config.file`; none is plain HTTP, or the operator's listener.
    pub file: Option<WebFile>,
    /// What `webhook.client_ca_file` holds, as PEM; none asks Meta for no certificate.
    pub client_ca: Option<String>,
    /// `webhook.client_common_name`; default `client.webhooks.fbclientcerts.com`.
    pub client_common_name: String,
    /// `webhook.max_connections`; 16 to 65,536, default 2048.
    pub max_connections: usize,
    /// `webhook.proxy_protocol` and `webhook.max_connections_per_client`.
    pub clients: ClientConfig,
}

impl WebhookConfig {
    pub(super) fn read(
        walker: &mut Walker<'_>,
        web: ListenAddress,
        trusted_proxies: &[IpNet],
    ) -> Self {
        let enabled = walker.scalar(&ENABLED);
        let own = walker.scalar(&LISTEN_ADDRESS);
        let listen_address = (own != web).then_some(own);
        if enabled && listen_address.is_some_and(|own| own.collides_with(&web)) {
            walker.error(
                "webhook.listen_address",
                format!(
                    "has the port of web.listen_address ({web}) on other interfaces, and both cannot \
                     be bound; write the same address in both to share one port, or set another port"
                ),
            );
        }
        let file = read_web_file(walker, &CONFIG_FILE);
        if let Some(file) = &file {
            refuse_what_meta_cannot(walker, file, listen_address.is_some());
        }
        Self {
            enabled,
            listen_address,
            callback_url: walker.optional_scalar(&CALLBACK_URL),
            client_ca: read_client_ca(walker, file.as_ref()),
            client_common_name: walker.scalar(&CLIENT_COMMON_NAME),
            file,
            clients: ClientConfig::read(walker, &CLIENTS, trusted_proxies),
            max_connections: walker.scalar(&MAX_CONNECTIONS),
        }
    }
}

fn refuse_what_meta_cannot(walker: &mut Walker<'_>, file: &WebFile, has_listener: bool) {
    let place = "webhook.config_file";
    if !has_listener {
        let message = "is for a listener of its own, and webhook.listen_address equals web.listen_address; set another \
             port there, or use web.config_file";
        walker.error(place, message);
    }
    if !file.users.0.is_empty() {
        let message =
            "has basic_auth_users, and Meta cannot log in; remove them, deliveries are signed";
        walker.error(place, message);
    }
}

fn read_client_ca(walker: &mut Walker<'_>, file: Option<&WebFile>) -> Option<String> {
    let (place, path) = walker.path(&CLIENT_CA_FILE)?;
    let certificates = read_text(walker.environment(), &path, MAX_CA_BYTES);
    let certificates = certificates.map_err(|problem| {
        let message = format!("the file it names {problem}; check its path and permissions");
        walker.error(place, message);
    });
    match file.and_then(|file| file.tls.as_ref()) {
        None => walker.error(
            place,
            "needs TLS that ends here: give webhook.config_file a tls_server_config, or have the proxy \
             that ends it ask for the certificate",
        ),
        Some(tls) if tls.client_auth != ClientAuth::NoClientCert => walker.error(
            place,
            "already says whose certificate is asked for; remove client_auth_type from webhook.config_file",
        ),
        Some(_) => {}
    }
    certificates.ok()
}

/// Meta's is a host's name. Anything else is not repeated: it may be a secret in the wrong place.
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
        Err("is not a name of a host; write it like client.webhooks.fbclientcerts.com".into())
    }
}

/// Never repeats the URL, which may hold credentials by mistake.
fn callback_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is not a URL; write it like https://exporter.example.com/webhook")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds credentials, which Meta would not send; remove them".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(
            "is not https, and Meta calls nothing else (http is only for a loopback host, such as a \
             simulator's)"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::callback_url;

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
