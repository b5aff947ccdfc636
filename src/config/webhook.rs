//! `webhook`: the public listener, which Meta calls.

use reqwest::Url;

use super::graph::is_loopback;
use super::listen_address::ListenAddress;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;

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
        "Where webhooks are received; left out, on the port of web.listen_address",
    )
    .flag("--webhook.listen-address"),
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

/// The public listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// `webhook.enabled`, `--webhook.enabled`; default true. Without webhooks, app secrets and verify
    /// tokens are optional.
    pub enabled: bool,
    /// `webhook.listen_address`, `--webhook.listen-address`; `None`, the default, is the operator's
    /// listener, and so is the same address written out.
    pub listen_address: Option<ListenAddress>,
    /// `webhook.callback_url`, `--webhook.callback-url`; optional. https, but for a loopback host.
    pub callback_url: Option<Url>,
}

impl WebhookConfig {
    pub(super) fn read(walker: &mut Walker<'_>, web: ListenAddress) -> Self {
        let enabled = walker.scalar(&ENABLED);
        let own = walker.optional_scalar(&LISTEN_ADDRESS);
        let any_port = web.candidates().iter().any(|address| address.port() == 0);
        let listen_address = own.filter(|own| *own != web || any_port);
        if enabled && listen_address.is_some_and(|own| own.collides_with(&web)) {
            walker.error(
                "webhook.listen_address",
                format!(
                    "has the port of web.listen_address ({web}) on other interfaces, and both cannot \
                     be bound; leave it out to share that listener, or take another port"
                ),
            );
        }
        Self {
            enabled,
            listen_address,
            callback_url: walker.optional_scalar(&CALLBACK_URL),
        }
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
