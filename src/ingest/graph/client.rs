//! The client of one app: one token, and the accounts it may read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use super::fields::{Fields, SUBSCRIBED_APPS};
use super::listing::{LARGEST_PAGE, MAX_PAGES, SMALLEST_PAGE, is_broken_off, next_cursor, objects};
use super::{Calls, Endpoint, Failure, FailureKind, Listed, Usage, answer, wire};
use crate::clock;
use crate::domain::{AppId, Listing, WabaId, Word, account, number, template};
use crate::ingest::Oddities;
use crate::telemetry::Telemetry;

/// A connection that takes longer will not be a good one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often one question is asked again with a field less: more fields than this do not vanish at once.
const MAX_FIELDS_DROPPED: usize = 8;

const SUMMARY: &str = "total_count,message_template_count,message_template_limit";

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// What a client needs to know.
pub struct ClientOptions {
    /// Where the Graph API is.
    pub base_url: Url,
    /// The version asked for; Meta may answer with another.
    pub api_version: String,
    /// The token, sent in the header alone.
    pub access_token: SecretString,
    /// Proves the token to apps that demand it.
    pub app_secret: Option<SecretString>,
    /// The app, where known; else the token is asked.
    pub app_id: Option<AppId>,
    /// From request to the last byte of the answer.
    pub request_timeout: Duration,
    /// The most bytes of an answer, decompressed.
    pub max_answer_bytes: usize,
}

/// One app's access to the Graph API.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    api_version: String,
    authorization: HeaderValue,
    access_token: SecretString,
    proof: Option<SecretString>,
    max_answer_bytes: usize,
    own_app: Mutex<OwnApp>,
    fields: Fields,
    summary_refused: AtomicBool,
    answered_version: Mutex<Option<String>>,
    telemetry: Arc<Telemetry>,
}

/// Which app the token belongs to.
#[derive(Clone, Debug)]
enum OwnApp {
    NotAsked,
    Known(AppId),
    NotToBeHad,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the token cannot stand in a header.
    pub fn new(options: ClientOptions, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        // Only the first call of a process installs it; every later one finds it there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.request_timeout)
            .redirect(redirect::Policy::none())
            .build()?;
        let token = options.access_token.expose_secret();
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
        authorization.set_sensitive(true);
        for endpoint in Endpoint::all() {
            telemetry
                .graph_requests
                .with_label_values(&[endpoint.as_str()]);
            for kind in FailureKind::ALL {
                let labels = [endpoint.as_str(), kind.as_str()];
                telemetry.graph_request_failures.with_label_values(&labels);
            }
        }
        Ok(Self {
            http,
            authorization,
            proof: options
                .app_secret
                .as_ref()
                .map(|secret| proof(secret, &options.access_token)),
            base: options.base_url,
            api_version: options.api_version,
            access_token: options.access_token,
            max_answer_bytes: options.max_answer_bytes,
            own_app: Mutex::new(options.app_id.map_or(OwnApp::NotAsked, OwnApp::Known)),
            fields: Fields::default(),
            summary_refused: AtomicBool::new(false),
            answered_version: Mutex::new(None),
            telemetry,
        })
    }

    /// Reads the account's node, and whether this app is subscribed to its webhooks.
    ///
    /// # Errors
    /// If the node could not be read.
    pub async fn read_account(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<account::Reading, Failure> {
        let node = self.account_node(waba_id, calls).await?;
        let own_app = self.own_app(waba_id, calls).await;
        let mut odd = Oddities::new();
        let mut reading = wire::account::reading(&node, own_app.as_ref(), &mut odd);
        if !self
            .fields
            .asks(Endpoint::Account, SUBSCRIBED_APPS, clock::now())
        {
            let path = format!("{waba_id}/{SUBSCRIBED_APPS}");
            let apps = self
                .call(Endpoint::SubscribedApps, &path, &[], waba_id, calls)
                .await;
            let apps = apps.ok();
            reading.webhook_subscribed =
                apps.and_then(|apps| wire::account::subscribed(&apps, own_app.as_ref(), &mut odd));
        }
        odd.iter().for_each(|oddity| oddity.record(&self.telemetry));
        Ok(reading)
    }

    /// Lists the account's numbers with everything about each, health included.
    pub async fn list_numbers(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Listed<number::Reading> {
        let path = format!("{waba_id}/phone_numbers");
        self.list(
            Endpoint::PhoneNumbers,
            &path,
            waba_id,
            calls,
            wire::number::reading,
            |_| {},
        )
        .await
    }

    /// Lists the account's templates, with the totals that Meta gives beside them.
    pub async fn list_templates(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> (Listed<template::Reading>, template::Totals) {
        let path = format!("{waba_id}/message_templates");
        let mut totals = template::Totals::default();
        let note_totals = |page: &Value| totals = wire::template::totals(page).or(totals);
        let endpoint = Endpoint::MessageTemplates;
        let listed = self
            .list(
                endpoint,
                &path,
                waba_id,
                calls,
                wire::template::reading,
                note_totals,
            )
            .await;
        (listed, totals)
    }

    /// The node, with the edge of subscribed apps where Meta lets that be read along.
    async fn account_node(&self, waba_id: &WabaId, calls: &dyn Calls) -> Result<Value, Failure> {
        let endpoint = Endpoint::Account;
        let node = self
            .call_with_fields(endpoint, waba_id.as_str(), &[], waba_id, calls)
            .await;
        match node {
            Err(failure)
                if is_refused(&failure)
                    && self.fields.asks(endpoint, SUBSCRIBED_APPS, clock::now()) =>
            {
                self.fields
                    .drop_field(endpoint, SUBSCRIBED_APPS, clock::now(), &self.telemetry);
                self.call_with_fields(endpoint, waba_id.as_str(), &[], waba_id, calls)
                    .await
            }
            node => node,
        }
    }

    /// This client's app, asked of the token once.
    async fn own_app(&self, waba_id: &WabaId, calls: &dyn Calls) -> Option<AppId> {
        let known = self
            .own_app
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            OwnApp::Known(app_id) => return Some(app_id),
            OwnApp::NotToBeHad => return None,
            OwnApp::NotAsked => {}
        }
        let query = [("input_token", self.access_token.expose_secret().to_owned())];
        let answer = self
            .call(Endpoint::DebugToken, "debug_token", &query, waba_id, calls)
            .await;
        let app_id = match answer {
            Ok(answer) => {
                wire::account::app_of_token(&answer).map_or(OwnApp::NotToBeHad, OwnApp::Known)
            }
            Err(failure) if is_refused(&failure) => OwnApp::NotToBeHad,
            Err(_) => OwnApp::NotAsked,
        };
        if matches!(app_id, OwnApp::NotToBeHad) {
            tracing::warn!(
                "meta does not say which app the token belongs to; set the app id to see whether webhooks are subscribed"
            );
        }
        *self.own_app.lock().unwrap_or_else(PoisonError::into_inner) = app_id.clone();
        if let OwnApp::Known(app_id) = app_id {
            Some(app_id)
        } else {
            None
        }
    }

    /// Reads pages until the last, or until something is in the way; what was read is kept either way.
    async fn list<T>(
        &self,
        endpoint: Endpoint,
        path: &str,
        waba_id: &WabaId,
        calls: &dyn Calls,
        read: impl Fn(&Value, &mut Oddities) -> Option<T>,
        mut note_page: impl FnMut(&Value),
    ) -> Listed<T> {
        let mut found = Vec::new();
        let mut cursors: BTreeSet<String> = BTreeSet::new();
        let mut after: Option<String> = None;
        let mut size = LARGEST_PAGE;
        let failure = loop {
            let page = match self
                .page(endpoint, path, size, after.as_deref(), waba_id, calls)
                .await
            {
                Ok(page) => page,
                Err(failure) if failure.wants_smaller_pages() && size > SMALLEST_PAGE => {
                    size = (size / 2).max(SMALLEST_PAGE);
                    continue;
                }
                Err(failure) => break Some(failure),
            };
            let mut odd = Oddities::new();
            found.extend(
                objects(&page)
                    .iter()
                    .filter_map(|object| read(object, &mut odd)),
            );
            odd.iter().for_each(|oddity| oddity.record(&self.telemetry));
            note_page(&page);
            if is_broken_off(&page) {
                break Some(self.count(endpoint, Failure::of(FailureKind::Malformed)));
            }
            match next_cursor(&page) {
                None => break None,
                Some(cursor) if cursors.len() < MAX_PAGES && cursors.insert(cursor.to_owned()) => {
                    after = Some(cursor.to_owned());
                }
                Some(_) => break Some(self.count(endpoint, Failure::of(FailureKind::Malformed))),
            }
        };
        Listed {
            listing: Listing {
                objects: found,
                complete: failure.is_none(),
            },
            failure,
        }
    }

    /// One page; the summary is left out once Meta has refused it.
    async fn page(
        &self,
        endpoint: Endpoint,
        path: &str,
        size: u32,
        after: Option<&str>,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<Value, Failure> {
        let mut query = vec![("limit", size.to_string())];
        query.extend(after.map(|after| ("after", after.to_owned())));
        // The first page says it all; the others need not say it again.
        let wants_summary = endpoint == Endpoint::MessageTemplates && after.is_none();
        if !wants_summary || self.summary_refused.load(Ordering::Relaxed) {
            return self
                .call_with_fields(endpoint, path, &query, waba_id, calls)
                .await;
        }
        let mut with_summary = query.clone();
        with_summary.push(("summary", SUMMARY.to_owned()));
        match self
            .call_with_fields(endpoint, path, &with_summary, waba_id, calls)
            .await
        {
            Err(failure) if failure.kind() == FailureKind::InvalidParameter => {
                let page = self
                    .call_with_fields(endpoint, path, &query, waba_id, calls)
                    .await?;
                self.summary_refused.store(true, Ordering::Relaxed);
                tracing::warn!(
                    "meta refuses the summary of templates, their limit will not be known"
                );
                Ok(page)
            }
            page => page,
        }
    }

    /// One call for the endpoint's fields, asked again without each that Meta says does not exist.
    async fn call_with_fields(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &[(&'static str, String)],
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<Value, Failure> {
        let mut drops = 0;
        loop {
            let mut query = query.to_vec();
            query.push(("fields", self.fields.asked(endpoint, clock::now())));
            let failure = match self.call(endpoint, path, &query, waba_id, calls).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let dropped = failure.field().is_some_and(|field| {
                self.fields
                    .drop_field(endpoint, field, clock::now(), &self.telemetry)
            });
            drops += 1;
            if !dropped || drops > MAX_FIELDS_DROPPED {
                return Err(failure);
            }
        }
    }

    /// One call, counted, with what it says of the quota passed on.
    async fn call(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &[(&'static str, String)],
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<Value, Failure> {
        if !calls.may_call() {
            return Err(Failure::of(FailureKind::BudgetSpent));
        }
        self.telemetry
            .graph_requests
            .with_label_values(&[endpoint.as_str()])
            .inc();
        let response = self
            .send(path, query)
            .await
            .map_err(|failure| self.count(endpoint, failure))?;
        self.note_version(response.headers());
        let usage = Usage::read(response.headers(), waba_id);
        if let Some(usage) = &usage {
            usage.record(waba_id, &self.telemetry);
            calls.used(usage);
        }
        let regain = usage.and_then(|usage| usage.regain_after);
        let answer = answer::read(response, self.max_answer_bytes).await;
        answer.map_err(|failure| self.count(endpoint, failure.or_after(regain)))
    }

    async fn send(
        &self,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Response, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(&self.api_version)
                .extend(path.split('/'));
        }
        let mut request = self
            .http
            .get(url)
            .header(AUTHORIZATION, &self.authorization)
            .query(query);
        if let Some(proof) = &self.proof {
            request = request.query(&[("appsecret_proof", proof.expose_secret())]);
        }
        request
            .send()
            .await
            .map_err(|error| Failure::from_transport(&error))
    }

    fn count(&self, endpoint: Endpoint, failure: Failure) -> Failure {
        let labels = [endpoint.as_str(), failure.kind().as_str()];
        self.telemetry
            .graph_request_failures
            .with_label_values(&labels)
            .inc();
        failure
    }

    /// Meta does not honour the version asked for: both are shown, and a difference is logged once.
    fn note_version(&self, headers: &HeaderMap) {
        let version = headers
            .get("facebook-api-version")
            .and_then(|version| version.to_str().ok());
        let Some(version) = version.filter(|version| is_a_version(version)) else {
            return;
        };
        let mut known = self
            .answered_version
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() == Some(version) {
            return;
        }
        let asked = self.api_version.as_str();
        if let Some(before) = known.as_deref() {
            drop(
                self.telemetry
                    .graph_api_version
                    .remove_label_values(&[asked, before]),
            );
        }
        self.telemetry
            .graph_api_version
            .with_label_values(&[asked, version])
            .set(1);
        if version != asked {
            tracing::warn!(
                asked,
                answered = version,
                "meta answers with another api version than asked for"
            );
        }
        *known = Some(version.to_owned());
    }
}

/// A refusal that a simpler question may avoid.
fn is_refused(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter | FailureKind::Permission | FailureKind::UnknownField
    )
}

/// `v25.0` and its like: it becomes a label.
fn is_a_version(version: &str) -> bool {
    version.len() <= 8
        && version.strip_prefix('v').is_some_and(|rest| {
            rest.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
}

fn proof(app_secret: &SecretString, access_token: &SecretString) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.expose_secret().as_bytes())
        .expect("a key of any length will do");
    mac.update(access_token.expose_secret().as_bytes());
    hex::encode(mac.finalize().into_bytes()).into()
}
