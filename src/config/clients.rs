//! How listeners find their clients behind proxies, and how much each client may hold.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::error::quoted;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use super::yaml::Node;

/// 0 is no limit. Browsers open six connections, Prometheus one per job.
const MOST_PER_CLIENT: RangeInclusive<usize> = 0..=65_536;

/// More networks than any operator has in front of one exporter; each request looks through them.
const MAX_PROXIES: usize = 100;

const TRUSTED_PROXIES: Setting = Setting::new(
    "web.trusted_proxies",
    "Addresses and networks of reverse proxies, as a list such as [10.0.0.0/8, 192.0.2.7]; for both \
     listeners, the client is then the last address in X-Forwarded-For that is not a proxy's",
);

/// A listener's settings about its clients.
pub(super) struct ClientSettings {
    pub proxy_protocol: Scalar<bool>,
    pub max_connections: Scalar<usize>,
}

pub(super) const fn proxy_protocol(key: &'static str, meaning: &'static str) -> Scalar<bool> {
    Scalar {
        setting: Setting::new(key, meaning).default("false"),
        parse: value::boolean,
    }
}

pub(super) const fn max_connections(key: &'static str, meaning: &'static str) -> Scalar<usize> {
    Scalar {
        setting: Setting::new(key, meaning).default("0"),
        parse: |text| value::number(text, &MOST_PER_CLIENT),
    }
}

/// What one listener does about its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// `proxy_protocol`; default false.
    pub proxy_protocol: bool,
    /// `max_connections_per_client`; `None`, written 0, is the default: a published port of a container, or
    /// a proxy that is not listed, shows one address for all clients.
    pub max_connections: Option<usize>,
}

impl ClientConfig {
    pub(super) fn read(
        walker: &mut Walker<'_>,
        settings: &ClientSettings,
        trusted: &[IpNet],
    ) -> Self {
        let proxy_protocol = walker.scalar(&settings.proxy_protocol);
        if proxy_protocol && trusted.is_empty() {
            let place = settings.proxy_protocol.setting.key.unwrap_or_default();
            let message =
                "needs to know whose headers count; list the proxy in web.trusted_proxies";
            walker.error(place, message);
        }
        if proxy_protocol && trusted.iter().any(has_loopback) {
            let place = settings.proxy_protocol.setting.key.unwrap_or_default();
            let message = "expects a PROXY protocol header on connections from loopback too, because \
                           web.trusted_proxies contains it; health checks and subcommands on this host are then \
                           closed: list only the proxy's address";
            walker.warn(place, message);
        }
        let most = walker.scalar(&settings.max_connections);
        Self {
            proxy_protocol,
            max_connections: (most > 0).then_some(most),
        }
    }
}

/// Does the network contain an address of this host's loopback?
fn has_loopback(network: &IpNet) -> bool {
    let localhost = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut localhost = localhost.iter();
    network.network().is_loopback() || localhost.any(|address: &IpAddr| network.contains(address))
}

/// The networks of trusted proxies, none by default.
pub(super) fn read_trusted_proxies(walker: &mut Walker<'_>) -> Vec<IpNet> {
    walker.note(&TRUSTED_PROXIES);
    let key = TRUSTED_PROXIES.key.unwrap_or_default();
    let Some(node) = walker.node(key) else {
        return Vec::new();
    };
    let Node::List(items) = node else {
        walker.error(key, "takes a list, such as [10.0.0.0/8, 192.0.2.7]");
        return Vec::new();
    };
    if items.len() > MAX_PROXIES {
        walker.error(
            key,
            format!("has more than {MAX_PROXIES} networks; give larger ones"),
        );
        return Vec::new();
    }
    let mut networks = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("{key}[{index}]");
        let Some(text) = walker.node_text(&place, item) else {
            continue;
        };
        match network(text) {
            Ok(network) => networks.push(network),
            Err(message) => walker.error(place, message),
        }
    }
    networks
}

/// An address is a network of its own.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || {
        text.parse()
            .ok()
            .map(|it: IpAddr| IpNet::from(it.to_canonical()))
    };
    let network = text.parse().ok().or_else(address);
    let network = network.ok_or_else(|| {
        let write = "write it like 10.0.0.0/8, 192.0.2.7 or fd00::/8";
        format!(
            "{} is neither an address nor a network; {write}",
            quoted(text)
        )
    })?;
    if network.prefix_len() == 0 {
        return Err(
            "trusts every client's word about its address; name the proxies' networks".into(),
        );
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ] {
            assert_eq!(network(text).expect(text).to_string(), expected);
        }
        for bad in ["", "10.0.0.0/33", "proxy.example.com", "0.0.0.0/0", "::/0"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }
}
