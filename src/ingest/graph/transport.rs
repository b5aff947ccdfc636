//! Makes one call: sends and counts the request, reads its headers, and reads the response up to its limit.
//!
//! Knows HTTP, but not the meaning of requests. The token and its proof leave only in requests; reqwest's errors,
//! which contain URLs, do not leave this module.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use super::date::date;
use super::failure::CredentialKind;
use super::version::Versions;
use super::{Calls, ClientOptions, Endpoint, Failure, FailureKind, Usage, UsageScope, answer};
use crate::clock::{self, Mark};
use crate::domain::{AppId, WabaId, Word};
use crate::telemetry::Telemetry;

/// A connection that takes longer to establish is not worth waiting for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The account of a call, and the budget that the call is taken from.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    /// The account whose quota Meta charges. `None` for calls about the app.
    pub waba_id: Option<&'a WabaId>,
    /// The poller's budget.
    pub calls: &'a dyn Calls,
}

impl<'a> Caller<'a> {
    /// For calls about an account.
    pub fn for_account(waba_id: &'a WabaId, calls: &'a dyn Calls) -> Self {
        let waba_id = Some(waba_id);
        Self { waba_id, calls }
    }

    /// For calls about the app itself.
    pub fn for_app(calls: &'a dyn Calls) -> Self {
        let waba_id = None;
        Self { waba_id, calls }
    }
}

/// The identity with which a call is made.
pub(super) struct Credentials {
    authorization: HeaderValue,
    proof: Option<SecretString>,
    kind: CredentialKind,
}

impl Credentials {
    /// With a token, and the proof that the caller knows the app's secret.
    ///
    /// # Errors
    /// If the token is not a valid header value.
    pub fn for_token(
        token: &SecretString,
        app_secret: Option<&SecretString>,
    ) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            authorization: bearer(token.expose_secret())?,
            proof: app_secret.map(|secret| proof(secret, token)),
            kind: match app_secret {
                Some(_) => CredentialKind::TokenWithProof,
                None => CredentialKind::Token,
            },
        })
    }

    /// With the app's own credentials, for requests that a user's token may not make.
    ///
    /// # Errors
    /// If the secret is not a valid header value.
    pub fn for_app(app_id: &AppId, app_secret: &SecretString) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            authorization: bearer(&format!("{app_id}|{}", app_secret.expose_secret()))?,
            proof: None,
            kind: CredentialKind::App,
        })
    }
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// The query of a call, in the order of sending.
pub(super) type Query = Vec<(&'static str, String)>;

/// One call: a read or a change.
pub(super) struct GraphRequest<'a> {
    pub endpoint: Endpoint,
    pub method: Method,
    pub path: &'a str,
    pub query: &'a Query,
    /// Parameters that do not belong in a URL.
    pub body: Option<Value>,
}

impl<'a> GraphRequest<'a> {
    /// A read, which changes nothing.
    pub fn get(endpoint: Endpoint, path: &'a str, query: &'a Query) -> Self {
        Self {
            endpoint,
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }
}

/// Access to one Graph API with one token.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    own: Credentials,
    unproven: Credentials,
    max_answer_bytes: usize,
    versions: Versions,
    telemetry: Arc<Telemetry>,
}

impl Transport {
    /// Sets up TLS and the headers, without connecting.
    pub fn new(options: &ClientOptions, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        let own = Credentials::for_token(&options.access_token, options.app_secret.as_ref())?;
        let unproven = Credentials::for_token(&options.access_token, None)?;
        start_at_zero(&telemetry);
        Ok(Self {
            http: http_client(&options.base_url, options.request_timeout)?,
            base: options.base_url.clone(),
            own,
            unproven,
            max_answer_bytes: options.max_answer_bytes,
            versions: Versions::new(options.api_version.clone(), &telemetry),
            telemetry,
        })
    }

    /// Base URL of calls.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// A read with the client's token, like [`Transport::call_as`].
    pub async fn call(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &Query,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let request = GraphRequest::get(endpoint, path, query);
        self.call_as(&self.own, request, caller).await
    }

    /// Makes one call if the budget allows it, and reports its usage headers to the budget.
    pub async fn call_as(
        &self,
        credentials: &Credentials,
        request: GraphRequest<'_>,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let endpoint = request.endpoint;
        if !caller.calls.may_call() {
            return Err(Failure::new(FailureKind::BudgetSpent));
        }
        self.telemetry
            .graph_requests
            .with_label_values(&[endpoint.as_str()])
            .inc();
        let sent = Mark::now();
        let response = self
            .send(credentials, request)
            .await
            .map_err(|failure| self.count(endpoint, failure))?;
        if let Some(date) = date(response.headers()) {
            clock::observe_answer(date, sent);
        }
        self.versions.note(response.headers(), &self.telemetry);
        let usage = Usage::read(response.headers(), caller.waba_id);
        if let Some(usage) = &usage {
            let account = caller
                .waba_id
                .filter(|_| usage.scope == UsageScope::Account);
            if let Some(waba_id) = account {
                usage.record(waba_id, &self.telemetry);
            }
            caller.calls.used(usage);
        }
        let regain = usage.and_then(|usage| usage.regain_after);
        let telemetry = &self.telemetry;
        let answer = answer::read(response, self.max_answer_bytes, endpoint, telemetry).await;
        answer.map_err(|failure| {
            let failure = failure.for_request(endpoint, credentials.kind);
            self.count(endpoint, failure.or_after(regain))
        })
    }

    /// A call without a token. It uses no quota, so no budget applies.
    pub async fn greet(&self) -> Result<HeaderMap, Failure> {
        let answer = self.http.get(self.url("")).send().await;
        let answer = answer.map_err(|error| Failure::from_network(&error))?;
        Ok(answer.headers().clone())
    }

    /// Counts a failure, including one that only several responses together show.
    pub fn count(&self, endpoint: Endpoint, failure: Failure) -> Failure {
        let labels = [endpoint.as_str(), failure.kind().as_str()];
        self.telemetry
            .graph_request_failures
            .with_label_values(&labels)
            .inc();
        failure
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(self.versions.asked())
                .extend(path.split('/'));
        }
        url
    }

    /// The client's own credentials: the token with its proof.
    pub fn own(&self) -> &Credentials {
        &self.own
    }

    /// The token without the proof of an app secret.
    pub fn unproven(&self) -> &Credentials {
        &self.unproven
    }

    async fn send(
        &self,
        credentials: &Credentials,
        request: GraphRequest<'_>,
    ) -> Result<Response, Failure> {
        let GraphRequest {
            method,
            path,
            query,
            body,
            ..
        } = request;
        let mut request = self
            .http
            .request(method, self.url(path))
            .header(AUTHORIZATION, &credentials.authorization)
            .query(query);
        if let Some(body) = body {
            let body = body.to_string();
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(proof) = &credentials.proof {
            request = request.query(&[("appsecret_proof", proof.expose_secret())]);
        }
        request
            .send()
            .await
            .map_err(|error| Failure::from_network(&error))
    }
}

/// A client for calls below `base` that follows no redirects.
///
/// # Errors
/// If TLS cannot be set up, for example because there is no CA store.
pub fn http_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    careful(base, request_timeout).build()
}

/// Like [`http_client`], for the exporter's own listener: ignores the proxy variables.
///
/// # Errors
/// If TLS cannot be set up.
pub fn direct_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    careful(base, request_timeout).no_proxy().build()
}

/// Like [`direct_client`], for the exporter's own listener on the same machine: accepts any certificate, because it
/// is issued for the name that others use. Nothing secret is sent.
///
/// # Errors
/// If TLS cannot be set up.
pub fn own_client(base: &Url, request_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let builder = careful(base, request_timeout).no_proxy();
    builder.tls_danger_accept_invalid_certs(true).build()
}

fn careful(base: &Url, request_timeout: Duration) -> reqwest::ClientBuilder {
    // Only the first call of a process installs the provider; later calls find it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(request_timeout)
        .redirect(redirect::Policy::none());
    // Plain HTTP needs no CA store: the demo must start without one.
    let builder = if base.scheme() == "http" {
        builder.tls_certs_only([])
    } else {
        builder
    };
    // A proxy from the environment is for external hosts, and could not reach this machine's loopback.
    if is_loopback(base) {
        builder.no_proxy()
    } else {
        builder
    }
}

fn is_loopback(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback_address = address
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    host == "localhost" || is_loopback_address
}

fn start_at_zero(telemetry: &Telemetry) {
    for endpoint in Endpoint::all() {
        let endpoint = endpoint.as_str();
        telemetry.graph_requests.with_label_values(&[endpoint]);
        telemetry
            .graph_fields_dropped
            .with_label_values(&[endpoint]);
        // A call that the own budget refuses is never sent, so it cannot fail.
        let kinds = FailureKind::ALL.iter();
        for kind in kinds.filter(|kind| **kind != FailureKind::BudgetSpent) {
            let labels = [endpoint, kind.as_str()];
            telemetry.graph_request_failures.with_label_values(&labels);
        }
    }
}

fn proof(app_secret: &SecretString, access_token: &SecretString) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.expose_secret().as_bytes())
        .expect("a key of any length will do");
    mac.update(access_token.expose_secret().as_bytes());
    hex::encode(mac.finalize().into_bytes()).into()
}
