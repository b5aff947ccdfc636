//! Parses one HTTP request: version, path, parameters, and where the token is. Validates nothing.

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};

/// The parameter that contains the token if no header does.
const TOKEN_PARAMETER: &str = "access_token";

/// How the caller sent its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// `Authorization: Bearer`.
    Header,
    /// `access_token=` in the query or form, which leaks into logs.
    Query,
    /// No token at all.
    Absent,
}

/// A request to the Graph API.
#[derive(Debug, Clone)]
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// The requested version, such as `v25.0`; `None` for a path without one.
    pub version: Option<String>,
    /// Path segments after the version.
    pub segments: Vec<String>,
    /// Query and form parameters without the token.
    pub parameters: Vec<(String, String)>,
    /// The token's text.
    pub token: Option<String>,
    /// How the token was sent.
    pub token_source: TokenSource,
    /// Headers for assertions of tests; never `Authorization`.
    pub headers: Vec<(String, String)>,
}

/// Headers kept for assertions.
const HEADERS_OF_INTEREST: [header::HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::IF_NONE_MATCH,
    header::USER_AGENT,
];

impl Call {
    /// Reads a request.
    #[must_use]
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut segments: Vec<String> = uri
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect();
        let version = segments
            .first()
            .is_some_and(|first| is_version(first))
            .then(|| segments.remove(0));
        let mut parameters = query_pairs(uri.query().unwrap_or_default());
        parameters.extend(body_pairs(body));

        let from_header = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(|token| token.trim().to_owned());
        let from_query = parameters
            .iter()
            .find(|(name, _)| name == TOKEN_PARAMETER)
            .map(|(_, value)| value.clone());
        parameters.retain(|(name, _)| name != TOKEN_PARAMETER);
        let token_source = match (&from_header, &from_query) {
            (Some(_), _) => TokenSource::Header,
            (None, Some(_)) => TokenSource::Query,
            (None, None) => TokenSource::Absent,
        };
        let token = from_header.or(from_query);
        Self {
            method: method.clone(),
            version,
            segments,
            parameters,
            token,
            token_source,
            headers: kept(headers),
        }
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a kept header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The path after the version, `800100/phone_numbers`.
    #[must_use]
    pub fn path(&self) -> String {
        self.segments.join("/")
    }
}

/// `(25, 0)` for `v25.0`; `(0, 0)` for anything else, which counts as older than every version.
#[must_use]
pub fn version_number(version: &str) -> (u32, u32) {
    version
        .strip_prefix('v')
        .and_then(|digits| digits.split_once('.'))
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
        .unwrap_or((0, 0))
}

fn is_version(segment: &str) -> bool {
    version_number(segment) != (0, 0)
}

fn query_pairs(query: &str) -> Vec<(String, String)> {
    format!("/?{query}")
        .parse::<Uri>()
        .ok()
        .and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok())
        .map(|Query(pairs)| pairs)
        .unwrap_or_default()
}

/// Parameters in a body, which may be a form or a JSON object.
fn body_pairs(body: &[u8]) -> Vec<(String, String)> {
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(body) {
        return object
            .into_iter()
            .map(|(name, value)| {
                (
                    name,
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .collect();
    }
    std::str::from_utf8(body)
        .map(query_pairs)
        .unwrap_or_default()
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    HEADERS_OF_INTEREST
        .iter()
        .filter_map(|name| {
            Some((
                name.as_str().to_owned(),
                headers.get(name)?.to_str().ok()?.to_owned(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_removed_from_the_parameters() {
        let uri: Uri = "/v25.0/800/phone_numbers?limit=5&access_token=secret"
            .parse()
            .expect("a URI");
        let call = Call::read(&Method::GET, &uri, &HeaderMap::new(), b"");
        assert_eq!(call.parameters, [("limit".to_owned(), "5".to_owned())]);
        assert_eq!(
            (call.token.as_deref(), call.token_source),
            (Some("secret"), TokenSource::Query)
        );
        assert_eq!(
            (call.version.as_deref(), call.path().as_str()),
            (Some("v25.0"), "800/phone_numbers")
        );
    }
}
