//! Makes one call: sends and counts the request, reads its headers, and reads the response up to its limit.
//!
//! The token and its proof leave only in requests. reqwest's errors, which contain URLs, do not leave this module.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::credentials::Credentials;
use super::date::date;
use super::http_client::http_client;
use super::version::Versions;
use super::{Calls, ClientOptions, Endpoint, Failure, FailureKind, Usage, UsageScope, answer};
use crate::clock::{self, Mark};
use crate::domain::{WabaId, Word};
use crate::telemetry::Telemetry;

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
                .push(self.versions.requested())
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
