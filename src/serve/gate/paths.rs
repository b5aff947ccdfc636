//! The paths of a listener: the prefix of the operator's routes, and the path of webhooks.
//!
//! A request is rewritten to the route's own path before anything else reads its path, so that every check applies
//! under every path.

use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// The route that receives webhooks, under any external path.
pub const WEBHOOK: &str = "/webhook";

/// Public routes, which no prefix changes.
const PUBLIC: &str = "/v1/";

/// The configured paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Prefix of the operator's routes, without a slash at the end. Empty for none.
    pub prefix: String,
    /// Whether the operator's routes are also served without the prefix, because a proxy may strip it.
    pub without_prefix: bool,
    /// Path of webhooks, without a slash at the end.
    pub webhook: String,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            without_prefix: true,
            webhook: WEBHOOK.to_owned(),
        }
    }
}

/// The response to a request whose path has no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It is at this URL.
    Moved(String),
    /// It is nowhere; contains the prefix of the routes.
    Missing(String),
}

/// The meaning of a path.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// The route of the same path.
    Same,
    /// The route of another path.
    Route(&'a str),
    /// The page is at the prefix with a slash, so that its relative links stay below the prefix.
    AtPrefix,
    Nowhere,
}

impl Paths {
    /// Rewrites the path of a request to that of its route. A path without a route gets an [`Elsewhere`].
    pub(super) fn resolve<B>(&self, request: &mut Request<B>) {
        let uri = request.uri();
        let elsewhere = match self.place(uri.path()) {
            Place::Same => return,
            Place::Route(path) => {
                if let Some(rewritten) = with_path(uri, path) {
                    *request.uri_mut() = rewritten;
                }
                return;
            }
            Place::AtPrefix => Elsewhere::Moved(with_query(uri, &format!("{}/", self.prefix))),
            Place::Nowhere => Elsewhere::Missing(self.prefix.clone()),
        };
        request.extensions_mut().insert(elsewhere);
    }

    fn place<'a>(&self, path: &'a str) -> Place<'a> {
        if path == self.webhook && path == WEBHOOK {
            return Place::Same;
        }
        if is_at(path, &self.webhook) {
            return Place::Route(WEBHOOK);
        }
        if is_at(path, WEBHOOK) {
            return Place::Nowhere;
        }
        if self.prefix.is_empty() || path.starts_with(PUBLIC) {
            return Place::Same;
        }
        match path.strip_prefix(&self.prefix) {
            Some("") => Place::AtPrefix,
            Some(rest) if is_at(rest, WEBHOOK) || rest.starts_with(PUBLIC) => Place::Nowhere,
            Some(rest) if rest.starts_with('/') => Place::Route(rest),
            _ if self.without_prefix => Place::Same,
            _ if path == "/" => Place::AtPrefix,
            _ => Place::Nowhere,
        }
    }
}

/// Whether it is this path, with or without a slash at the end.
fn is_at(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest == "/")
}

fn with_query(uri: &Uri, path: &str) -> String {
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(with_query(uri, path).parse().ok()?);
    Uri::from_parts(parts).ok()
}

impl IntoResponse for Elsewhere {
    fn into_response(self) -> Response {
        match self {
            Self::Moved(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
            Self::Missing(prefix) if prefix.is_empty() => StatusCode::NOT_FOUND.into_response(),
            Self::Missing(prefix) => {
                let text = format!("not found: the routes begin with {prefix}/\n");
                (StatusCode::NOT_FOUND, text).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(prefix: &str, without_prefix: bool, webhook: &str) -> Paths {
        Paths {
            prefix: prefix.to_owned(),
            without_prefix,
            webhook: webhook.to_owned(),
        }
    }

    /// The path and query of the route, or where it is instead.
    fn resolved(paths: &Paths, url: &str) -> Result<String, Elsewhere> {
        let mut request = Request::get(url).body(()).expect("a request");
        paths.resolve(&mut request);
        match request.extensions_mut().remove::<Elsewhere>() {
            Some(elsewhere) => Err(elsewhere),
            None => Ok(request.uri().to_string()),
        }
    }

    fn moved(url: &str) -> Result<String, Elsewhere> {
        Err(Elsewhere::Moved(url.to_owned()))
    }

    #[test]
    fn without_a_prefix_only_a_slash_after_the_webhook_is_removed() {
        let usual = Paths::default();
        for (url, route) in [
            ("/", "/"),
            ("/webhook", "/webhook"),
            ("/webhook/", "/webhook"),
            (
                "/webhook/?hub.mode=subscribe",
                "/webhook?hub.mode=subscribe",
            ),
            ("/webhook/x", "/webhook/x"),
            ("/webhooks", "/webhooks"),
            ("/metrics", "/metrics"),
            ("/metrics/", "/metrics/"),
        ] {
            assert_eq!(resolved(&usual, url).as_deref(), Ok(route), "{url}");
        }
    }

    #[test]
    fn a_prefix_is_removed() {
        for without_prefix in [true, false] {
            let with = paths("/wa/quality", without_prefix, WEBHOOK);
            for (url, route) in [
                ("/wa/quality/", "/"),
                ("/wa/quality/?q=1", "/?q=1"),
                ("/wa/quality/metrics?name=a", "/metrics?name=a"),
                ("/wa/quality/-/reload", "/-/reload"),
                ("/webhook", "/webhook"),
                ("/v1/events", "/v1/events"),
                (
                    "http://a.example:80/wa/quality/-/ready",
                    "http://a.example:80/-/ready",
                ),
            ] {
                assert_eq!(resolved(&with, url).as_deref(), Ok(route), "{url}");
            }
            let page = moved("/wa/quality/?waba_id=1");
            assert_eq!(resolved(&with, "/wa/quality?waba_id=1"), page);
            let nowhere = Err(Elsewhere::Missing("/wa/quality".to_owned()));
            for url in ["/wa/quality/webhook", "/wa/quality/v1/events"] {
                assert_eq!(resolved(&with, url), nowhere, "{url}");
            }
            for url in ["/metrics", "/wa/qualityx/metrics", "/wa/metrics"] {
                let expected = if without_prefix {
                    Ok(url.to_owned())
                } else {
                    nowhere.clone()
                };
                assert_eq!(resolved(&with, url), expected, "{url}");
            }
            let root = if without_prefix {
                Ok("/".to_owned())
            } else {
                moved("/wa/quality/")
            };
            assert_eq!(resolved(&with, "/"), root);
        }
    }

    #[test]
    fn webhooks_have_one_path() {
        let with = paths("/wa", false, "/wa/meta");
        for url in ["/wa/meta", "/wa/meta/"] {
            assert_eq!(resolved(&with, url).as_deref(), Ok("/webhook"), "{url}");
        }
        for url in ["/webhook", "/webhook/", "/wa/webhook", "/wa/webhook/"] {
            assert!(resolved(&with, url).is_err(), "{url}");
        }
        assert_eq!(resolved(&with, "/wa/metrics").as_deref(), Ok("/metrics"));
    }
}
