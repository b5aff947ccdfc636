//! Hosts and ports in the `Host` header, in URIs and in origins.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The host of a request, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An IP address, which no DNS record can redirect.
    Address(String),
    /// A name in lower case, without its final dot.
    Name(String),
}

/// A host and the port that is given with it.
pub(super) type Authority = (Host, Option<u16>);

/// Scheme and authority of an origin.
pub(super) fn origin(text: &str) -> Option<(&str, Authority)> {
    let (scheme, rest) = text.split_once("://")?;
    Some((scheme, authority(rest)?))
}

pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Host and port. `None` for other text, such as one with user information.
pub(super) fn authority(text: &str) -> Option<Authority> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        // A zone ends a link-local address: `fe80::1%eth0`.
        let (address, _zone) = address.split_once('%').unwrap_or((address, ""));
        let address: Ipv6Addr = address.parse().ok()?;
        let port = match port {
            "" => None,
            port => to_port(port.strip_prefix(':')?)?,
        };
        return Some((Host::Address(address.to_string()), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, to_port(port)?),
        None => (text, None),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some((Host::Address(address.to_string()), port));
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let mut labels = host.split('.');
    let is_name = labels.all(|label| !label.is_empty() && label.bytes().all(is_letter));
    is_name.then(|| (Host::Name(host.to_ascii_lowercase()), port))
}

/// The port after a colon; an empty one means none. The outer `None` is for text that is not a port.
fn to_port(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().map(Some)
}
