//! Trusted proxies and the connection limit per client, for both listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::error::quoted;
use super::kind::{SettingKind, TextKind, listed};
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::yaml::Node;

/// Browsers open six connections, and Prometheus one per job.
const MAX_PER_CLIENT: RangeInclusive<usize> = 0..=65_536;

/// Maximum number of proxies, because each request searches the list.
const MAX_PROXIES: usize = 100;

/// Maximum connections of a client. `None`, written as 0, means no limit.
pub(super) struct ClientLimit;

impl TextKind for ClientLimit {
    type Value = Option<usize>;

    fn value_name(&self) -> &'static str {
        "NUMBER"
    }

    fn parse(&self, text: &str) -> Result<Option<usize>, String> {
        let most = value::number(text, &MAX_PER_CLIENT)?;
        Ok((most > 0).then_some(most))
    }

    fn show(&self, value: &Option<usize>) -> String {
        value.unwrap_or(0).to_string()
    }
}

/// Checks a listener's PROXY protocol against the trusted proxies.
pub(super) fn check_proxy_protocol(
    walker: &mut Walker<'_>,
    setting: &Setting,
    is_on: bool,
    trusted: &[IpNet],
) {
    if is_on && trusted.is_empty() {
        let message = "requires web.trusted_proxies; list the proxy's address there";
        walker.error(walker.place(setting), message);
    }
    if is_on && trusted.iter().any(has_loopback) {
        let message = "also requires a PROXY protocol header on connections from loopback, because \
                       web.trusted_proxies contains it; connections of health checks and subcommands on this \
                       host are then closed; list only the proxy's address";
        walker.warn(walker.place(setting), message);
    }
}

/// Whether the network contains a loopback address of this host.
fn has_loopback(network: &IpNet) -> bool {
    let localhost = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut localhost = localhost.iter();
    network.network().is_loopback() || localhost.any(|address: &IpAddr| network.contains(address))
}

/// A list of networks.
pub(super) struct Networks;

impl SettingKind for Networks {
    type Value = Vec<IpNet>;

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Vec<IpNet> {
        let key = setting.key.unwrap_or_default();
        let Some(node) = walker.node(key) else {
            return Vec::new();
        };
        let Node::List(items) = node else {
            walker.error(key, "takes a list, such as [10.0.0.0/8, 192.0.2.7]");
            return Vec::new();
        };
        if items.len() > MAX_PROXIES {
            let message = format!("has more than {MAX_PROXIES} networks; give larger ones");
            walker.error(key, message);
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

    fn show(&self, value: &Vec<IpNet>) -> String {
        listed(value)
    }
}

/// A network, or a single address.
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
            "would let every client choose its address; list only the proxies' networks".into(),
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
