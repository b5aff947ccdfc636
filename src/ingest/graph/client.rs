//! The client of one app: one token, and the accounts it may read.

use std::fmt;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use serde_json::Value;

use super::dropped::{DroppedFields, Refusal, Target};
use super::fields::SUBSCRIBED_APPS;
use super::transport::{Caller, Query, Transport};
use super::{Calls, ClientOptions, Endpoint, Failure, FailureKind, Listed, wire};
use crate::clock;
use crate::domain::{AppId, Timestamp, WabaId, Word, account, number, template};
use crate::ingest::ParseWarnings;
use crate::telemetry::Telemetry;

/// How often one question is asked again with a field less: more fields than this do not vanish at once.
const MAX_FIELDS_DROPPED: usize = 8;

/// One app's access to the Graph API.
pub struct Client {
    pub(super) transport: Transport,
    pub(super) fields: DroppedFields,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) access_token: SecretString,
    pub(super) app_secret: Option<SecretString>,
    pub(super) own_app: Mutex<OwnApp>,
}

/// Which app the token belongs to.
#[derive(Clone, Debug)]
pub(super) enum OwnApp {
    NotAsked,
    Known(AppId),
    /// Meta did not return the app; not requested again before this time.
    NotToldUntil(Timestamp),
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("base", &self.transport.base().as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the token cannot stand in a header.
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

    /// Requests every field again, also those that Meta rejected.
    pub fn request_all_fields(&self) {
        self.fields.forget_all();
    }

    /// Reads the account's node, and whether this app is subscribed to its webhooks.
    ///
    /// # Errors
    /// If the node could not be read. Who is subscribed is a lesser question: where it finds no
    /// answer, the node still counts.
    pub async fn read_account(
        &self,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<account::Snapshot, Failure> {
        let caller = Caller::for_account(waba_id, calls);
        let node = self.account_node(waba_id, caller).await?;
        let mut odd = ParseWarnings::new();
        let mut snapshot = wire::account::snapshot(&node, &mut odd);
        if let Some(own_app) = self.own_app(caller).await {
            snapshot.webhook_subscribed = match wire::account::expanded(&node, &own_app, &mut odd) {
                Some(subscribed) => Some(subscribed),
                None => self.ask_the_edge(waba_id, &own_app, caller, &mut odd).await,
            };
        }
        odd.iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
        Ok(snapshot)
    }

    /// Lists the account's numbers with everything about each, health included.
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

    /// Lists the account's templates, with the totals that Meta gives beside them.
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

    /// One call for the endpoint's fields, asked again without each that Meta says does not exist.
    pub(super) async fn call_with_fields(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &Query,
        without: Option<&str>,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let target = Target::new(endpoint, path);
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
            let (now, refusal) = (clock::now(), Refusal::from_failure(endpoint, &failure));
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

    /// The node, with the edge of subscribed apps where Meta lets that be read along.
    async fn account_node(&self, waba_id: &WabaId, caller: Caller<'_>) -> Result<Value, Failure> {
        let (endpoint, path, none) = (Endpoint::Account, waba_id.as_str(), Query::new());
        let target = Target::new(endpoint, path);
        let asks_for_apps = self.fields.requests(target, SUBSCRIBED_APPS, clock::now());
        let refusal = match self
            .call_with_fields(endpoint, path, &none, None, caller)
            .await
        {
            Err(failure) if asks_for_apps && is_refused(&failure) => failure,
            node => return node,
        };
        let alone = self
            .call_with_fields(endpoint, path, &none, Some(SUBSCRIBED_APPS), caller)
            .await;
        // Only a node that can be read without the edge shows that the edge was what Meta refused.
        let node = alone.map_err(|_| refusal)?;
        // A missing permission for this edge does not apply to other accounts.
        self.fields
            .drop_field(target, SUBSCRIBED_APPS, Refusal::OfObject, clock::now());
        Ok(node)
    }

    /// The edge by itself: where it was refused as a field, or left out, as Meta does with empty edges.
    async fn ask_the_edge(
        &self,
        waba_id: &WabaId,
        own_app: &AppId,
        caller: Caller<'_>,
        odd: &mut ParseWarnings,
    ) -> Option<bool> {
        let path = format!("{waba_id}/{SUBSCRIBED_APPS}");
        let apps = self
            .transport
            .call(Endpoint::SubscribedApps, &path, &Query::new(), caller)
            .await;
        wire::account::subscribed(&apps.ok()?, own_app, odd)
    }
}

/// An edge of an account, and whom its calls are charged to.
fn account_call<'a>(
    endpoint: Endpoint,
    waba_id: &'a WabaId,
    calls: &'a dyn Calls,
) -> (String, Caller<'a>) {
    let caller = Caller::for_account(waba_id, calls);
    (format!("{waba_id}/{}", endpoint.as_str()), caller)
}

/// A refusal that a simpler question may avoid.
pub(super) fn is_refused(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter | FailureKind::Permission | FailureKind::UnknownField
    )
}
