//! Authentication and rate limit of requests.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::origin::{FOREIGN_HOST, FOREIGN_ORIGIN};
use super::{Gate, Peer, Policy};
use crate::serve::limiter::ActiveRequest;

pub(super) const RATE_LIMIT: &str = "rate_limit";
const NO_CERTIFICATE: &str = "no_certificate";
/// The request has no password or token, or a wrong one.
pub(in crate::serve) const UNAUTHORIZED: &str = "unauthorized";
/// The client has reached its limit of concurrent requests.
pub(in crate::serve) const CLIENT_LIMIT: &str = "client_limit";

/// Reason label of lifecycle requests that the configuration does not allow.
pub(in crate::serve) const LIFECYCLE_DISABLED: &str = "lifecycle_disabled";
/// Reason label of reloads over the rate limit.
pub(in crate::serve) const RELOAD_RATE: &str = "reload_rate";

/// Reasons for refusing requests before they reach a handler.
pub(super) const REASONS: [&str; 8] = [
    RATE_LIMIT,
    NO_CERTIFICATE,
    UNAUTHORIZED,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    LIFECYCLE_DISABLED,
    RELOAD_RATE,
    CLIENT_LIMIT,
];

/// Liveness probes are not rate-limited: an orchestrator would restart the process because of a 429.
pub const PROBES: [&str; 2] = ["/-/healthy", "/-/ready"];

/// Maximum length of name and password; longer ones are not hashed.
const MAX_CREDENTIALS: usize = 1024;

/// Whether the request exceeds the rate limit.
pub(super) fn is_too_much(policy: &Policy, request: &Request) -> bool {
    match &policy.rate {
        Some(rate) if !PROBES.contains(&request.uri().path()) => rate.check().is_err(),
        _ => false,
    }
}

/// Requires a certificate and a password, if the settings do.
pub(super) async fn log_in(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Response {
    let policy = gate.policy.load_full();
    if policy.open_paths.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>();
    if policy.certificate_required && !peer.is_some_and(|peer| peer.has_certificate) {
        return gate.refuse(NO_CERTIFICATE, StatusCode::FORBIDDEN);
    }
    if let Some(passwords) = &policy.passwords {
        let is_known = match credentials(request.headers()) {
            Some((name, password)) => {
                let client = peer.and_then(|peer| peer.address);
                // While a guess waits for its turn, its connection may be closed.
                let active = request.extensions().get::<ActiveRequest>();
                let _pause = active.map(ActiveRequest::pause);
                passwords.are_valid(client, name, password).await
            }
            None => false,
        };
        if !is_known {
            let how = [(header::WWW_AUTHENTICATE, "Basic")];
            let refusal = gate.refuse(UNAUTHORIZED, StatusCode::UNAUTHORIZED);
            return (how, refusal).into_response();
        }
    }
    next.run(request).await
}

/// The credentials of `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic") && encoded.len() <= MAX_CREDENTIALS;
    let bytes = is_basic.then(|| STANDARD.decode(encoded.trim()).ok())??;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_name_a_colon_and_the_rest() {
        let of = |value: &str| {
            let value = value.parse().expect("a header's value");
            credentials(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(of("Basic YTpi"), pair("a", "b"));
        assert_eq!(of("basic  YTpiOmM="), pair("a", "b:c"));
        let long = format!(
            "Basic {}",
            STANDARD.encode(format!("a:{}", "b".repeat(1024)))
        );
        for bad in [
            "Bearer YTpi",
            "Basic",
            "Basic !",
            "Basic YQ==",
            "Basic //8=",
            &long,
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
