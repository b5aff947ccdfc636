//! The address of a listener, in Prometheus' format.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::quoted;
use super::kind::Parsed;

/// The kind of a listener's address.
pub(super) const ADDRESS: Parsed<ListenAddress> = Parsed {
    value_name: "ADDRESS",
    parse: ListenAddress::parse,
};

/// An address to listen on: `:10131` for all interfaces, `127.0.0.1:0` for any free port of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Address of the interface. `None` for all interfaces.
    host: Option<IpAddr>,
    port: u16,
}

impl ListenAddress {
    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Parses `:port`, `localhost:port`, `127.0.0.1:port` or `[::1]:port`; port 0 selects a free port.
    ///
    /// # Errors
    /// The end of a sentence that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let usable = || {
            let (host, port) = text.rsplit_once(':')?;
            let port = port
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| port.parse().ok())??;
            let host = match host {
                "" => None,
                "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                _ => Some(text.parse::<SocketAddr>().ok()?.ip()),
            };
            Some(Self { host, port })
        };
        usable().ok_or_else(|| {
            let write = "write it like :10131, 127.0.0.1:10131 or [::1]:10131";
            format!("{} is not an address to listen on; {write}", quoted(text))
        })
    }

    /// The addresses to try in order: all interfaces means both IP families, or IPv4 alone if the host has no IPv6.
    #[must_use]
    pub fn candidates(&self) -> Vec<SocketAddr> {
        match self.host {
            Some(host) => vec![SocketAddr::new(host, self.port)],
            None => [
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ]
            .map(|host| SocketAddr::new(host, self.port))
            .into(),
        }
    }

    /// Whether both cannot be bound at the same time: they have the same fixed port, and one of them is for all
    /// interfaces.
    pub(super) fn collides_with(&self, other: &Self) -> bool {
        let is_wildcard = |address: &Self| address.host.is_none_or(|host| host.is_unspecified());
        self.port == other.port && self.port != 0 && (is_wildcard(self) || is_wildcard(other))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Some(host) => SocketAddr::new(host, self.port).fmt(out),
            None => write!(out, ":{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ListenAddress {
        ListenAddress::parse(text).expect(text)
    }

    #[test]
    fn prometheus_forms_are_read() {
        assert_eq!(
            address("127.0.0.1:0").candidates(),
            ["127.0.0.1:0".parse().expect("v4")]
        );
        assert_eq!(
            address("[::1]:9000").candidates(),
            ["[::1]:9000".parse().expect("v6")]
        );
        assert_eq!(address("localhost:1").to_string(), "127.0.0.1:1");
        let all: Vec<_> = address(":10131")
            .candidates()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(all, ["[::]:10131", "0.0.0.0:10131"]);
        for same in [":10131", "127.0.0.1:0", "[::1]:9000"] {
            assert_eq!(address(same).to_string(), same);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            ":",
            "10131",
            ":+1",
            ":65536",
            "::1:9000",
            "example.org:80",
            "127.0.0.1",
        ] {
            assert!(ListenAddress::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            ListenAddress::parse("9000").err().as_deref(),
            Some(
                "\"9000\" is not an address to listen on; write it like :10131, 127.0.0.1:10131 or \
                 [::1]:10131"
            )
        );
    }

    #[test]
    fn a_wildcard_collides_with_its_port() {
        let collide = |one: &str, other: &str| address(one).collides_with(&address(other));
        assert!(collide(":9000", "127.0.0.1:9000") && collide("[::1]:9000", "0.0.0.0:9000"));
        assert!(!collide(":9000", ":9001") && !collide(":0", ":0"));
        assert!(!collide("127.0.0.1:9000", "[::1]:9000"));
    }
}
