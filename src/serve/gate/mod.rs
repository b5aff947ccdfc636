//! The checks before a router: TLS, rate limit, client certificates and passwords, and the headers of every response.
//!
//! Invariant: the settings can be replaced at any time and apply to later connections and requests. An open
//! connection keeps its TLS settings.

mod client_certificate;
mod guard;
mod headers;
mod origin;
mod passwords;
mod paths;
mod tls;
mod tls_error;
mod turns;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rustls::ServerConfig;
use secrecy::SecretString;

use super::refusal::{self, ListenerRefusalLog};
use crate::domain::Timestamp;
use crate::telemetry::{Refused, Telemetry};
use passwords::Passwords;
use paths::Elsewhere;

pub use client_certificate::{ClientCertificates, Peer};
pub(super) use guard::CLIENT_LIMIT;
pub use guard::PROBES;
pub(super) use guard::{LIFECYCLE_DISABLED, RELOAD_RATE, UNAUTHORIZED};
pub use origin::SiteNames;
pub use paths::Paths;
pub use tls::{TlsTerms, TlsVersions};
pub use tls_error::TlsError;

/// The configured settings of a listener.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// `None` for plain HTTP.
    pub tls: Option<TlsTerms>,
    /// Headers of every response, by lower-case name. They override the defaults of the program.
    pub headers: Vec<(&'static str, String)>,
    /// User names and bcrypt hashes. If empty, no password is required.
    pub users: BTreeMap<String, SecretString>,
    /// Whether guarded routes require a client certificate.
    pub certificate_required: bool,
    /// Guarded routes that require no client certificate or password.
    pub open_paths: &'static [&'static str],
    /// Average interval between requests, and the maximum burst.
    pub rate_limit: Option<(Duration, NonZeroU32)>,
    /// The allowed host names of pages and APIs.
    pub names: SiteNames,
    /// Whether requests may control the process.
    pub lifecycle: bool,
    /// The paths of the routes.
    pub paths: Paths,
}

/// The gate of one listener.
#[derive(Debug)]
pub struct Gate {
    listener: &'static str,
    telemetry: Arc<Telemetry>,
    tls: ArcSwapOption<ServerConfig>,
    policy: ArcSwap<Policy>,
}

/// Settings that have been validated.
pub struct Prepared {
    tls: Option<Arc<ServerConfig>>,
    expires: Option<Timestamp>,
    policy: Arc<Policy>,
}

impl Prepared {
    /// Prepares the settings for use.
    ///
    /// # Errors
    /// If the certificate, its key or an authority cannot be used.
    pub fn new(terms: &Terms) -> Result<Self, TlsError> {
        let config = terms.tls.as_ref().map(tls::server_config).transpose()?;
        Ok(Self {
            tls: config.map(Arc::new),
            expires: terms.tls.as_ref().map(tls::expires_at).transpose()?,
            policy: Arc::new(Policy::from(terms)),
        })
    }
}

/// The settings that apply to requests.
struct Policy {
    passwords: Option<Passwords>,
    certificate_required: bool,
    open_paths: &'static [&'static str],
    rate: Option<DefaultDirectRateLimiter>,
    headers: HeaderMap,
    names: SiteNames,
    lifecycle: bool,
    paths: Paths,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Policy").finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate without requirements. The listener's name is a label value.
    #[must_use]
    pub fn open(listener: &'static str, telemetry: Arc<Telemetry>) -> Self {
        for reason in guard::REASONS {
            telemetry
                .requests_refused
                .with_label_values(&[listener, reason]);
        }
        Self {
            listener,
            telemetry,
            tls: ArcSwapOption::empty(),
            policy: ArcSwap::from_pointee(Policy::from(&Terms::default())),
        }
    }

    /// Applies the settings to later connections and requests.
    pub fn install(&self, prepared: Prepared) {
        self.tls.store(prepared.tls);
        self.policy.store(prepared.policy);
        self.set_expiry_gauge(prepared.expires);
    }

    /// Rewrites the path of a request to that of its route.
    pub(super) fn resolve<B>(&self, request: &mut axum::http::Request<B>) {
        self.policy.load().paths.resolve(request);
    }

    /// The listener's name, a label value.
    pub(super) fn listener(&self) -> &'static str {
        self.listener
    }

    /// The log of this listener's refusals.
    pub(super) fn refusals(&self) -> ListenerRefusalLog {
        ListenerRefusalLog {
            listener: self.listener,
            telemetry: Arc::clone(&self.telemetry),
        }
    }

    /// The TLS settings of new connections. `None` for plain HTTP.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.load_full()
    }

    /// Guards these routes with client certificates and passwords, if required.
    pub fn guard(self: &Arc<Self>, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(
            Arc::clone(self),
            guard::log_in,
        ))
    }

    /// Restricts these routes to allowed host names, and to requests that do not come from other sites.
    pub fn own_site<S: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        routes: Router<S>,
    ) -> Router<S> {
        routes.layer(middleware::from_fn_with_state(
            Arc::clone(self),
            origin::check,
        ))
    }

    /// Whether requests may control the process.
    pub(super) fn allows_lifecycle(&self) -> bool {
        self.policy.load().lifecycle
    }

    /// Applies the rate limit and the headers to all routes of a listener, and logs what it refuses. One layer does all
    /// three, because each layer costs every delivery a few allocations.
    pub fn site(self: &Arc<Self>, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(Arc::clone(self), pass))
    }

    fn set_expiry_gauge(&self, expires: Option<Timestamp>) {
        let gauge = &self.telemetry.certificate_expires;
        match expires {
            Some(at) => gauge
                .with_label_values(&[self.listener])
                .set(at.as_seconds_f64()),
            // An error means that there was nothing to remove.
            None => drop(gauge.remove_label_values(&[self.listener])),
        }
    }

    pub(super) fn refuse(&self, reason: &'static str, status: StatusCode) -> Response {
        self.refuse_with_text(reason, status, reason)
    }

    pub(super) fn refuse_with_text(
        &self,
        reason: &'static str,
        status: StatusCode,
        text: &str,
    ) -> Response {
        let counter = &self.telemetry.requests_refused;
        counter.with_label_values(&[self.listener, reason]).inc();
        let answer = (status, format!("{text}\n")).into_response();
        refusal::mark(answer, Refused::Request, reason)
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let policy = gate.policy.load_full();
    let mut response = if guard::is_too_much(&policy, &request) {
        gate.refuse(guard::RATE_LIMIT, StatusCode::TOO_MANY_REQUESTS)
    } else if let Some(elsewhere) = request.extensions().get::<Elsewhere>() {
        elsewhere.clone().into_response()
    } else {
        next.run(request).await
    };
    headers::add(&policy, response.headers_mut());
    gate.refusals().record_attached(&response, peer);
    response
}

impl From<&Terms> for Policy {
    fn from(terms: &Terms) -> Self {
        let rate = terms.rate_limit.and_then(|(interval, burst)| {
            let quota = Quota::with_period(interval)?.allow_burst(burst);
            Some(RateLimiter::direct(quota))
        });
        Self {
            passwords: Passwords::new(&terms.users),
            certificate_required: terms.certificate_required,
            open_paths: terms.open_paths,
            rate,
            headers: headers::header_map(&terms.headers),
            names: terms.names.clone(),
            lifecycle: terms.lifecycle,
            paths: terms.paths.clone(),
        }
    }
}
