//! The allowed host names of pages and APIs, and the sites that may send state-changing requests.
//!
//! A page of another site can make an operator's browser send requests here. If the browser declares the origin
//! (`Origin`, `Sec-Fetch-Site`), state-changing requests are refused. With DNS rebinding, the other site points one
//! of its own names at this listener, so that the browser considers both the same site. The `Host` header then has
//! the attacker's name, which is refused.
//!
//! Some hosts are always allowed, because an attacker cannot own them in the public DNS: IP addresses, names without
//! a dot, loopback names, and names below top-level domains that are reserved for private use.

mod authority;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Gate;
use authority::{Authority, Host, authority, default_port, origin};

/// Reason label of requests for a host that is not allowed.
pub(super) const FOREIGN_HOST: &str = "foreign_host";
/// Reason label of requests that another site sent.
pub(super) const FOREIGN_ORIGIN: &str = "foreign_origin";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Domains that the public DNS never delegates: RFC 6761 (`localhost`), RFC 6762 (`local`), RFC 8375 (`home.arpa`),
/// ICANN's resolution of 2024-07-29 (`internal`). `svc` is not a top-level domain; short names of Kubernetes services
/// end with it.
const PRIVATE_DOMAINS: [&str; 5] = [".localhost", ".local", ".home.arpa", ".internal", ".svc"];

/// Host names under which the operator's pages are served.
#[derive(Clone, Debug, Default)]
pub struct SiteNames {
    /// In lower case: a name, `*.` before a domain for all names below it, or `*` for all names.
    pub allowed: Vec<String>,
    /// Scheme, host and port of the URL under which users reach the pages. `None` if it is not configured.
    pub external_origin: Option<String>,
    /// Host name of this machine.
    pub machine: Option<String>,
}

/// Refuses requests for hosts that are not allowed, and state-changing requests of other sites.
pub(super) async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let policy = gate.policy.load_full();
    let names = &policy.names;
    let Some(hosts) = names.own_hosts(&request) else {
        let text = "this host name is not allowed; add it to web.allowed_hosts, or set web.external_url to the \
                    URL under which you reach this page";
        return gate.refuse_with_text(FOREIGN_HOST, StatusCode::MISDIRECTED_REQUEST, text);
    };
    if changes_something(request.method()) && !names.is_same_site(request.headers(), &hosts) {
        let text = "a page of another site sent this request; send it from a page of this host, or without a \
                    browser (behind a proxy that changes the Host header, set web.external_url)";
        return gate.refuse_with_text(FOREIGN_ORIGIN, StatusCode::FORBIDDEN, text);
    }
    next.run(request).await
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl SiteNames {
    /// The hosts that a request names. `None` unless all of them are allowed. HTTP/2 and absolute URLs name one in
    /// the URI, HTTP/1.1 in exactly one `Host` header. Only HTTP/1.0, which no browser uses, may name none.
    fn own_hosts(&self, request: &Request) -> Option<Vec<Authority>> {
        let headers = request.headers().get_all(header::HOST).iter();
        let headers = headers
            .map(|host| host.to_str().ok())
            .collect::<Option<Vec<_>>>()?;
        let of_uri = Uri::authority(request.uri()).map(|authority| authority.as_str());
        let may_be_silent = request.version() <= Version::HTTP_10;
        let is_silent = headers.is_empty() && of_uri.is_none();
        if headers.len() > 1 || (is_silent && !may_be_silent) {
            return None;
        }
        let named = headers.into_iter().chain(of_uri).map(authority);
        let hosts = named.collect::<Option<Vec<_>>>()?;
        hosts
            .iter()
            .all(|(host, _)| self.allows(host))
            .then_some(hosts)
    }

    fn allows(&self, host: &Host) -> bool {
        let Host::Name(name) = host else {
            return true;
        };
        let is_private = !name.contains('.')
            || PRIVATE_DOMAINS.iter().any(|domain| name.ends_with(domain))
            || self
                .machine
                .as_ref()
                .is_some_and(|machine| machine.eq_ignore_ascii_case(name));
        let external = self.external_origin.as_deref().and_then(origin);
        let is_external = external.is_some_and(|(_, (external, _))| external == *host);
        let is_listed = |allowed: &String| match allowed.strip_prefix('*') {
            Some(domain) => name.ends_with(domain),
            None => name == allowed,
        };
        is_private || is_external || self.allowed.iter().any(is_listed)
    }

    /// Whether the request comes from a page of the same site, if a browser sent it. Other programs send neither
    /// header. `Origin: null` stands for a page without a site, such as a sandboxed frame or a local file.
    fn is_same_site(&self, headers: &HeaderMap, hosts: &[Authority]) -> bool {
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        let is_own_site = sites.all(|site| site == "same-origin" || site == "none");
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_own_origin = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(one), None) => one.to_str().is_ok_and(|one| self.is_own_origin(one, hosts)),
            (Some(_), Some(_)) => false,
        };
        is_own_site && is_own_origin
    }

    fn is_own_origin(&self, text: &str, hosts: &[Authority]) -> bool {
        let Some((scheme, (host, port))) = origin(text) else {
            return false;
        };
        let port = port.or(default_port(scheme));
        let is_host =
            |(own, own_port): &Authority| *own == host && own_port.or(default_port(scheme)) == port;
        let external = self.external_origin.as_deref().and_then(origin);
        let is_external = external.is_some_and(|(own_scheme, (own, own_port))| {
            own_scheme == scheme && own == host && own_port.or(default_port(scheme)) == port
        });
        is_external || hosts.iter().any(is_host)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn names(allowed: &[&str], external: Option<&str>) -> SiteNames {
        SiteNames {
            allowed: allowed.iter().map(|&name| name.to_owned()).collect(),
            external_origin: external.map(str::to_owned),
            machine: Some("mon1.example.net".to_owned()),
        }
    }

    fn request(version: Version, uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut builder = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).expect("a request")
    }

    fn passes(names: &SiteNames, host: &str) -> bool {
        let request = request(Version::HTTP_11, "/", &[("host", host)]);
        names.own_hosts(&request).is_some()
    }

    #[test]
    fn hosts_that_no_attacker_can_own_always_pass() {
        let names = SiteNames::default();
        for host in [
            "127.0.0.1",
            "127.0.0.1:10131",
            "192.168.1.20:10131",
            "[::1]",
            "[::1]:10131",
            "[fe80::1%25eth0]:10131",
            "localhost",
            "LOCALHOST:10131",
            "localhost.:10131",
            "wa.localhost",
            "exporter",
            "exporter:10131",
            "exporter.monitoring.svc:10131",
            "exporter.monitoring.svc.cluster.local",
            "exporter.corp.internal",
            "nas.home.arpa",
            "nas.local",
        ] {
            assert!(passes(&names, host), "{host}");
        }
    }

    #[test]
    fn other_hosts_pass_only_if_they_are_configured() {
        let open = [
            "wa.example.com",
            "WA.example.com.:443",
            "a.example.org",
            "a.b.example.org",
        ];
        let configured = names(&["wa.example.com", "*.example.org"], None);
        for host in open {
            assert!(passes(&configured, host), "{host}");
            assert!(!passes(&SiteNames::default(), host), "{host}");
            assert!(passes(&names(&["*"], None), host), "{host}");
        }
        let external = names(&[], Some("https://wa.example.com"));
        assert!(passes(&external, "wa.example.com:10131"));
        assert!(passes(&external, "MON1.example.net"));
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "example.org",
            "badexample.org",
            "wa.example.com.evil.example",
            "mon1.example.net.evil.example",
            "evil.example:80",
        ] {
            assert!(!passes(&configured, host), "{host}");
            assert!(!passes(&external, host), "{host}");
        }
    }

    #[test]
    fn an_invalid_host_is_never_allowed() {
        let any = names(&["*"], None);
        for host in [
            "",
            ":10131",
            "me@localhost",
            "me:secret@localhost:1",
            "localhost:port",
            "localhost:99999",
            "[::1",
            "[::1]x",
            "[evil.example]",
            "::1",
            "a..b",
            ".localhost",
            "local host",
            "localhost/",
        ] {
            assert!(!passes(&any, host), "{host:?}");
        }
    }

    #[test]
    fn each_place_that_names_a_host_counts() {
        let names = SiteNames::default();
        let own = |request: &Request| names.own_hosts(request).is_some();
        let good = ("host", "localhost");
        let bad = ("host", "evil.example");
        assert!(own(&request(Version::HTTP_11, "/", &[good])));
        assert!(!own(&request(Version::HTTP_11, "/", &[good, good])));
        assert!(!own(&request(Version::HTTP_11, "/", &[good, bad])));
        assert!(!own(&request(Version::HTTP_11, "/", &[])));
        assert!(own(&request(Version::HTTP_10, "/", &[])));
        assert!(!own(&request(Version::HTTP_10, "/", &[bad])));
        assert!(own(&request(Version::HTTP_2, "http://localhost/", &[])));
        assert!(!own(&request(Version::HTTP_2, "http://evil.example/", &[])));
        assert!(!own(&request(Version::HTTP_2, "http://localhost/", &[bad])));
        assert!(!own(&request(
            Version::HTTP_11,
            "http://evil.example/",
            &[good]
        )));
        assert!(!own(&request(Version::HTTP_2, "/", &[])));
    }

    #[test]
    fn only_pages_of_the_same_origin_may_change_something() {
        let names = names(&[], Some("https://wa.example.com"));
        let is_own = |host: &str, headers: &[(&str, &str)]| {
            let request = request(
                Version::HTTP_11,
                "/",
                &[&[("host", host)], headers].concat(),
            );
            let hosts = names.own_hosts(&request).expect("an allowed host");
            names.is_same_site(request.headers(), &hosts)
        };
        for (host, headers) in [
            ("localhost:10131", vec![]),
            (
                "localhost:10131",
                vec![("origin", "http://localhost:10131")],
            ),
            ("localhost", vec![("origin", "http://LOCALHOST:80")]),
            ("localhost:443", vec![("origin", "https://localhost")]),
            (
                "[::1]:1",
                vec![
                    ("origin", "http://[0::1]:1"),
                    ("sec-fetch-site", "same-origin"),
                ],
            ),
            // A proxy that changes the Host header.
            (
                "127.0.0.1:10131",
                vec![("origin", "https://wa.example.com")],
            ),
            ("localhost:10131", vec![("sec-fetch-site", "none")]),
        ] {
            assert!(is_own(host, &headers), "{host} {headers:?}");
        }
        for headers in [
            vec![("origin", "null")],
            vec![("origin", "")],
            vec![("origin", "http://evil.example")],
            vec![("origin", "http://localhost:8080")],
            vec![("origin", "http://localhost:10131.evil.example")],
            vec![("origin", "http://user@localhost:10131")],
            vec![("origin", "http://wa.example.com")],
            vec![("origin", "localhost:10131")],
            vec![
                ("origin", "http://localhost:10131"),
                ("origin", "http://evil.example"),
            ],
            vec![
                ("origin", "http://localhost:10131"),
                ("sec-fetch-site", "cross-site"),
            ],
            vec![("sec-fetch-site", "same-site")],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "")],
        ] {
            assert!(!is_own("localhost:10131", &headers), "{headers:?}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert!(changes_something(&method));
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(!changes_something(&method));
        }
    }
}
