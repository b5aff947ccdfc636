//! Headers of every response. A route's own headers override the defaults of the program, and the operator's headers
//! override both.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

use super::Policy;

/// Defaults that forbid framing, content sniffing, caching, and use by other sites.
const DEFAULTS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("deny")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The operator's headers. Their values were validated when the configuration was read.
pub(super) fn header_map(chosen: &[(&'static str, String)]) -> HeaderMap {
    let headers = chosen.iter().filter_map(|(name, value)| {
        let value = HeaderValue::from_str(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    headers.collect()
}

pub(super) fn add(policy: &Policy, headers: &mut HeaderMap) {
    for (name, value) in &policy.headers {
        headers.insert(name, value.clone());
    }
    for (name, value) in &DEFAULTS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}
