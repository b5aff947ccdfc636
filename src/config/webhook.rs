//! `webhook`: the public listener, which Meta calls.

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

/// The public listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// `webhook.enabled`, `--webhook.enabled`; default true. Without webhooks, app secrets and verify
    /// tokens are optional.
    pub enabled: bool,
    /// `webhook.listen_address`, `--webhook.listen-address`; `None`, the default, is the operator's
    /// listener, and so is the same address written out.
    pub listen_address: Option<ListenAddress>,
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
        }
    }
}
