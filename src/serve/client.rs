//! Finds the client of a connection or request behind trusted proxies, and limits the connections of each client.
//!
//! A header or a PROXY protocol line counts only from a trusted proxy, because every client can send one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// How a listener determines its clients, and the limit for each of them.
#[derive(Clone, Debug, Default)]
pub struct ClientRules {
    /// Networks of the proxies whose information about the client is trusted.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Whether trusted proxies start each connection with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Maximum number of connections of one client, or of requests behind a proxy that sends `X-Forwarded-For`.
    /// `None` means no limit.
    pub most_per_client: Option<usize>,
}

impl ClientRules {
    /// Whether the address belongs to a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies
            .iter()
            .any(|net| net.contains(&address))
    }

    /// The client of a request that came from `peer`: the last address in `X-Forwarded-For` that does not belong to a
    /// trusted proxy. Without trusted proxies, the peer itself.
    pub(super) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = headers.get_all(FORWARDED_FOR).into_iter().rev();
        let mut hops = hops.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(client)
            && let Some(hop) = hops.next().and_then(parse_hop)
        {
            client = hop;
        }
        client
    }

    /// Whether the limit per client applies to the address. It does not apply to proxies, which represent many
    /// clients, or to loopback.
    fn limits(&self, address: IpAddr) -> bool {
        !address.to_canonical().is_loopback() && !self.trusts(address)
    }
}

/// An address as proxies write it, with or without a port. Other hops may contain any bytes, because the client may
/// have chosen them.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop).ok()?.trim();
    let address = hop.parse().ok();
    let address = address.or_else(|| hop.parse().ok().map(|it: std::net::SocketAddr| it.ip()));
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bare).map(|it: IpAddr| it.to_canonical())
}

/// The unit that is limited: an IPv4 address, or an IPv6 network of 64 bits, which is assigned to one client as a
/// whole.
pub(super) fn unit(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Number of connections and requests of each client. It has at most as many entries as the listener has connections.
#[derive(Debug, Default)]
pub(super) struct ClientCounts(Mutex<HashMap<IpAddr, usize>>);

/// Counts one connection or request of a client until it is dropped.
#[derive(Debug)]
pub(super) struct ClientGuard {
    counts: Arc<ClientCounts>,
    unit: Option<IpAddr>,
}

impl ClientCounts {
    /// Counts one more connection or request of the client. `None` at its limit.
    pub fn admit(self: &Arc<Self>, rules: &ClientRules, client: IpAddr) -> Option<ClientGuard> {
        let most = rules.most_per_client.filter(|_| rules.limits(client));
        let unit = most.map(|_| unit(client));
        if let Some((most, unit)) = most.zip(unit) {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(unit).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        let counts = Arc::clone(self);
        Some(ClientGuard { counts, unit })
    }
}

impl Drop for ClientGuard {
    fn drop(&mut self) {
        let Some(unit) = self.unit else { return };
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&unit) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&unit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn rules(trusted: &[&str], most: Option<usize>) -> ClientRules {
        ClientRules {
            trusted_proxies: trusted.iter().map(|net| net.parse().expect(net)).collect(),
            most_per_client: most,
            ..ClientRules::default()
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn only_headers_of_trusted_proxies_count() {
        let cases = [
            // (trusted, peer, lines of the header, client)
            (&[][..], "10.0.0.1", &["192.0.2.9"][..], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.9"], "192.0.2.9"),
            (&["10.0.0.0/8"], "192.0.2.1", &["192.0.2.9"], "192.0.2.1"),
            // The client's own entries are on the left.
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["1.1.1.1, 192.0.2.9, 10.2.3.4"],
                "192.0.2.9",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["1.1.1.1", "192.0.2.9"],
                "192.0.2.9",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["192.0.2.9:4711"],
                "192.0.2.9",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["[2001:db8::1]:80"],
                "2001:db8::1",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["[2001:db8::1]"],
                "2001:db8::1",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["192.0.2.9, unknown"],
                "10.0.0.1",
            ),
            (&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.9, "], "10.0.0.1"),
            // Bytes that are not ASCII, in the client's part and in the proxy's.
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["\u{ff}, 192.0.2.9"],
                "192.0.2.9",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["\u{ff}", "192.0.2.9, 10.2.3.4"],
                "192.0.2.9",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["192.0.2.9, \u{ff}"],
                "10.0.0.1",
            ),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
            (
                &["10.0.0.0/8"],
                "::ffff:10.0.0.1",
                &["192.0.2.9"],
                "192.0.2.9",
            ),
            (&["fd00::/8"], "fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ];
        for (trusted, peer, lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                let line = HeaderValue::from_bytes(line.as_bytes());
                headers.append(FORWARDED_FOR, line.expect("a header's value"));
            }
            let client = rules(trusted, None).client_of(address(peer), &headers);
            assert_eq!(client, address(expected), "{peer} {headers:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_hide_no_hop() {
        let line = HeaderValue::from_bytes(b"\xff, 192.0.2.9").expect("a header's value");
        let headers = HeaderMap::from_iter([(FORWARDED_FOR.parse().expect("a name"), line)]);
        let client = rules(&["10.0.0.0/8"], None).client_of(address("10.0.0.1"), &headers);
        assert_eq!(client, address("192.0.2.9"));
    }

    #[test]
    fn each_client_has_its_limit_and_proxies_have_none() {
        let rules = rules(&["10.0.0.0/8"], Some(2));
        let counts = Arc::<ClientCounts>::default();
        let admit = |text: &str| counts.admit(&rules, address(text));
        let held = [admit("192.0.2.1"), admit("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some());
        for unlimited in ["10.1.1.1", "127.0.0.1", "::1"] {
            let held: Vec<_> = (0..9).map(|_| admit(unlimited)).collect();
            assert!(held.iter().all(Option::is_some), "{unlimited}");
        }
        // One IPv6 client has a whole network of 64 bits.
        let network = [admit("2001:db8:1:1::1"), admit("2001:db8:1:1:9::2")];
        assert!(network.iter().all(Option::is_some) && admit("2001:db8:1:1::3").is_none());
        assert!(admit("2001:db8:1:2::1").is_some());
        drop((held, network));
        assert!(counts.0.lock().expect("unpoisoned").is_empty());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let counts = Arc::<ClientCounts>::default();
        let rules = rules(&[], None);
        let held: Vec<_> = (0..99)
            .map(|_| counts.admit(&rules, address("192.0.2.1")))
            .collect();
        assert!(held.iter().all(Option::is_some));
    }
}
