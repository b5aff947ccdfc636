//! The only calls that change something at Meta: the subscriptions of an app to accounts and webhook fields.
//!
//! Only the commands `subscribe` and `unsubscribe` make them.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::transport::{Caller, GraphRequest, Query};
use super::{Calls, Client, Endpoint, Failure, FailureKind};
use crate::domain::WabaId;

/// The object that all fields of this exporter belong to.
const WHATSAPP: &str = "whatsapp_business_account";

impl Client {
    /// Subscribes the token's app to an account. If it is already subscribed, this removes an override of its
    /// callback, so check first.
    ///
    /// # Errors
    /// If Meta did not subscribe the app.
    pub async fn subscribe(&self, waba_id: &WabaId, calls: &dyn Calls) -> Result<(), Failure> {
        self.change_subscription(Method::POST, waba_id, calls).await
    }

    /// Unsubscribes the token's app from an account.
    ///
    /// # Errors
    /// If Meta did not unsubscribe the app.
    pub async fn unsubscribe(&self, waba_id: &WabaId, calls: &dyn Calls) -> Result<(), Failure> {
        self.change_subscription(Method::DELETE, waba_id, calls)
            .await
    }

    async fn change_subscription(
        &self,
        method: Method,
        waba_id: &WabaId,
        calls: &dyn Calls,
    ) -> Result<(), Failure> {
        let (path, none) = (format!("{waba_id}/subscribed_apps"), Query::new());
        let request = GraphRequest {
            method,
            ..GraphRequest::get(Endpoint::SubscribedApps, &path, &none)
        };
        let caller = Caller::for_account(waba_id, calls);
        let answer = self
            .transport
            .call_as(self.transport.own(), request, caller);
        self.succeeded(Endpoint::SubscribedApps, &answer.await?)
    }

    /// Sets the app's callback URL, and subscribes exactly these fields. Before Meta responds, it verifies the
    /// callback with the verify token.
    ///
    /// # Errors
    /// If Meta did not do it, or if the app's id or secret is not known.
    pub async fn set_webhook(
        &self,
        callback_url: &str,
        verify_token: &SecretString,
        fields: &[String],
        calls: &dyn Calls,
    ) -> Result<(), Failure> {
        let caller = Caller::for_app(calls);
        let unknown = || Failure::new(FailureKind::Token);
        let app_id = self.own_app(caller).await.ok_or_else(unknown)?;
        let credentials = self.as_app(&app_id).ok_or_else(unknown)?;
        let (path, none) = (format!("{app_id}/subscriptions"), Query::new());
        let request = GraphRequest {
            method: Method::POST,
            body: Some(json!({
                "object": WHATSAPP,
                "callback_url": callback_url,
                "verify_token": verify_token.expose_secret(),
                "fields": fields.join(","),
            })),
            ..GraphRequest::get(Endpoint::Subscriptions, &path, &none)
        };
        let answer = self.transport.call_as(&credentials, request, caller);
        self.succeeded(Endpoint::Subscriptions, &answer.await?)
    }

    fn succeeded(&self, endpoint: Endpoint, answer: &Value) -> Result<(), Failure> {
        if answer.get("success").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        let failure = Failure::new(FailureKind::Malformed);
        Err(self.transport.count(endpoint, failure))
    }
}
