//! The client of one app: one token, and the accounts it may read.

use std::fmt;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use serde_json::Value;

use super::dropped::{DroppedFields, RejectionScope, RequestTarget};
use super::fields::{PRIMARY_FUNDING_ID, REFUSABLE, SUBSCRIBED_APPS};
use super::transport::{Caller, Query, Transport};
use super::{Calls, ClientOptions, Endpoint, Failure, FailureKind, Listed, wire};
use crate::clock;
use crate::domain::account::Funding;
use crate::domain::{AppId, Timestamp, WabaId, Word, account, number, template};
use crate::ingest::ParseWarnings;
use crate::telemetry::Telemetry;

/// Maximum number of fields dropped from one request: more do not disappear at once.
const MAX_FIELDS_DROPPED: usize = 8;

/// The access of one app to the Graph API.
pub struct Client {
    pub(super) transport: Transport,
    pub(super) fields: DroppedFields,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) access_token: SecretString,
    pub(super) app_secret: Option<SecretString>,
    pub(super) own_app: Mutex<OwnApp>,
}

/// The app that the token belongs to.
#[derive(Clone, Debug)]
pub(super) enum OwnApp {
    NotAsked,
    Known(AppId),
    /// Meta did not return the app; not requested again before this time.
    UnknownUntil(Timestamp),
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("base", &self.transport.base().as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has not sent a request yet.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the token is not a valid header value.
    pub fn new(options: ClientOptions, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        Ok(Self {
            transport: Transport::new(&options, Arc::clone(&telemetry))?,
            fields: DroppedFields::new(Arc::clone(&telemetry)),
            telemetry,
            access_token: options.access_token,
            app_secret: options.app_secret,
            own_app: Mutex::new(options.app_id.map_or(OwnApp::NotAsked, OwnApp::Known)),
        })
    }

    /// Drops the state of an account that is no longer watched.
    pub fn forget_account(&self, waba_id: &WabaId) {
        self.fields.forget(waba_id.as_str());
    }

    /// Requests every field again, including those that Meta rejected.
    pub fn request_all_fields(&self) {
        self.fields.forget_all();
    }

    /// Reads the account's node, and whether this app is subscribed to its webhooks.
    ///
    /// # Errors
    /// If the node could not be read. A failure to read the subscription does not fail the call.
    pub async fn read_account(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<account::Snapshot, Failure> {
        let caller = Caller::for_account(waba_id, calls);
        let AccountNode { node, has_funding } = self.account_node(waba_id, caller).await?;
        let mut warnings = ParseWarnings::new();
        let mut snapshot = wire::account::snapshot(&node, &mut warnings);
        snapshot.funding = snapshot.funding.or(Some(if has_funding {
            Funding::Missing
        } else {
            Funding::Unknown
        }));
        if let Some(own_app) = self.own_app(caller).await {
            let own = match wire::account::expanded(&node, &own_app, &mut warnings) {
                Some(own) => Some(own),
                None => {
                    self.request_edge(waba_id, &own_app, caller, &mut warnings)
                        .await
                }
            };
            if let Some(own) = own {
                own.write_to(&mut snapshot);
            }
        }
        warnings
            .iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
        Ok(snapshot)
    }

    /// Lists the account's numbers with all their fields, including health.
    pub async fn list_numbers(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Listed<number::Snapshot> {
        let endpoint = Endpoint::PhoneNumbers;
        let (path, caller) = account_call(endpoint, waba_id, calls);
        self.list((endpoint, &path), caller, wire::number::snapshot, |_| {})
            .await
    }

    /// Lists the account's templates, with their totals.
    pub async fn list_templates(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> (Listed<template::Snapshot>, template::Totals) {
        let endpoint = Endpoint::MessageTemplates;
        let (path, caller) = account_call(endpoint, waba_id, calls);
        let mut totals = template::Totals::default();
        let note_totals = |page: &Value| totals = wire::template::totals(page).or(totals);
        let listed = self
            .list(
                (endpoint, &path),
                caller,
                wire::template::snapshot,
                note_totals,
            )
            .await;
        (listed, totals)
    }

    /// Calls with the endpoint's fields, and retries without each field that Meta rejects as unknown.
    pub(super) async fn call_with_fields(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &Query,
        without: &[&str],
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let target = RequestTarget::new(endpoint, path);
        let mut drops = 0;
        loop {
            let requested = self.fields.requested(target, without, clock::now());
            let mut query = query.clone();
            query.push(("fields", requested.clone()));
            let answer = self.transport.call(endpoint, path, &query, caller).await;
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            drops += 1;
            if drops > MAX_FIELDS_DROPPED || failure.kind() != FailureKind::UnknownField {
                return Err(failure);
            }
            let (now, refusal) = (
                clock::now(),
                RejectionScope::from_failure(endpoint, &failure),
            );
            let is_simpler_now = failure.field().is_some_and(|field| {
                self.fields.drop_field(target, field, refusal, now)
                    // Another poll dropped it while this request was in flight.
                    || self.fields.requested(target, without, now) != requested
            });
            if !is_simpler_now {
                return Err(failure);
            }
        }
    }

    /// The node, with those refusable parts that Meta allows reading along with it.
    async fn account_node(
        &self,
        waba_id: &WabaId,
        caller: Caller<'_>,
    ) -> Result<AccountNode, Failure> {
        let (endpoint, path, none) = (Endpoint::Account, waba_id.as_str(), Query::new());
        let target = RequestTarget::new(endpoint, path);
        let requests = |field| self.fields.requests(target, field, clock::now());
        let refusable = REFUSABLE.into_iter().filter(|field| requests(field));
        let refusable: Vec<&'static str> = refusable.collect();
        let mut refusal = None;
        for count in 0..=refusable.len() {
            let (without, kept) = refusable.split_at(count);
            let answer = self.call_with_fields(endpoint, path, &none, without, caller);
            match answer.await {
                Ok(node) => {
                    // A part counts as rejected only if the node can be read without it. A missing permission for it
                    // does not apply to other accounts.
                    if let Some(rejected) = without.last() {
                        let scope = RejectionScope::OfObject;
                        self.fields
                            .drop_field(target, rejected, scope, clock::now());
                    }
                    // An unknown field is dropped within the call.
                    let has_funding =
                        kept.contains(&PRIMARY_FUNDING_ID) && requests(PRIMARY_FUNDING_ID);
                    return Ok(AccountNode { node, has_funding });
                }
                Err(failure) if is_refused(&failure) => {
                    refusal.get_or_insert(failure);
                }
                Err(failure) => return Err(refusal.unwrap_or(failure)),
            }
        }
        Err(refusal.expect("the first call was refused"))
    }

    /// Reads the edge by itself. Used if it was rejected as a field, or omitted, as Meta does with empty edges.
    async fn request_edge(
        &self,
        waba_id: &WabaId,
        own_app: &AppId,
        caller: Caller<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<wire::account::OwnSubscription> {
        let path = format!("{waba_id}/{SUBSCRIBED_APPS}");
        let apps = self
            .transport
            .call(Endpoint::SubscribedApps, &path, &Query::new(), caller)
            .await;
        wire::account::subscribed(&apps.ok()?, own_app, warnings)
    }
}

/// The node of an account.
struct AccountNode {
    node: Value,
    /// Whether the request contained `primary_funding_id`, so that its absence is meaningful.
    has_funding: bool,
}

/// An edge of an account, and the account whose quota its calls use.
fn account_call<'a>(
    endpoint: Endpoint,
    waba_id: &'a WabaId,
    calls: &'a dyn Calls,
) -> (String, Caller<'a>) {
    let caller = Caller::for_account(waba_id, calls);
    (format!("{waba_id}/{}", endpoint.as_str()), caller)
}

/// Whether Meta rejected the request, so that a simpler one may succeed.
pub(super) fn is_refused(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter | FailureKind::Permission | FailureKind::UnknownField
    )
}
