//! Reads an app's access: its token and its webhook subscriptions.

use std::sync::PoisonError;

use reqwest::Url;
use secrecy::ExposeSecret;

use super::client::{OwnApp, is_refused};
use super::credentials::Credentials;
use super::dropped::DROPPED_FOR;
use super::transport::{Caller, GraphRequest, Query};
use super::{Calls, Client, Endpoint, Failure, FailureKind, wire};
use crate::clock;
use crate::domain::access::{Subscription, Token};
use crate::domain::{AppId, Timestamp};
use crate::ingest::ParseWarnings;

/// Whether the callback URL that Meta reports is the expected one, apart from equivalent spellings.
#[must_use]
pub fn is_callback(there: &str, expected: &Url) -> bool {
    Url::parse(there).ok().as_ref() == Some(expected)
}

impl Client {
    /// Inspects the client's token. A rejected token is a valid result.
    ///
    /// # Errors
    /// If there was no response.
    pub async fn read_token(&self, calls: &dyn Calls) -> Result<Token, Failure> {
        self.inspect_own_token(Caller::for_app(calls)).await
    }

    /// Reads the callback URL of the app's WhatsApp webhooks and the subscribed fields. `None` if the app's id or
    /// secret is not known.
    ///
    /// # Errors
    /// If there was no response, or if the secret does not belong to the app.
    pub async fn read_subscription(
        &self,
        calls: &dyn Calls,
    ) -> Result<Option<Subscription>, Failure> {
        let caller = Caller::for_app(calls);
        let Some(app_id) = self.own_app(caller).await else {
            return Ok(None);
        };
        let Some(credentials) = self.as_app(&app_id) else {
            return Ok(None);
        };
        let (path, none) = (format!("{app_id}/subscriptions"), Query::new());
        let request = GraphRequest::get(Endpoint::Subscriptions, &path, &none);
        let answer = self
            .transport
            .call_as(&credentials, request, caller)
            .await?;
        let mut warnings = ParseWarnings::new();
        let subscription = wire::access::subscription(&answer, &mut warnings);
        warnings
            .iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
        Ok(Some(subscription))
    }

    /// The app of this client's token, which is requested once.
    pub(super) async fn own_app(&self, caller: Caller<'_>) -> Option<AppId> {
        match self.own_app_so_far() {
            OwnApp::Known(app_id) => return Some(app_id),
            OwnApp::UnknownUntil(until) if clock::now() < until => return None,
            OwnApp::UnknownUntil(_) | OwnApp::NotAsked => {}
        }
        let inspected = self.inspect_own_token(caller).await;
        if inspected.is_err_and(|failure| is_refused(&failure)) {
            self.note_own_app(None, clock::now());
        }
        self.app_id()
    }

    /// The app, if known without a request.
    #[must_use]
    pub fn app_id(&self) -> Option<AppId> {
        match self.own_app_so_far() {
            OwnApp::Known(app_id) => Some(app_id),
            OwnApp::NotAsked | OwnApp::UnknownUntil(_) => None,
        }
    }

    async fn inspect_own_token(&self, caller: Caller<'_>) -> Result<Token, Failure> {
        // With the app's own credentials, a token can be inspected that Meta no longer accepts, unless the secret is
        // wrong.
        if let Some(credentials) = self.app_id().and_then(|app_id| self.as_app(&app_id)) {
            match self.debug_token(&credentials, caller).await {
                Err(failure) if is_refused(&failure) || failure.is_about_credentials() => {}
                inspected => return inspected,
            }
        }
        let inspected = match self.debug_token(self.transport.own(), caller).await {
            // The proof was made with another app's secret. The token itself may be valid, so retry without a
            // proof.
            Err(failure) if failure.kind() == FailureKind::AppSecret => {
                let unproven = self.transport.unproven();
                let inspected = self.debug_token(unproven, caller).await;
                inspected.map_err(|other| {
                    if other.is_about_credentials() {
                        failure
                    } else {
                        other
                    }
                })
            }
            inspected => inspected,
        };
        match inspected {
            Err(failure) if failure.kind() == FailureKind::Token => Ok(Token::default()),
            Ok(token) => {
                if token.is_valid {
                    self.note_own_app(token.app_id.clone(), clock::now());
                }
                Ok(token)
            }
            inspected => inspected,
        }
    }

    async fn debug_token(
        &self,
        credentials: &Credentials,
        caller: Caller<'_>,
    ) -> Result<Token, Failure> {
        // `debug_token` accepts the inspected token only as a query parameter.
        let query = vec![("input_token", self.access_token.expose_secret().to_owned())];
        let request = GraphRequest::get(Endpoint::DebugToken, "debug_token", &query);
        let answer = self.transport.call_as(credentials, request, caller).await?;
        let mut warnings = ParseWarnings::new();
        let token = wire::access::token(&answer, &mut warnings);
        warnings
            .iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
        Ok(token)
    }

    pub(super) fn as_app(&self, app_id: &AppId) -> Option<Credentials> {
        let secret = self.app_secret.as_ref()?;
        // A secret with a line break can sign webhooks, but cannot be sent.
        Credentials::for_app(app_id, secret).ok()
    }

    fn own_app_so_far(&self) -> OwnApp {
        let own_app = self.own_app.lock();
        own_app.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_own_app(&self, found: Option<AppId>, now: Timestamp) {
        let mut own_app = self.own_app.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*own_app, found) {
            (OwnApp::Known(_), _) => {}
            (_, Some(app_id)) => *own_app = OwnApp::Known(app_id),
            // As for rejected fields: retried after a day, because a permission may have been granted.
            (_, None) => {
                *own_app = OwnApp::UnknownUntil(now.plus(DROPPED_FOR));
                tracing::warn!(
                    "could not determine the app of the access token; set the app id to check webhook subscriptions"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::meta::{Meta, OWN_APP, ScriptedAnswer};
    use super::*;

    fn set(meta: &Meta, own_app: OwnApp) {
        *meta.client.own_app.lock().expect("no panic") = own_app;
    }

    #[tokio::test]
    async fn the_app_of_a_token_is_requested_again_after_a_day() {
        let refusal = ScriptedAnswer::error(&json!({"code": 100, "message": "made up"}));
        let inspected = json!({"data": {"is_valid": true, "app_id": OWN_APP}});
        let meta = Meta::answering([refusal, ScriptedAnswer::json(&inspected)]).await;
        let caller = Caller::for_app(&meta.calls);
        set(&meta, OwnApp::NotAsked);
        // Other tests may correct the clock of the process.
        let slack = Duration::from_secs(60);
        let before = clock::now().minus(slack);
        assert_eq!(meta.client.own_app(caller).await, None);
        assert_eq!(meta.client.own_app(caller).await, None);
        assert_eq!(meta.received().len(), 1, "the refusal counts for a day");
        let OwnApp::UnknownUntil(until) = meta.client.own_app_so_far() else {
            panic!("it was refused");
        };
        assert!(
            until >= before.plus(DROPPED_FOR) && until <= clock::now().plus(DROPPED_FOR + slack)
        );

        set(&meta, OwnApp::UnknownUntil(clock::now().minus(slack)));
        assert_eq!(meta.client.own_app(caller).await, AppId::parse(OWN_APP));
        assert_eq!(meta.received().len(), 2);
    }

    #[tokio::test]
    async fn a_response_about_the_token_ends_the_wait() {
        let inspected = json!({"data": {"is_valid": true, "app_id": OWN_APP}});
        let meta = Meta::answering([ScriptedAnswer::json(&inspected)]).await;
        set(&meta, OwnApp::UnknownUntil(clock::now().plus(DROPPED_FOR)));
        meta.client
            .read_token(&meta.calls)
            .await
            .expect("an answer");
        assert_eq!(meta.client.app_id(), AppId::parse(OWN_APP));
    }
}
